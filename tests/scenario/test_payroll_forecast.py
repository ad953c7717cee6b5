"""What a county foresees reaches the province, and is compared with what it paid."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.core.work import Actor
from node.payroll.forecast import foresee
from node.payroll.foreseen import ahead, compared
from tests.fixtures.county import PROVINCE, closing, open_county, publish
from tests.fixtures.offices import Office, carry, open_office
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode, Role

SEPTEMBER, OCTOBER = date(2025, 9, 1), date(2025, 10, 1)
STATISTICIAN = Actor("s" * 36, "省统计", frozenset({Role.STATISTICIAN}), RegionCode(PROVINCE))
BASE, ACCOUNT = 11_300, 2_158


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    """Late August 2025, nobody draws a pension yet."""
    county = open_county(migrated_url)
    with closing(county.office):
        found = open_payers(county)
        county.on(date(2025, 8, 20))
        yield found


@pytest.fixture
def province(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Office]:
    office = open_office(sqlite_copy(migrated_sqlite, tmp_path / "province.sqlite"), PROVINCE)
    with closing(office):
        yield office


def test_who_draws_and_who_turns_60_is_foreseen_and_compared(
    payers: Payers, province: Office
) -> None:
    payers.pensioners(date(1950, 1, 1))
    payers.pensioners(date(1965, 8, 10), years=15)
    # turns 60 in December and owes no years: draws from January on
    payers.county.on(date(2025, 1, 10)).enrol(date(1965, 12, 5))
    publish(payers.county, "base_pension", {"monthly_fen": 12_300}, effective_from=date(2026, 7, 1))
    payers.county.on(date(2025, 9, 3))
    payers.pay(SEPTEMBER)
    with payers.county.work(payers.county.accountant, writing=False) as uow:
        months = foresee(uow, OCTOBER)
        mine, counties = ahead(uow)
    assert [each.month for each in mine] == [each.month for each in months]
    assert [each.fen for each in mine] == [each.fen for each in months]
    # one of 75 and one of 60: a fraction of a pension is expected to end
    assert (
        2 * BASE + ACCOUNT - 50
        < months[0].fen - months[0].parts["funeral"] - months[0].parts["refund"]
        <= 2 * BASE + ACCOUNT
    )
    assert months[9].parts["base"] > 2 * 12_000  # July 2026: the announced standard
    assert sum(months[0].payers.values()) == months[0].fen
    payers.county.on(date(2025, 10, 3))
    payers.pay(OCTOBER)
    carry(payers.county.office, province)
    with province.work(STATISTICIAN, writing=False) as uow:
        above, from_counties = ahead(uow)
        [october] = compared(uow)
    assert [each.county for each in from_counties] == [counties[0].county]
    assert above[0].month == date(2025, 11, 1)
    assert (october.month, october.actual_fen) == (OCTOBER, 2 * BASE + ACCOUNT)
    assert october.last_fen == months[0].fen
    assert october.last_error is not None
    assert abs(october.last_error) < 200_000
