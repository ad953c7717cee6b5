"""The postings of the books against the records their county signed, voucher by voucher.

Sums would not show two amounts that changed places; here every posting counts whole. Only what a
signed record here carries is compared: what is not sealed yet, or came with a snapshot, is not.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Table, select

import sync
from node.accounts.carried import carriers, postings_in
from node.accounts.digest import FETCHED, POSTING
from node.accounts.models import Posting
from node.core.work import UP_PROVINCE, UnitOfWork, down
from tiers import Level, RegionCode

_postings: Table = Posting.__table__  # type: ignore[attr-defined]

EVER = datetime(1970, 1, 1, tzinfo=UTC)
_SPACE = 1 << 128

Key = tuple[int, str]
"""Voucher and village: what one record carries, or several of one transaction."""


def altered(uow: UnitOfWork, replica: "sync.Replica") -> Iterator[str]:
    """The vouchers whose postings are not what was signed, in words."""
    counties = uow.connection.execute(select(_postings.c.county_code).distinct()).scalars().all()
    for county in sorted(counties):
        signed = _signed(uow, replica, county)
        if not signed:
            continue
        booked = _booked(uow, county)
        for entry_no, village in sorted(signed):
            if booked.get((entry_no, village)) != signed[entry_no, village]:
                yield f"{county} 凭证 {entry_no}（{village}）"


def _signed(uow: UnitOfWork, replica: "sync.Replica", county: str) -> dict[Key, int]:
    """What the county's records say, each posting once: a county holds both of its streams."""
    above = uow.level.rank <= Level.COUNTY.rank
    route = UP_PROVINCE if above else down("")
    found: dict[Key, int] = {}
    written = replica.written_since(
        origin=county, types=carriers(), since=EVER, route=route, limit=None
    )
    for item in written:
        for row in postings_in(item):
            _add(found, row["entry_no"], row["village"], [row[name] for name in POSTING])
    return found


def _booked(uow: UnitOfWork, county: str) -> dict[Key, int]:
    statement = select(*(_postings.c[name] for name in POSTING))
    options = {"stream_results": True, "max_row_buffer": FETCHED}
    rows = uow.connection.execute(
        statement.where(_postings.c.county_code == county), execution_options=options
    )
    found: dict[Key, int] = {}
    for row in rows:
        _add(found, row.entry_no, row.village, row)
    return found


def _add(found: dict[Key, int], entry_no: int, village: str, values: Any) -> None:
    """Order does not matter, and no posting can make up for another."""
    told = sha256("\x1f".join(map(str, values)).encode()).digest()
    key = (entry_no, str(RegionCode(village)))
    found[key] = (found.get(key, 0) + int.from_bytes(told[:16])) % _SPACE
