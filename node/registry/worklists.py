"""Worklists (工作清单): what makes a coordinator's day, each a question to this node's own store.

They work without a network, from the replicas. Higher capabilities add theirs to `WORKLISTS` when
they are loaded; pages, printing and export need no change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Select, func, select

from node.cases.queries import require_seeing
from node.core.access import record_access
from node.core.errors import NotFound
from node.core.work import UnitOfWork
from tiers import RegionCode, RegionError

Kind = Literal["text", "number", "fen", "day", "place", "citizen", "phone"]
Cell = str | int | date | None
SHOWN = 200
"""Lines of a page; all stand in the file and on paper."""
MOST = 20_000
"""Lines of a file: a township with every person on it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what it holds, its share of the width on paper."""

    title: str
    kind: Kind = "text"
    width: int = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and where to go on with it."""

    cells: tuple[Cell, ...]
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """A question with a name. `asked` is its statement for a region, sorted as people work it;
    `line` reads one of its rows.
    """

    code: str
    title: str
    lead: str
    columns: tuple[Column, ...]
    asked: Callable[[UnitOfWork, RegionCode], Select[Any]]
    line: Callable[[UnitOfWork, Mapping[str, Any]], Line]
    empty: str = "现在没有"


WORKLISTS: list[Worklist] = []


def worklist(code: str) -> Worklist:
    """A worklist of this node.

    Raises:
        NotFound: there is none of this name.
    """
    for each in WORKLISTS:
        if each.code == code:
            return each
    raise NotFound("没有这份工作清单", worklist=code)


def place_of(uow: UnitOfWork, region: str) -> RegionCode:
    """The region a list is asked for: the actor's own, or one inside it.

    Raises:
        Forbidden: the actor has no business post.
        NotFound: it is none, or not the actor's.
    """
    require_seeing(uow)
    try:
        place = RegionCode(region) if region else uow.actor.scope
    except RegionError as error:
        raise NotFound(str(error)) from error
    if not uow.actor.scope.contains(place):
        raise NotFound("不在您负责的区域内", region=region)
    return place


def count_of(uow: UnitOfWork, asked: Worklist, region: RegionCode) -> int:
    """How many lines there are."""
    inner = asked.asked(uow, region).order_by(None).subquery()
    counted = uow.connection.scalar(select(func.count()).select_from(inner))
    return int(counted or 0)


def lines_of(uow: UnitOfWork, asked: Worklist, region: RegionCode, *, most: int) -> list[Line]:
    """The first lines."""
    rows = uow.connection.execute(asked.asked(uow, region).limit(most)).mappings()
    return [asked.line(uow, dict(row)) for row in rows]


def whole(uow: UnitOfWork, asked: Worklist, region: RegionCode) -> Sequence[Line]:
    """Every line, for paper or a file; telephones stand there in full, which is recorded."""
    if any(column.kind == "phone" for column in asked.columns):
        record_access(
            uow, str(region), what="联系电话", reason=f"导出或打印{asked.title}", about="list"
        )
    return lines_of(uow, asked, region, most=MOST)
