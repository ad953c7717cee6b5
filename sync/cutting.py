"""How committed transactions become segments. Pure.

Whole transactions, in the order of each one's largest outbox number: an effect is written after
its cause has committed, so its largest number is larger; its smallest need not be.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from sync.limits import Limits


class Written(NamedTuple):
    """A row of the outbox."""

    id: int
    txn: str
    origin: str
    route: str
    type: str
    version: int
    line: bytes


class Piece(NamedTuple):
    """Rows that go into one segment. `cont`: the transaction goes on in the next one."""

    order: tuple[int, int, int]
    rows: Sequence[Written]
    cont: bool


Target = tuple[str, str]


def cut(rows: Iterable[Written], limits: Limits) -> list[Piece]:
    """Cut whole transactions into pieces, in the order they shall be sealed.

    Pieces of one (origin, route) hold as many transactions as fit. Where several origins write
    upwards from one node (hosted villages), a piece ends when another origin has written in
    between, since what it wrote may be the cause of what comes next.
    """
    knife = _Knife(limits)
    for newest, transaction in _transactions(rows):
        for target, part in groupby(sorted(transaction, key=_target_then_id), key=_target):
            knife.add(newest, target, list(part))
    return knife.pieces()


def _transactions(rows: Iterable[Written]) -> list[tuple[int, list[Written]]]:
    by_txn: dict[str, list[Written]] = {}
    for row in rows:
        by_txn.setdefault(row.txn, []).append(row)
    ordered = [(max(row.id for row in written), written) for written in by_txn.values()]
    ordered.sort(key=lambda pair: pair[0])
    return ordered


def _target(row: Written) -> Target:
    return row.origin, row.route


def _target_then_id(row: Written) -> tuple[str, str, int]:
    return row.origin, row.route, row.id


class _Open:
    """A piece that may still grow."""

    def __init__(self, newest: int, first: int) -> None:
        self.order = (newest, first, 0)
        self.rows: list[Written] = []
        self.size = 0


class _Knife:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[Target, _Open] = {}
        self._done: list[Piece] = []
        self._last_up: str | None = None

    def add(self, newest: int, target: Target, part: list[Written]) -> None:
        """Take one transaction's rows for one stream."""
        origin, route = target
        if route.startswith("up/"):
            if self._last_up != origin:
                self._close(target)
            self._last_up = origin
        size = sum(len(row.line) + 1 for row in part)
        growing = self._open.get(target)
        if growing and not self._fits(len(growing.rows) + len(part), growing.size + size):
            self._close(target)
        if not self._fits(len(part), size):
            self._slice(newest, part)
            return
        growing = self._open.setdefault(target, _Open(newest, part[0].id))
        growing.rows.extend(part)
        growing.size += size

    def pieces(self) -> list[Piece]:
        for target in list(self._open):
            self._close(target)
        return sorted(self._done, key=lambda piece: piece.order)

    def _fits(self, records: int, size: int) -> bool:
        return records <= self._limits.seal_records and size <= self._limits.seal_bytes

    def _close(self, target: Target) -> None:
        full = self._open.pop(target, None)
        if full:
            self._done.append(Piece(full.order, full.rows, cont=False))

    def _slice(self, newest: int, part: list[Written]) -> None:
        """One transaction over the limits: several pieces, applied above as one run."""
        slices: list[list[Written]] = [[]]
        size = 0
        for row in part:
            size += len(row.line) + 1
            if slices[-1] and not self._fits(len(slices[-1]) + 1, size):
                slices.append([])
                size = len(row.line) + 1
            slices[-1].append(row)
        for number, rows in enumerate(slices):
            cont = number < len(slices) - 1
            self._done.append(Piece((newest, part[0].id, number), rows, cont))
