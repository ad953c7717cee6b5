"""银行: batch files out, result files in, for whoever collects or pays."""

from functools import partial
from typing import TYPE_CHECKING

from node.banking.exchange import exchange
from node.core.capability import Capability, Job
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.banking import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _run(settings: Settings, uow: UnitOfWork) -> str:
    if settings.bank_folder is None:
        raise Invalid("没有配置与银行交换文件的文件夹 bank_folder")
    return str(exchange(uow, settings.bank_folder))


def _jobs(settings: Settings) -> "Sequence[Job]":
    """Only where files travel through a folder; elsewhere people carry them (pages)."""
    if settings.bank_folder is None:
        return ()
    run = partial(_run, settings)
    return (Job("banking.exchange", "与银行交换文件", every_minutes=1, run=run),)


CAPABILITY = Capability(name="banking", routers=_routers, jobs_of=_jobs)
