"""数据质量: nightly at the county, again at city and province on their replicas."""

from typing import TYPE_CHECKING

from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.quality.check import check
from node.quality.records import ANSWERED, FOUND, publish_found
from node.quality.replicas import REPLICAS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.quality import list_pages, pages  # noqa: PLC0415  # only a web process needs them

    return [list_pages.router, pages.router]


def run_check(uow: UnitOfWork) -> str:
    """Check, and tell counties what only this node can see."""
    number = check(uow)
    told = publish_found(uow)
    return f"未了问题 {number} 个，下发 {told} 个"


CAPABILITY = Capability(
    name="quality",
    record_types=(FOUND, ANSWERED),
    routers=_routers,
    jobs=(Job("quality.check", "核查数据质量", 24 * 60, run_check),),
    replicas=REPLICAS,
)
