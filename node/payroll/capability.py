"""发放: a month's pensions from the list to the cards, and the books behind them."""

from typing import TYPE_CHECKING, Any

from node.banking.service import RESULT_TAKEN
from node.cases.matter import Matter
from node.core.capability import Capability
from node.payroll.alerts import count_alerts
from node.payroll.bank import PURPOSE, take_answers
from node.payroll.cancelled import settle_closed
from node.payroll.lump_events import person_events
from node.payroll.matters import DeathReport
from node.payroll.matters_double import PensionEnd
from node.payroll.matters_payee import PayeeChange
from node.payroll.matters_recovery import OverpaymentRecovery
from node.payroll.records import RECORD_TYPES
from node.payroll.replicas import REPLICAS
from node.payroll.worklist import NOT_PAID
from node.registry.events import PERSON_CHANGED
from node.registry.timeline import PERSON_EVENTS
from node.registry.worklists import WORKLISTS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.payroll import (  # noqa: PLC0415  # only a web process needs them
        api,
        api_lists,
        forecast_pages,
        month_pages,
        pages,
        recovery_pages,
    )

    return [
        api.router,
        api_lists.router,
        forecast_pages.router,
        month_pages.router,
        recovery_pages.router,
        pages.router,
    ]


def _matters() -> "tuple[Matter[Any], ...]":
    return (DeathReport(), PensionEnd(), OverpaymentRecovery(), PayeeChange())


RESULT_TAKEN[PURPOSE] = take_answers
WORKLISTS.append(NOT_PAID)
PERSON_CHANGED.append(settle_closed)
PERSON_EVENTS.append(person_events)

CAPABILITY = Capability(
    name="payroll",
    record_types=RECORD_TYPES,
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
    calls={"/payroll": count_alerts},
)
