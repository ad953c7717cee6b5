"""Who has not paid this year: the coordinator's list for the collecting season."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, Table, exists

from node.contributions.models import Contribution
from node.core.work import UnitOfWork
from node.registry.codes import Standing
from node.registry.records import enrolments, people
from node.registry.worklists import Column, Line, Worklist
from node.registry.worklists_own import PERSON_COLUMNS, enrolled_people, person_line
from tiers import RegionCode

contributions: Table = Contribution.__table__  # type: ignore[attr-defined]


def _unpaid(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    """Who contributes and has no payment of this year that stands."""
    paid = exists().where(
        contributions.c.county_code == people.c.county_code,
        contributions.c.person_id == people.c.id,
        contributions.c.for_year == uow.today.year,
        contributions.c.reversed_entry.is_(None),
    )
    return enrolled_people(uow, region, enrolments.c.state == Standing.ACTIVE.value, ~paid)


def _line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    return person_line(uow, row, row["grade_fen"])


UNPAID = Worklist(
    code="unpaid",
    title="今年还没有缴费",
    lead="正常缴费状态、本年度还没有到账的人",
    columns=(*PERSON_COLUMNS, Column("缴费档次（元）", "fen")),
    asked=_unpaid,
    line=_line,
)
