"""待遇: claims, entitlements and their calculation sheets."""

from typing import TYPE_CHECKING

from node.benefits.matters import BenefitClaim
from node.benefits.records import DETERMINED
from node.core.capability import Capability

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.benefits import api  # noqa: PLC0415  # only a web process needs it

    return [api.router]


def _matters() -> tuple[BenefitClaim, ...]:
    return (BenefitClaim(),)


CAPABILITY = Capability(
    name="benefits", record_types=(DETERMINED,), matters=_matters, routers=_routers
)
