"""统计: figures at every tier, and the proof that they add up."""

from typing import TYPE_CHECKING

from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.statistics import service
from node.statistics.records import REPORTED
from node.statistics.replicas import REPLICAS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.statistics import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _report(uow: UnitOfWork) -> str:
    made = service.report(uow, uow.today.year)
    return f"{made.year} 年第 {made.version} 版"


CAPABILITY = Capability(
    name="statistics",
    record_types=(REPORTED,),
    routers=_routers,
    jobs=(Job("statistics.report", "上报统计", 24 * 60, _report),),
    replicas=REPLICAS,
)
