"""待遇: claims, entitlements and their calculation sheets."""

from typing import TYPE_CHECKING, Any

from node.benefits.events import person_events
from node.benefits.life_records import LIFE_TYPES
from node.benefits.matters import BenefitClaim
from node.benefits.matters_life import LIFE_MATTERS
from node.benefits.rate_records import RATED
from node.benefits.records import DETERMINED
from node.benefits.replicas import REPLICAS
from node.benefits.section import person_section
from node.benefits.worklist import CERTIFY
from node.cases.matter import Matter
from node.core.capability import Capability
from node.registry.sections import PERSON_SECTIONS
from node.registry.timeline import PERSON_EVENTS
from node.registry.worklists import WORKLISTS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.benefits import (  # noqa: PLC0415  # only a web process needs them
        adjustment_pages,
        api,
        certification_pages,
        pages,
        print_pages,
    )

    return [
        api.router,
        adjustment_pages.router,
        certification_pages.router,
        print_pages.router,
        pages.router,
    ]


def _matters() -> "tuple[Matter[Any], ...]":
    return (BenefitClaim(), *(matter() for matter in LIFE_MATTERS))


PERSON_SECTIONS.append(person_section)
WORKLISTS.append(CERTIFY)
PERSON_EVENTS.append(person_events)

CAPABILITY = Capability(
    name="benefits",
    record_types=(DETERMINED, RATED, *LIFE_TYPES),
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
)
