"""A village without a machine works at its township; one day it has a machine of its own.

The township's node holds the village's key, stream and cases. When the village joins, the key is
retired, the new machine begins with the township's state, and open cases are the village's to go on
with.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.cases import service as cases
from node.cases.rules import State
from node.cases.service import Tab
from node.core.errors import Forbidden, Invalid, NotFound
from node.registry import service as registry
from node.registry import worklists
from node.registry.worklists_own import OWN
from tests.fixtures.offices import COUNTY, HOSTED, MORNING, TOWNSHIP, VILLAGE, enrolment_form
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Clock, Site, join, open_chain, open_site, with_places
from tests.scenario.sync_tree import fall, rise
from tests.scenario.test_cases_network import (
    APPROVER,
    CITY,
    CLERK,
    COORDINATOR,
    HOSTED_COORDINATOR,
    PROVINCE,
    REVIEWER,
    Chain,
    publish_grades,
)
from tests.scenario.test_network_snapshots import fetch
from tiers import Level, RegionCode

ADDRESS = {"village": HOSTED, "household_address": "中牟县韩寺镇大洪村二组"}


@pytest.fixture
def chain(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Chain]:
    template = with_places(migrated_sqlite, tmp_path, COUNTY)
    regions = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
    clock = Clock(MORNING)
    opened = Chain(open_chain(regions, template=template, folder=tmp_path, clock=clock))
    opened.township.replica.host(region=HOSTED, level=str(Level.VILLAGE))
    publish_grades(opened.province)
    opened.settle()
    yield opened
    for site in opened.sites:
        site.close()


def enter(site: Site, serial: int) -> str:
    with site.node.work(HOSTED_COORDINATOR) as uow:
        return cases.submit(uow, "enrolment", enrolment_form(serial, **ADDRESS)).id


def test_a_hosted_coordinator_has_the_villages_scope_and_nothing_more(chain: Chain) -> None:
    with chain.village.node.work(COORDINATOR) as uow:
        neighbour = cases.submit(uow, "enrolment", enrolment_form(1)).id
    mine = enter(chain.township, 3)
    chain.settle()
    with chain.township.node.work(HOSTED_COORDINATOR) as uow:
        assert [case.id for case in cases.inbox(uow, Tab.RECENT).items] == [mine]
        with pytest.raises(NotFound):
            cases.case_of(uow, neighbour)
        with pytest.raises(NotFound):
            registry.roster(uow, VILLAGE)
        with pytest.raises(NotFound):
            worklists.place_of(uow, TOWNSHIP)
        assert worklists.place_of(uow, "") == HOSTED
        assert [worklists.count_of(uow, each, RegionCode(TOWNSHIP)) for each in OWN] == [0] * 5
        with pytest.raises(Invalid, match="不在您负责的区域"):
            cases.submit(uow, "enrolment", enrolment_form(5))
        outcome = cases.first_review_many(uow, [mine])[0]
        assert isinstance(outcome.refusal, Forbidden)


def test_a_village_that_gets_its_own_machine_goes_on_with_its_open_cases(
    chain: Chain, migrated_sqlite: Path, tmp_path: Path
) -> None:
    back, waiting = enter(chain.township, 3), enter(chain.township, 5)
    chain.settle()
    with chain.township.node.work(CLERK) as uow:
        cases.return_for_correction(uow, back, reason="补写门牌号")
    chain.settle()

    folder = tmp_path / "new"
    folder.mkdir()
    url = sqlite_copy(migrated_sqlite, folder / "village.sqlite")
    clock = chain.township.node.clock
    assert isinstance(clock, Clock)
    clock.forward(hours=1)
    new = open_site(HOSTED, url=url, folder=folder, clock=clock)
    join(chain.township, new)
    chain.township.node._hosted = (float("-inf"), frozenset())  # as five seconds later
    assert fetch(new, chain.township) is not None

    with chain.township.node.work(HOSTED_COORDINATOR) as uow, pytest.raises(Forbidden) as caught:
        cases.submit(uow, "enrolment", enrolment_form(7, **ADDRESS))
    assert "该村自己的节点" in caught.value.message
    with new.node.work(HOSTED_COORDINATOR) as uow:
        assert {c.id for c in cases.inbox(uow, Tab.RECENT).items} == {back, waiting}
        form = enrolment_form(3, village=HOSTED, household_address="大洪村二组12号")
        cases.resubmit(uow, back, form, note="已补")
        fresh = cases.submit(uow, "enrolment", enrolment_form(9, **ADDRESS)).id
    travel(chain, new)
    for site, actor in (
        (chain.township, CLERK),
        (chain.county, REVIEWER),
        (chain.county, APPROVER),
    ):
        with site.node.work(actor) as uow:
            outcomes = cases.pass_many(uow, [back, waiting, fresh])
            assert [each.refusal for each in outcomes] == [None] * 3
        travel(chain, new)
    with new.node.work(HOSTED_COORDINATOR) as uow:
        states = {cases.case_of(uow, one).state for one in (back, waiting, fresh)}
        assert states == {State.APPROVED}
        numbers = [cases.case_of(uow, one).number for one in (back, waiting, fresh)]
        assert len(set(numbers)) == 3
        assert registry.roster(uow, HOSTED).total == 3
    new.close()


def travel(chain: Chain, new: Site) -> None:
    """What was written reaches everybody, the new machine too."""
    for _round in range(2):
        new.replica.seal()
        assert rise(new, chain.township) == []  # type: ignore[arg-type]
        chain.sync()
        assert fall(chain.township, new) == []  # type: ignore[arg-type]
