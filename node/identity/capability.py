"""What identity brings to a node."""

from collections.abc import Sequence

from fastapi import APIRouter

from node.core.capability import Capability, Job
from node.identity import sessions


def _routers() -> Sequence[APIRouter]:
    from node.identity import api, pages  # noqa: PLC0415  # a sync run needs no pages

    return (api.router, pages.router)


CAPABILITY = Capability(
    name="identity",
    routers=_routers,
    jobs=(Job("identity.sweep", "清理过期会话", every_minutes=60, run=sessions.sweep),),
)
