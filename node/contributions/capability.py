"""缴费: confirmed payments, subsidies, the year's cockpit."""

from typing import TYPE_CHECKING

from node.accounts.events import POSTING_REVERSED
from node.contributions.events import person_events
from node.contributions.payments import hear_reversal
from node.contributions.records import RECORD_TYPES
from node.contributions.replicas import REPLICAS
from node.contributions.worklist import UNPAID
from node.core.capability import Capability
from node.registry.timeline import PERSON_EVENTS
from node.registry.worklists import WORKLISTS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.contributions import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


POSTING_REVERSED.append(hear_reversal)
PERSON_EVENTS.append(person_events)
WORKLISTS.append(UNPAID)

CAPABILITY = Capability(
    name="contributions",
    record_types=RECORD_TYPES,
    routers=_routers,
    replicas=REPLICAS,
)
