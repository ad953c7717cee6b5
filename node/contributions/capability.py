"""缴费: confirmed payments, subsidies, the year's cockpit."""

from typing import TYPE_CHECKING, Any

from node.accounts.events import MONTH_CHECKS, POSTING_REVERSED
from node.banking.events import RESULT_TAKEN
from node.contributions.closing import month_unexplained
from node.contributions.events import person_events
from node.contributions.matters import MakeUp
from node.contributions.orders import barred_grades, bring_up_to_date
from node.contributions.payments import hear_reversal
from node.contributions.posted_list import POSTED_LIST
from node.contributions.records import RECORD_TYPES
from node.contributions.replicas import REPLICAS
from node.contributions.under_way import barred_closings
from node.contributions.withholding import PURPOSE, hear_result
from node.contributions.worklist import UNPAID
from node.core.capability import Capability, Job
from node.notices.yearly import hang
from node.registry.events import CLOSING_CHECKS, GRADE_CHECKS
from node.registry.timeline import PERSON_EVENTS
from node.registry.worklists import WORKLISTS

if TYPE_CHECKING:
    from fastapi import APIRouter

    from node.cases.matter import Matter


def _routers() -> "list[APIRouter]":
    from node.contributions import (  # noqa: PLC0415  # only a web process needs them
        api,
        api_collection,
        pages,
        pages_collection,
        pages_collective,
        pages_receipts,
    )

    return [
        api.router,
        api_collection.router,
        pages_collection.router,
        pages_collective.router,
        pages_receipts.router,
        pages.router,
    ]


def _matters() -> "tuple[Matter[Any], ...]":
    return (MakeUp(),)


MONTH_CHECKS.append(month_unexplained)
POSTING_REVERSED.append(hear_reversal)
GRADE_CHECKS.append(barred_grades)
CLOSING_CHECKS.append(barred_closings)
RESULT_TAKEN[PURPOSE] = hear_result
PERSON_EVENTS.append(person_events)
WORKLISTS.append(UNPAID)
hang(POSTED_LIST)

CAPABILITY = Capability(
    name="contributions",
    record_types=RECORD_TYPES,
    routers=_routers,
    matters=_matters,
    jobs=(Job("contributions.orders", "更新本年应缴", 12 * 60, bring_up_to_date),),
    replicas=REPLICAS,
)
