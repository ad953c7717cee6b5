"""The tree of administrative divisions (行政区划): names, reporting parents, and their dates.

The packaged table is Henan's (`HENAN`), from the codes the National Bureau of Statistics published
for 2023; any province can be loaded from a file of the same columns. This module reads no file: the
node opens the resource and hands over its lines.

Regions are merged, split and renamed, and a county may come under the province for some years. So
a code may have several rows, each with the time it holds: from `valid_from` until the day before
`valid_to`. Asked with `on=None`, the table answers with the latest row it has.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from sys import intern
from typing import NamedTuple, Self

from tiers.level import Level
from tiers.region import RegionCode

HENAN = "data/henan-divisions.csv"
_REQUIRED = ("code", "name", "level", "parent_code")


class DivisionError(ValueError):
    """A row of the table is wrong; the message names the line."""


class Division(NamedTuple):
    """One region in one period of its life. A tuple, because a province has 55,000 of them."""

    code: RegionCode
    name: str
    level: Level
    parent: RegionCode | None
    valid_from: date | None = None
    valid_to: date | None = None
    successor: RegionCode | None = None

    def holds(self, on: date) -> bool:
        """Whether this row is in force on that business date."""
        begun = self.valid_from is None or self.valid_from <= on
        return begun and (self.valid_to is None or on < self.valid_to)


class Divisions:
    """The tree, asked by code. The reporting parent is the one the table names."""

    __slots__ = ("_children", "_rows")

    def __init__(self, divisions: Iterable[Division]) -> None:
        rows: dict[str, tuple[Division, ...]] = {}
        children: dict[str, list[RegionCode]] = {}
        for division in divisions:
            before = rows.get(division.code, ())
            rows[division.code] = _in_order((*before, division)) if before else (division,)
            if division.parent is not None:
                children.setdefault(division.parent, []).append(division.code)
        self._rows = rows
        self._children = {parent: tuple(dict.fromkeys(kin)) for parent, kin in children.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, code: object) -> bool:
        return code in self._rows

    def __iter__(self) -> Iterator[Division]:
        """The latest row of every code, in the order of the file (parents first in ours)."""
        return (rows[-1] for rows in self._rows.values())

    def get(self, code: str, *, on: date | None = None) -> Division | None:
        """The region as it is, or as it was on a date; None when there is (was) none."""
        rows = self._rows.get(code, ())
        if on is None:
            return rows[-1] if rows else None
        return next((row for row in rows if row.holds(on)), None)

    def history(self, code: str) -> tuple[Division, ...]:
        """Every row of a code, oldest first."""
        return self._rows.get(code, ())

    def parent(self, code: str, *, on: date | None = None) -> Division | None:
        """To whom the region reports; None for the province and for an unknown code."""
        division = self.get(code, on=on)
        if division is None or division.parent is None:
            return None
        return self.get(division.parent, on=on)

    def children(self, code: str, *, on: date | None = None) -> tuple[Division, ...]:
        """The regions that report to this one, in the order of the file."""
        found = (self.get(child, on=on) for child in self._children.get(code, ()))
        return tuple(child for child in found if child is not None and child.parent == code)

    def path(self, code: str, *, on: date | None = None) -> tuple[Division, ...]:
        """From the province down to the region itself; empty for an unknown code."""
        steps: list[Division] = []
        division = self.get(code, on=on)
        while division is not None:
            steps.append(division)
            division = self.parent(division.code, on=on)
        return tuple(reversed(steps))

    def path_name(self, code: str, *, below: str | None = None, on: date | None = None) -> str:
        """The full name, 河南省郑州市中牟县…; with `below`, only the part under that region.

        A name that repeats its parent's (济源市沁园街道 under 济源市) is not doubled. An unknown
        code is shown as it is.
        """
        steps = self.path(code, on=on)
        start = next((i + 1 for i, step in enumerate(steps) if step.code == below), 0)
        names = [
            step.name.removeprefix(steps[i - 1].name) if i else step.name
            for i, step in enumerate(steps)
        ]
        return "".join(names[start:]) or (steps[-1].name if steps else code)

    def within(
        self, region: str, *, level: Level | None = None, on: date | None = None
    ) -> Iterator[Division]:
        """The region and everything that reports to it, however far below; parents first."""
        root = self.get(region, on=on)
        waiting = [root] if root is not None else []
        while waiting:
            division = waiting.pop()
            if level is None or division.level is level:
                yield division
            if level is None or division.level.is_above(level):
                waiting.extend(reversed(self.children(division.code, on=on)))


def parse_divisions(lines: Iterable[str], *, within: RegionCode | None = None) -> Divisions:
    """Read the table from the lines of a CSV file with a head line.

    Columns: `code, name, level, parent_code` and, when there is history, `valid_from, valid_to`
    (ISO dates) and `successor`. With `within`, only that region, what lies below it and the
    regions above it are kept: a village needs five rows, not 55,000.

    Raises:
        DivisionError: a column is missing, or a row contradicts itself or the tree.
    """
    rows = csv.reader(lines)
    head = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    missing = [name for name in _REQUIRED if name not in head]
    if missing:
        raise DivisionError(f"行政区划表缺少列：{'、'.join(missing)}")
    columns = _Columns.of(head)
    wanted = None if within is None else frozenset({*within.ancestors, within})
    prefix = "" if within is None else within.prefix
    return Divisions(
        columns.division(row, line=rows.line_num)
        for row in rows
        if row
        and (wanted is None or row[columns.code].startswith(prefix) or row[columns.code] in wanted)
    )


class _Columns(NamedTuple):
    """Where each column stands; -1 for one that is not there."""

    code: int
    name: int
    level: int
    parent: int
    valid_from: int
    valid_to: int
    successor: int

    @classmethod
    def of(cls, head: Sequence[str]) -> Self:
        names = (*_REQUIRED, "valid_from", "valid_to", "successor")
        return cls(*(head.index(name) if name in head else -1 for name in names))

    def division(self, row: Sequence[str], *, line: int) -> Division:
        try:
            return self._division(row)
        except (ValueError, IndexError) as problem:
            raise DivisionError(f"行政区划表第 {line} 行：{problem}") from problem

    def _division(self, row: Sequence[str]) -> Division:
        code = RegionCode(row[self.code])
        level = code.level
        if row[self.level] != level:
            raise DivisionError(f"{code} 应为{level.title}，不是“{row[self.level]}”")
        return Division(
            code,
            row[self.name],
            level,
            _parent_of(code, row[self.parent]),
            _day(row, self.valid_from),
            _day(row, self.valid_to),
            RegionCode(row[self.successor])
            if self.successor >= 0 and row[self.successor]
            else None,
        )


def _parent_of(code: RegionCode, named: str) -> RegionCode | None:
    """The reporting parent: none for a province, else a code that contains this one."""
    if code.level is Level.PROVINCE:
        return None
    parent = RegionCode(intern(named))
    if parent == code or not parent.contains(code):
        raise DivisionError(f"{code} 不能隶属于 {named}")
    return parent


def _day(row: Sequence[str], column: int) -> date | None:
    return date.fromisoformat(row[column]) if column >= 0 and row[column] else None


def _in_order(rows: tuple[Division, ...]) -> tuple[Division, ...]:
    """The periods of one code, oldest first; they may not overlap."""
    ordered = tuple(sorted(rows, key=lambda row: row.valid_from or date.min))
    for earlier, later in pairwise(ordered):
        if earlier.valid_to is None or later.valid_from is None:
            raise DivisionError(f"行政区划表中 {earlier.code} 重复")
        if later.valid_from < earlier.valid_to:
            raise DivisionError(f"行政区划表中 {earlier.code} 的有效期重叠")
    return ordered
