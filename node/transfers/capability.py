"""关系转移: people who move between counties, with their accounts and years."""

from typing import TYPE_CHECKING, Any

from node.cases.matter import Matter
from node.core.capability import Capability
from node.registry.timeline import PERSON_EVENTS
from node.transfers.events import person_events
from node.transfers.matters import TransferIn, TransferOut
from node.transfers.matters_elsewhere import TransferAway, TransferFrom
from node.transfers.records import RECORD_TYPES
from node.transfers.replicas import REPLICAS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.transfers import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _matters() -> "tuple[Matter[Any], ...]":
    return (TransferIn(), TransferOut(), TransferAway(), TransferFrom())


PERSON_EVENTS.append(person_events)

CAPABILITY = Capability(
    name="transfers",
    record_types=RECORD_TYPES,
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
)
