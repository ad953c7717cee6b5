"""统计: figures at every tier, and the proof that they add up."""

from typing import TYPE_CHECKING

from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.statistics import service
from node.statistics.cells import counties_held, refresh
from node.statistics.records import REPORTED
from node.statistics.replicas import REPLICAS
from node.statistics.stale import OBSERVER, mark_everything

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.statistics import (  # noqa: PLC0415  # the web's alone
        api,
        behind_pages,
        pages,
        shares_pages,
        what_if_pages,
    )

    return [
        api.router,
        behind_pages.router,
        shares_pages.router,
        what_if_pages.router,
        pages.router,
    ]


def _report(uow: UnitOfWork) -> str:
    made = service.report_due(uow)
    return "，".join(f"{one.year}-{one.month:02d} 第 {one.version} 版" for one in made)


def _refresh(uow: UnitOfWork) -> str:
    return f"重新统计 {refresh(uow)} 项"


def _after_snapshot(uow: UnitOfWork) -> None:
    mark_everything(uow, counties_held(uow))


CAPABILITY = Capability(
    name="statistics",
    record_types=(REPORTED,),
    routers=_routers,
    jobs=(
        Job("statistics.report", "上报统计", 24 * 60, _report),
        Job("statistics.refresh", "重新统计有变动的县", 1, _refresh),
    ),
    observers=(OBSERVER,),
    after_snapshot=_after_snapshot,
    replicas=REPLICAS,
)
