"""Lists of a year that hang in the village for everybody to see (年度名单公示), without cases.

Capabilities above say what is on them: each adds a `YearlyList`. Objections and answers are those
of any notice; what was found wrong is mended by the matter it belongs to, nothing waits for a list.
Source: 人社部发〔2014〕23号 (缴费情况每年在村公示), domain.md §3.7; numbers are masked
(个人信息保护法 §25).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlmodel import col, select

from node.cases.matter import matter_title
from node.cases.steps import notice_days
from node.core.db import insert_new
from node.core.errors import Conflict, Invalid, NotFound
from node.core.ids import new_id
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from node.notices.models import PublicNotice
from node.notices.records import ISSUED, notices, tell
from node.notices.service import ROWS_MOST, require_deciding


@dataclass(frozen=True, slots=True)
class Listed:
    """One person on a list: what stands in the columns of the list, and a name for the line."""

    village: str
    line: str
    name: str
    sex: str
    citizen_number: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class YearlyList:
    """A list by its code. `rows` finds who is on it: in a village, or in the region below a prefix.

    `said` is what the paper tells, `columns` the headings beyond name, sex and number.
    """

    code: str
    title: str
    said: str
    columns: Sequence[str]
    rows: Callable[[UnitOfWork, str, int], Iterable[Listed]]


YEARLY: dict[str, YearlyList] = {}


def hang(one: YearlyList) -> None:
    """Let a list be posted."""
    YEARLY[one.code] = one


def title_of(notice: PublicNotice) -> str:
    """What a notice is called: the matter, or the list."""
    yearly = YEARLY.get(notice.matter)
    return yearly.title if yearly else matter_title(notice.matter)


def columns_of(notice: PublicNotice) -> Sequence[str]:
    """The headings of what a list says of everybody; none for a list of cases."""
    yearly = YEARLY.get(notice.matter)
    return yearly.columns if yearly else ()


def offered(uow: UnitOfWork) -> list[tuple[YearlyList, int]]:
    """The lists the bulletin in force asks for, with the days they hang."""
    found = [(one, notice_days(uow, one.code)) for one in YEARLY.values()]
    return [(one, days) for one, days in found if days]


def issue_year(uow: UnitOfWork, code: str, year: int, *, village: str = "") -> list[PublicNotice]:
    """Make the lists of a year for a village, or for every village of the actor's region, and send
    them there. A village that has its lists already gets no second ones.

    Raises:
        Forbidden: the actor does not decide cases at the county.
        Invalid: no such list is posted here, the year lies ahead, or nobody is on the list.
        NotFound: the village lies outside the region the actor works for.
        Conflict: every village has its lists already.
    """
    require_deciding(uow)
    yearly, days = _asked(uow, code)
    if year > uow.today.year:
        raise Invalid("公示年度不能晚于今年", field="year")
    where = village or uow.actor.scope.prefix
    if not where.startswith(uow.actor.scope.prefix):
        raise NotFound("没有找到这个村，或不在您负责的区域内", field="village")
    rows = list(yearly.rows(uow, where, year))
    if not rows:
        raise Invalid(f"{year} 年度没有可以公示的人", field="year")
    had = _had(uow, code, year)
    made = [
        notice
        for place, mine in _by_village(rows)
        if place not in had
        for notice in _parts(uow, code, place, mine, year=year, days=days)
    ]
    if not made:
        raise Conflict(f"{year} 年度的名单已经生成，不能重复生成")
    insert_new(uow.connection, notices, [notice.model_dump() for notice in made])
    for notice in made:
        tell(uow, ISSUED, notice.id, _body(notice), village=notice.village)
    return made


def _asked(uow: UnitOfWork, code: str) -> tuple[YearlyList, int]:
    for one, days in offered(uow):
        if one.code == code:
            return one, days
    raise Invalid("现行公示办法没有规定公示这种名单", field="list")


def _had(uow: UnitOfWork, code: str, year: int) -> set[str]:
    statement = select(PublicNotice.village).where(
        PublicNotice.county_code == str(uow.node.county),
        PublicNotice.matter == code,
        col(PublicNotice.year) == year,
    )
    return set(uow.session.exec(statement))


def _by_village(rows: Iterable[Listed]) -> Iterator[tuple[str, list[Listed]]]:
    ordered = sorted(rows, key=lambda row: (row.village, row.name, row.line))
    for village, group in groupby(ordered, key=lambda row: row.village):
        yield village, list(group)


def _parts(
    uow: UnitOfWork, code: str, village: str, rows: Sequence[Listed], *, year: int, days: int
) -> Iterator[PublicNotice]:
    for part, start in enumerate(range(0, len(rows), ROWS_MOST), 1):
        told = [_row(row) for row in rows[start : start + ROWS_MOST]]
        yield PublicNotice(
            county_code=str(uow.node.county),
            id=new_id(),
            village=village,
            matter=code,
            days=days,
            rows=json.dumps(told, ensure_ascii=False),
            issued_on=uow.today,
            issued_by=uow.actor.name,
            year=year,
            part=part,
        )


def _row(row: Listed) -> dict[str, Any]:
    return {
        "case_id": "",
        "line": row.line,
        "name": row.name,
        "sex": row.sex,
        "number": mask_citizen_number(row.citizen_number),
        "values": list(row.values),
    }


def _body(notice: PublicNotice) -> Mapping[str, Any]:
    return {
        "matter": notice.matter,
        "days": notice.days,
        "rows": json.loads(notice.rows),
        "issued_on": notice.issued_on.isoformat(),
        "issued_by": notice.issued_by,
        "year": notice.year,
        "part": notice.part,
    }
