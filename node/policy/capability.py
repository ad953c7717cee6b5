"""政策: bulletins run down, acknowledgements climb."""

from typing import TYPE_CHECKING

from node.core.capability import Capability
from node.policy.records import ACKNOWLEDGED, PUBLISHED, WITHDRAWN
from node.policy.replicas import REPLICAS, acknowledge_all

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.policy import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


CAPABILITY = Capability(
    name="policy",
    record_types=(PUBLISHED, WITHDRAWN, ACKNOWLEDGED),
    routers=_routers,
    replicas=REPLICAS,
    after_snapshot=acknowledge_all,
)
