"""用数监督: how counties enter, change and use data, told every day and open to questions."""

from typing import TYPE_CHECKING

from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.supervision.records import RECORD_TYPES
from node.supervision.replicas import REPLICAS
from node.supervision.service import digest_due

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.supervision import pages  # noqa: PLC0415  # only a web process needs them

    return [pages.router]


def _digest(uow: UnitOfWork) -> str:
    return "，".join(f"{made.day} {made.uses} 条" for made in digest_due(uow))


CAPABILITY = Capability(
    name="supervision",
    record_types=RECORD_TYPES,
    routers=_routers,
    jobs=(Job("supervision.digest", "每日用数摘要", 60, _digest),),
    replicas=REPLICAS,
)
