"""The five tiers with the real engine of sync: a case climbs, facts rise, a decision comes back."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from node.cases import service as cases
from node.cases.rules import Action, State
from node.core.work import Actor
from node.policy import issuing as policy
from node.policy.bodies import ContributionGrades
from node.registry import service as registry
from tests.fixtures.offices import (
    COUNTY,
    GRADES,
    HOSTED,
    MORNING,
    TOWNSHIP,
    VILLAGE,
    citizen_number,
    enrolment_form,
    person,
)
from tests.fixtures.sites import Clock, Site, open_chain, with_places
from tests.scenario.sync_tree import fall, rise
from tiers import Level, Role

PROVINCE, CITY = "410000000000", "410100000000"
REGIONS = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
COORDINATOR = person("张协办", VILLAGE, Role.COORDINATOR)
HOSTED_COORDINATOR = person("孙协办", HOSTED, Role.COORDINATOR)
CLERK = person("刘初审", TOWNSHIP, Role.CLERK)
REVIEWER = person("李复核", COUNTY, Role.REVIEWER)
APPROVER = person("王审批", COUNTY, Role.APPROVER)


class Chain:
    """The sites, by tier, and the lines between them."""

    def __init__(self, sites: list[Site]) -> None:
        self.sites = sites
        self.province, self.city, self.county, self.township, self.village = sites

    def sync(self, *, without: tuple[Site, ...] = ()) -> None:
        """Everything up, then everything down; the lines of `without` are cut."""
        pairs = list(pairwise(self.sites))
        for site in self.sites:
            site.replica.seal()
        for parent, child in reversed(pairs):
            if child not in without and parent not in without:
                assert rise(child, parent) == []  # type: ignore[arg-type]
        for site in self.sites:
            site.replica.seal()
        for parent, child in pairs:
            if child not in without and parent not in without:
                assert fall(parent, child) == []  # type: ignore[arg-type]

    def settle(self) -> None:
        """As often as a record may need to travel up, cause another, and come down."""
        for _round in range(3):
            self.sync()


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def chain(template: Path, tmp_path: Path) -> Iterator[Chain]:
    clock = Clock(MORNING)
    opened = Chain(open_chain(REGIONS, template=template, folder=tmp_path, clock=clock))
    opened.township.replica.host(region=HOSTED, level=str(Level.VILLAGE))
    publish_grades(opened.province)
    opened.settle()
    yield opened
    for site in opened.sites:
        site.close()


def publish_grades(province: Site) -> None:
    drafter, publisher = (person(name, PROVINCE, Role.POLICY_OFFICER) for name in "甲乙")
    new = policy.Draft(
        number="豫人社示例〔2026〕1号",
        kind=ContributionGrades.kind,
        title="缴费档次（示例）",
        effective_from=date(2026, 1, 1),
        body=ContributionGrades(grades_fen=GRADES),
    )
    with province.node.work(drafter) as uow:
        bulletin = policy.draft(uow, new)
    with province.node.work(publisher) as uow:
        policy.publish(uow, bulletin.id)


def submit(site: Site, who: Actor, serial: int, **over: object) -> str:
    with site.node.work(who) as uow:
        return cases.submit(uow, "enrolment", enrolment_form(serial, **over)).id


def decide(chain: Chain, *ids: str) -> None:
    with chain.township.node.work(CLERK) as uow:
        assert [o.refusal for o in cases.first_review_many(uow, ids)] == [None] * len(ids)
    chain.sync()
    with chain.county.node.work(REVIEWER) as uow:
        assert [o.refusal for o in cases.review_many(uow, ids)] == [None] * len(ids)
    with chain.county.node.work(APPROVER) as uow:
        assert [o.refusal for o in cases.approve_many(uow, ids)] == [None] * len(ids)
    chain.settle()


def state(site: Site, case_id: str) -> State:
    with site.node.work() as uow:
        return State(cases.case_of(uow, case_id).state)


def held(chain: Chain) -> list[object]:
    return [one for site in chain.sites for one in site.replica.held_records()]


def test_a_case_climbs_and_its_facts_reach_every_tier(chain: Chain) -> None:
    case_id = submit(chain.village, COORDINATOR, 1)
    chain.sync()
    decide(chain, case_id)

    assert {state(site, case_id) for site in chain.sites[2:]} == {State.APPROVED}
    for site in chain.sites:
        with site.node.work() as uow:
            found = registry.by_number(uow, citizen_number(1))
            assert found is not None, site.region
            assert found.name == "赵样本"
    assert held(chain) == []


def test_a_hosted_village_and_a_township_counter_leave_nothing_waiting(chain: Chain) -> None:
    hosted = submit(chain.township, HOSTED_COORDINATOR, 1, village=HOSTED)
    counter = submit(chain.township, person("陈初审", TOWNSHIP, Role.CLERK), 2)
    chain.sync()
    decide(chain, hosted, counter)

    assert {state(chain.township, one) for one in (hosted, counter)} == {State.APPROVED}
    with chain.township.node.work(HOSTED_COORDINATOR) as uow:
        assert registry.roster(uow, HOSTED).total == 1
    with chain.village.node.work(COORDINATOR) as uow:
        assert registry.roster(uow, VILLAGE).total == 1
    assert held(chain) == []


def test_an_offline_village_catches_up_with_what_was_decided_meanwhile(chain: Chain) -> None:
    first = submit(chain.village, COORDINATOR, 1)
    chain.sync()
    second = submit(chain.village, COORDINATOR, 2)
    with chain.village.node.work(COORDINATOR) as uow:
        cases.withdraw(uow, first, reason="本人不再参保")
    with chain.township.node.work(CLERK) as uow:
        cases.pass_on(uow, first, Action.FIRST_REVIEW)
    chain.sync(without=(chain.village,))
    with chain.county.node.work(REVIEWER) as uow:
        cases.pass_on(uow, first, Action.REVIEW)
    with chain.county.node.work(APPROVER) as uow:
        cases.pass_on(uow, first, Action.APPROVE)
    assert state(chain.village, first) is State.WITHDRAWN

    chain.settle()

    assert {state(site, first) for site in chain.sites[2:]} == {State.APPROVED}
    assert {state(site, second) for site in chain.sites[2:]} == {State.FIRST_REVIEW}
    assert held(chain) == []
