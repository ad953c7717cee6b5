"""网络: nodes report upwards how they are."""

from typing import TYPE_CHECKING

from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.network.held_notices import HELD
from node.network.records import REPORTED
from node.network.replicas import REPLICAS
from node.network.reporting import report_all

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.network import (  # noqa: PLC0415  # only a web process needs them
        api,
        bundle_pages,
        coverage_pages,
        pages,
    )

    return [api.router, bundle_pages.router, coverage_pages.router, pages.router]


def _report(uow: UnitOfWork) -> str:
    return f"{report_all(uow)} 个节点"


CAPABILITY = Capability(
    name="network",
    record_types=(REPORTED, HELD),
    routers=_routers,
    jobs=(Job("network.report", "向上报告运行状况", 15, _report),),
    replicas=REPLICAS,
)
