"""Steps of a month that nobody has done: who is told, when, and until when. On both databases.

September 2025 has its pay day on Monday the 15th; computed by the 3rd, reviewed by the 4th,
approved by the 5th, funded by the 10th, with the bank by the 12th, paid on the 15th.
"""

from collections.abc import Iterator
from datetime import date

import pytest

from node.core.work import UnitOfWork, machine, unit_of_work
from node.payroll.alerts import alerts, count_alerts
from tests.fixtures.county import COUNTY, closing, open_county
from tests.fixtures.payroll import Payers, open_payers
from tiers import RegionCode

SEPTEMBER, OCTOBER = date(2025, 9, 1), date(2025, 10, 1)
OLD = date(1950, 1, 1)
TIERS = {
    "county": RegionCode(COUNTY),
    "city": RegionCode(COUNTY[:4] + "00000000"),
    "province": RegionCode(COUNTY[:2] + "0000000000"),
}


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    """Late August 2025, somebody draws a pension, no run was ever made."""
    county = open_county(migrated_url)
    with closing(county.office):
        found = open_payers(county)
        county.on(date(2025, 8, 20))
        found.pensioners(OLD)
        yield found


def told(payers: Payers, tier: str, day: date) -> list[tuple[int, str]]:
    """What a tier is told on a day: the month, and the step.

    The tiers above read the same tables from their replicas; here they look at the county's own.
    """
    office = payers.county.on(day).office
    node = TIERS[tier]
    with unit_of_work(
        office.engine, actor=machine(node), node=node, now=office.now, writing=False
    ) as uow:
        return _spoken(uow)


def _spoken(uow: UnitOfWork) -> list[tuple[int, str]]:
    found = alerts(uow)
    assert count_alerts(uow) == len(found)
    return [(each.month.month, each.step.state.value) for each in found]


def test_a_step_is_told_the_day_before_and_climbs_when_it_is_late(payers: Payers) -> None:
    assert told(payers, "county", date(2025, 9, 1)) == []
    assert told(payers, "county", date(2025, 9, 2)) == [(9, "computed")]
    assert told(payers, "city", date(2025, 9, 3)) == []
    assert told(payers, "city", date(2025, 9, 4)) == [(9, "computed")]
    assert told(payers, "province", date(2025, 9, 4)) == []
    assert told(payers, "province", date(2025, 9, 5)) == [(9, "computed")]


def test_what_is_done_is_not_told_any_more(payers: Payers) -> None:
    payers.county.on(date(2025, 9, 2))
    run = payers.approve(SEPTEMBER)
    assert told(payers, "county", date(2025, 9, 8)) == []
    assert told(payers, "county", date(2025, 9, 9)) == [(9, "funded")]
    payers.fund(run.run_no)
    payers.send(run.run_no)
    payers.answer({})
    assert told(payers, "city", date(2025, 9, 17)) == []


def test_a_month_that_was_never_finished_is_not_forgotten_when_the_next_begins(
    payers: Payers,
) -> None:
    payers.county.on(date(2025, 9, 2))
    payers.approve(SEPTEMBER)
    late = [(9, "funded"), (9, "sent"), (9, "returned")]
    for tier in ("county", "city", "province"):
        assert told(payers, tier, date(2025, 9, 30)) == late
        assert told(payers, tier, date(2025, 10, 9))[:3] == late


def test_a_month_without_a_run_is_paid_by_the_next_one(payers: Payers) -> None:
    payers.county.on(date(2025, 9, 2))
    assert payers.pay(date(2025, 8, 1)).state == "settled"
    assert told(payers, "county", date(2025, 9, 30)) != []
    payers.county.on(date(2025, 10, 10))
    assert payers.pay(OCTOBER).lines == 2  # September's too
    assert told(payers, "county", date(2025, 10, 20)) == []
