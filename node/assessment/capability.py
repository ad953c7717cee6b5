"""考核和检查: how a city's counties work, scored from their facts, and visits with follow-up."""

from typing import TYPE_CHECKING

from node.assessment.records import RECORD_TYPES
from node.assessment.replicas import REPLICAS
from node.core.capability import Capability

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.assessment import pages  # noqa: PLC0415  # only a web process needs them

    return [pages.router]


CAPABILITY = Capability(
    name="assessment", record_types=RECORD_TYPES, routers=_routers, replicas=REPLICAS
)
