"""Bulletins through the tiers: two people, what a city adds, what is withdrawn, what is refused."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from node.core.errors import Conflict, Forbidden, Invalid
from node.core.work import DOWN_ALL, Actor
from node.policy import issuing, service
from node.policy.bodies import BasePension, PayoutDivisor
from node.policy.body import Body
from node.policy.records import PUBLISHED
from sync.store import held
from tests.fixtures.offices import COUNTY, TOWNSHIP, VILLAGE, person
from tests.fixtures.sites import Browser, Clock, Site, open_chain, with_places
from tests.scenario.sync_tree import fall, rise
from tiers import RegionCode, Role

PROVINCE, CITY = "410000000000", "410100000000"
REGIONS = (PROVINCE, CITY, COUNTY, TOWNSHIP)
SPRING, SUMMER, AUTUMN = date(2026, 3, 1), date(2026, 7, 1), date(2026, 10, 1)
FIRST, SECOND = (person(name, PROVINCE, Role.POLICY_OFFICER) for name in ("郑拟稿", "方核发"))
CITY_FIRST, CITY_SECOND = (person(name, CITY, Role.POLICY_OFFICER) for name in ("甲", "乙"))


@pytest.fixture
def chain(migrated_sqlite: Path, tmp_path: Path) -> Iterator[list[Site]]:
    clock = Clock(datetime(2026, 2, 1, 1, tzinfo=UTC))
    template = with_places(migrated_sqlite, tmp_path, COUNTY)
    sites = open_chain(REGIONS, template=template, folder=tmp_path, clock=clock)
    yield sites
    for site in sites:
        site.close()


def settle(sites: list[Site]) -> None:
    pairs = list(pairwise(sites))
    for _ in range(2):
        for site in sites:
            site.replica.seal()
        for parent, child in reversed(pairs):
            assert rise(child, parent) == []  # type: ignore[arg-type]
        for parent, child in pairs:
            assert fall(parent, child) == []  # type: ignore[arg-type]


def paper(number: str, body: Body, since: date, *, after: str | None = None) -> issuing.Draft:
    return issuing.Draft(number, body.kind, f"{body.title}（示例）", since, body, supersedes=after)


def issue(site: Site, new: issuing.Draft, first: Actor, second: Actor) -> str:
    with site.node.work(first) as uow:
        made = issuing.draft(uow, new).id
    with site.node.work(second) as uow:
        issuing.publish(uow, made)
    return made


def monthly(site: Site, on: date, place: str = VILLAGE) -> list[int]:
    """What the province sets, and what is added to it."""
    with site.node.work() as uow:
        region = RegionCode(place)
        main = service.in_force(uow, BasePension.kind, region, on)
        added = service.added(uow, BasePension, region, on)
        bodies = [main.body] if main else []
        return [b.monthly_fen for b in (*bodies, *(each.body for each in added))]  # type: ignore[attr-defined]


def test_two_people_stand_for_a_bulletin(chain: list[Site]) -> None:
    province = chain[0]
    new = paper("〔2026〕1号", BasePension(monthly_fen=12_000), SPRING)
    with province.node.work(FIRST) as uow:
        made = issuing.draft(uow, new).id
    for alone in (issuing.check, issuing.publish):
        with province.node.work(FIRST) as uow, pytest.raises(Forbidden, match="另一人核对"):
            alone(uow, made)
    with province.node.work(SECOND) as uow:
        issuing.check(uow, made)
    with province.node.work(FIRST) as uow:
        issuing.publish(uow, made)
        for late in (issuing.publish, issuing.check, issuing.discard):
            with pytest.raises(Conflict, match="已经发布"):
                late(uow, made)


def test_a_corrected_draft_has_to_be_checked_again(chain: list[Site]) -> None:
    province = chain[0]
    wrong = paper("〔2026〕1号", BasePension(monthly_fen=1), SPRING)
    with province.node.work(FIRST) as uow:
        made = issuing.draft(uow, wrong).id
    with province.node.work(SECOND) as uow:
        issuing.check(uow, made)
        issuing.redraft(uow, made, paper("〔2026〕1号", BasePension(monthly_fen=12_300), SPRING))
    with province.node.work(SECOND) as uow, pytest.raises(Forbidden, match="由您拟稿"):
        issuing.publish(uow, made)
    with province.node.work(FIRST) as uow:
        issuing.publish(uow, made)
    assert monthly(province, SPRING) == [12_300]


def test_a_city_adds_and_the_province_hears_of_it(chain: list[Site]) -> None:
    province, city, county, township = chain
    issue(province, paper("省1", BasePension(monthly_fen=12_300), SPRING), FIRST, SECOND)
    issue(city, paper("市1", BasePension(monthly_fen=700), SUMMER), CITY_FIRST, CITY_SECOND)
    settle(chain)
    for site in (province, city, county, township):
        assert monthly(site, SPRING) == [12_300]
        assert monthly(site, SUMMER) == [12_300, 700]
    assert monthly(province, SUMMER, "410200000000") == [12_300]


def test_a_city_adds_only_where_it_may(chain: list[Site]) -> None:
    city = chain[1]
    new = paper("市2", PayoutDivisor(divisor_months=100), SPRING)
    with city.node.work(CITY_FIRST) as uow, pytest.raises(Forbidden, match="只由省级发布"):
        issuing.draft(uow, new)


def test_what_a_city_may_not_publish_is_refused_by_every_taker(chain: list[Site]) -> None:
    _, city, county, _ = chain
    body = {
        "id": "0" * 36,
        "number": "市3",
        "kind": PayoutDivisor.kind,
        "region": CITY,
        "body": {"divisor_months": 1},
    }
    with city.node.work() as uow:
        uow.publish(PUBLISHED, body["id"], body, region=uow.node, routes=[DOWN_ALL])  # type: ignore[arg-type]
    city.replica.seal()
    fall(city, county)  # type: ignore[arg-type]
    assert _held_reasons(county) == ["“payout_divisor”只由省级发布"]
    with county.node.work() as uow:
        assert service.listed(uow) == []


def _held_reasons(site: Site) -> list[str]:
    with site.node.engine.connect() as connection:
        return list(connection.execute(select(held.c.reason)).scalars())


def test_a_withdrawn_one_ends_and_stays_written(chain: list[Site]) -> None:
    province, *_, township = chain
    made = issue(province, paper("省1", BasePension(monthly_fen=12_300), SPRING), FIRST, SECOND)
    with province.node.work(SECOND) as uow, pytest.raises(Forbidden, match="另一人撤回"):
        issuing.withdraw(uow, made, holds_until=SUMMER, reason="标准有误")
    with province.node.work(FIRST) as uow, pytest.raises(Invalid, match="不能早于今天"):
        issuing.withdraw(uow, made, holds_until=date(2026, 1, 1), reason="标准有误")
    with province.node.work(FIRST) as uow:
        issuing.withdraw(uow, made, holds_until=SUMMER, reason="标准有误")
    settle(chain)
    for site in (province, township):
        assert monthly(site, SUMMER) == [12_300]
        assert monthly(site, AUTUMN) == []
    with township.node.work() as uow:
        assert [b.number for b in service.listed(uow)] == ["省1"]


def test_a_new_one_takes_the_place_of_the_old_from_its_day(chain: list[Site]) -> None:
    province, *_, township = chain
    old = issue(province, paper("省1", BasePension(monthly_fen=12_300), SPRING), FIRST, SECOND)
    new = paper("省2", BasePension(monthly_fen=13_000), SUMMER, after=old)
    issue(province, new, FIRST, SECOND)
    settle(chain)
    assert [monthly(township, day) for day in (SPRING, SUMMER)] == [[12_300], [13_000]]
    with township.node.work() as uow:
        (base,) = [
            each
            for each in service.standing(uow, uow.node, SPRING)
            if each.kind == BasePension.kind
        ]
    assert base.changes_on == SUMMER
    assert base.next is not None
    assert base.next.bulletin.number == "省2"


def test_the_pages_tell_the_story(chain: list[Site]) -> None:
    province, city, *_ = chain
    first, second = (province.browser(name, Role.POLICY_OFFICER) for name in ("zheng", "fang"))
    form = {
        "kind": BasePension.kind,
        "number": "豫人社示例〔2026〕9号",
        "title": "提高基础养老金",
        "effective_from": "2026-03-01",
        "monthly_fen": "一百",
    }
    wrong = first.post("/policy/new", form)
    assert wrong.status_code == 422
    assert "豫人社示例〔2026〕9号" in wrong.text
    assert "以元为单位的金额" in wrong.text
    made = first.post("/policy/new", {**form, "monthly_fen": "123.00"}).headers["location"]
    assert "须由另一位政策岗核对" in first.get(made).text
    assert second.post(f"{made}/publication").status_code == 303
    after = _issued_after(first, second, made)
    shown = first.get(after).text
    assert "123.00" in shown
    assert "130.00" in shown
    assert "130.00" in first.get("/policy?on=2026-08-01").text
    assert "123.00" in first.get("/policy?on=2026-04-01").text
    settle(chain)
    assert "130.00" in city.browser("wang", Role.ASSESSOR).get("/policy?on=2026-08-01").text


def _issued_after(first: Browser, second: Browser, made: str) -> str:
    start = first.get(f"/policy/new?after={made.rsplit('/', maxsplit=1)[-1]}").text
    assert 'value="123.00"' in start
    form = {
        "kind": BasePension.kind,
        "number": "豫人社示例〔2026〕10号",
        "title": "再次提高基础养老金",
        "effective_from": "2026-07-01",
        "monthly_fen": "130",
        "supersedes": made.rsplit("/", maxsplit=1)[-1],
    }
    after = str(first.post("/policy/new", form).headers["location"])
    assert second.post(f"{after}/check").status_code == 303
    assert first.post(f"{after}/publication").status_code == 303
    return after
