"""待遇: claims, entitlements and their calculation sheets."""

from typing import TYPE_CHECKING

from node.benefits.matters import BenefitClaim
from node.benefits.records import DETERMINED
from node.benefits.replicas import REPLICAS
from node.benefits.section import person_section
from node.core.capability import Capability
from node.registry.sections import PERSON_SECTIONS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.benefits import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _matters() -> tuple[BenefitClaim, ...]:
    return (BenefitClaim(),)


PERSON_SECTIONS.append(person_section)

CAPABILITY = Capability(
    name="benefits",
    record_types=(DETERMINED,),
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
)
