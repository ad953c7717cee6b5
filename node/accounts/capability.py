"""个人账户: accounts, the fund's ledger, interest, statements."""

from typing import TYPE_CHECKING

from node.accounts.records import RECORD_TYPES
from node.accounts.replicas import REPLICAS, go_on_numbering
from node.accounts.section import person_section
from node.accounts.service import holdings, open_for_enrolments
from node.accounts.year_end import try_last_year
from node.core.capability import Capability, Job
from node.registry.events import ENROLMENT_OPENED, HOLDINGS
from node.registry.sections import PERSON_SECTIONS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.accounts import (  # noqa: PLC0415  # only a web process needs them
        api,
        books_pages,
        late_pages,
        opening_pages,
        pages,
        paper_pages,
        year_end_pages,
    )

    return [
        api.router,
        books_pages.router,
        late_pages.router,
        opening_pages.router,
        paper_pages.router,
        year_end_pages.router,
        pages.router,
    ]


ENROLMENT_OPENED.append(open_for_enrolments)
HOLDINGS.append(holdings)
PERSON_SECTIONS.append(person_section)

CAPABILITY = Capability(
    name="accounts",
    record_types=RECORD_TYPES,
    routers=_routers,
    jobs=(Job("accounts.try_year", "年度结息试算", 24 * 60, try_last_year),),
    replicas=REPLICAS,
    after_snapshot=go_on_numbering,
)
