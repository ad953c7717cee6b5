"""Who has a bulletin: those that acknowledged, those that have not, by county and for how long."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from node.network.coverage import BulletinCoverage, coverage_of
from node.policy.bodies import BasePension
from node.policy.models import Bulletin
from tests.fixtures.offices import COUNTY, TOWNSHIP
from tests.fixtures.sites import Clock, Site, open_chain, with_places
from tests.scenario.test_policy_bulletins import FIRST, SECOND, issue, paper, settle
from tiers import Role

PROVINCE, CITY = "410000000000", "410100000000"


@pytest.fixture
def chain(migrated_sqlite: Path, tmp_path: Path) -> Iterator[list[Site]]:
    clock = Clock(datetime(2026, 2, 1, 1, tzinfo=UTC))
    template = with_places(migrated_sqlite, tmp_path, COUNTY)
    regions = (PROVINCE, CITY, COUNTY, TOWNSHIP)
    sites = open_chain(regions, template=template, folder=tmp_path, clock=clock)
    settle(sites)  # certificates climb, so that the province knows its members
    yield sites
    for site in sites:
        site.close()


def covered(site: Site, bulletin_id: str) -> BulletinCoverage:
    with site.node.work(writing=False) as uow:
        return coverage_of(uow, uow.get(Bulletin, bulletin_id))


def test_a_node_counts_from_the_day_it_holds_the_bulletin(chain: list[Site]) -> None:
    province, city, *_ = chain
    new = paper("省1", BasePension(monthly_fen=12_300), date(2026, 3, 1))
    made = issue(province, new, FIRST, SECOND)
    before = covered(province, made)
    assert (before.holding, [str(one.node) for one in before.missing]) == (
        0,
        [CITY, COUNTY, TOWNSHIP][: before.nodes],
    )
    settle(chain[:2])
    half = covered(province, made)
    assert half.holding == 1
    assert CITY not in {str(one.node) for one in half.missing}
    settle(chain)
    settle(chain)
    whole = covered(province, made)
    assert (whole.holding, whole.missing) == (whole.nodes, [])
    assert covered(city, made).missing == []
    (county,) = whole.counties
    assert (str(county.county), county.percent) == (COUNTY, 100)


def test_a_week_without_a_word_is_late_and_the_page_says_so(chain: list[Site]) -> None:
    province = chain[0]
    new = paper("省1", BasePension(monthly_fen=12_300), date(2026, 3, 1))
    made = issue(province, new, FIRST, SECOND)
    assert not any(one.is_late for one in covered(province, made).missing)
    clock = province.node.clock
    assert isinstance(clock, Clock)
    clock.forward(days=8)
    assert all(one.is_late for one in covered(province, made).missing)
    officer = province.browser("zheng", Role.POLICY_OFFICER)
    shown = officer.get(f"/network/coverage/{made}").text
    assert "超过 7 天没有确认" in shown
    assert "8 天" in shown
    assert f"/network/coverage/{made}" in officer.get(f"/policy/{made}").text
