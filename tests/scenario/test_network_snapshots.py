"""A village PC that burned down comes back from its township with everything it ever sent."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from typer.testing import CliRunner

from node.accounts.models import Account
from node.cases import service as cases
from node.cases.models import Case, Draft
from node.cases.rules import State
from node.cli import app as wuji
from node.contributions.service import confirm_payments
from node.core.divisions import store_divisions
from node.core.errors import Refusal
from node.core.replica_table import ReplicaTable
from node.policy.models import Acknowledgement, Bulletin
from node.registry import service as registry
from node.registry.models import Person
from node.runtime import open_node
from node.settings import load_settings
from node.snapshots import Snapshots
from sync.server import router
from sync.snapshot_client import take_snapshot
from sync.snapshot_taking import SetDown
from tests.fixtures.county import payment
from tests.fixtures.offices import (
    COUNTY,
    MORNING,
    TOWNSHIP,
    VILLAGE,
    citizen_number,
    enrolment_form,
    person,
)
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Clock, Site, join, open_site, with_places
from tests.scenario.sync_links import QUICK, served
from tests.scenario.sync_tree import fall, rise
from tests.scenario.test_cases_network import (
    APPROVER,
    CITY,
    CLERK,
    COORDINATOR,
    PROVINCE,
    REVIEWER,
    publish_grades,
    submit,
)
from tiers import RegionCode, Role

OTHER = "410122101202"
LINE = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
ACCOUNTANT = person("钱财务", COUNTY, Role.ACCOUNTANT)


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


class World:
    """The five tiers, and a new machine for the village; some of them on Postgres."""

    def __init__(self, urls: "Urls", folder: Path) -> None:
        self.urls, self.folder, self.clock = urls, folder, Clock(MORNING)
        self.sites = [self.open(region) for region in LINE]
        self.province, _, self.county, self.township, self.village = self.sites
        self.province.replica.found(node=PROVINCE, level="province")
        for parent, child in pairwise(self.sites):
            join(parent, child)

    def open(self, region: str) -> Site:
        folder = self.folder / f"{region}-{len(self.urls.given)}"
        folder.mkdir()
        url = self.urls.next(region)
        site = open_site(region, url=url, folder=folder, clock=self.clock)
        if url.startswith("postgresql"):
            store_divisions(site.node.engine, RegionCode(COUNTY))
            site.node.refresh_places()
        return site

    def sync(self) -> None:
        for _ in range(3):
            for site in self.sites:
                site.replica.seal()
            for parent, child in reversed(list(pairwise(self.sites))):
                assert rise(child, parent) == []  # type: ignore[arg-type]
            for site in self.sites:
                site.replica.seal()
            for parent, child in pairwise(self.sites):
                assert fall(parent, child) == []  # type: ignore[arg-type]

    def rebuild_village(self) -> Site:
        """A new machine, joined anew."""
        self.clock.forward(hours=1)
        new = self.open(VILLAGE)
        join(self.township, new)
        self.village.close()
        self.village = self.sites[-1] = new
        return new

    def close(self) -> None:
        for site in self.sites:
            site.close()


class Urls:
    """Databases: the township and the new village on the kind that is tried, the rest SQLite."""

    def __init__(self, template: Path, folder: Path, postgres: Any) -> None:
        self.template, self.folder, self.postgres = template, folder, postgres
        self.given: list[str] = []

    def next(self, region: str) -> str:
        self.given.append(region)
        is_tried = region == TOWNSHIP or self.given.count(VILLAGE) == 2
        if self.postgres and is_tried:
            return str(self.postgres())
        return sqlite_copy(self.template, self.folder / f"{len(self.given)}.sqlite")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        make = None
        if request.param == "postgres":
            server = request.getfixturevalue("postgres")
            name = request.getfixturevalue("migrated_postgres")

            def make() -> str:
                return str(stack.enter_context(server.database(template=name)))

        found = World(Urls(template, tmp_path, make), tmp_path)
        stack.callback(found.close)
        publish_grades(found.province)
        found.sync()
        yield found


@pytest.fixture
def worked(world: World) -> World:
    """Cases decided, waiting and returned; people, accounts and payments of two villages."""
    decided = [submit(world.village, COORDINATOR, serial) for serial in (1, 2)]
    counter = submit(world.township, CLERK, 7, village=OTHER)
    world.sync()
    ids = [*decided, counter]
    with world.township.node.work(CLERK) as uow:
        assert not any(one.refusal for one in cases.first_review_many(uow, decided))
    with world.township.node.work(person("陈初审", TOWNSHIP, Role.CLERK)) as uow:
        assert not any(one.refusal for one in cases.first_review_many(uow, [counter]))
    world.sync()
    with world.county.node.work(REVIEWER) as uow:
        assert not any(one.refusal for one in cases.review_many(uow, ids))
    with world.county.node.work(APPROVER) as uow:
        assert not any(one.refusal for one in cases.approve_many(uow, ids))
    with world.county.node.work(ACCOUNTANT) as uow:
        numbers = uow.connection.scalars(select(Account.account_no)).all()
        paid = [payment(n, for_year=2026, paid_on=uow.today, reference=f"R{n}") for n in numbers]
        assert all(one.reason == "" for one in confirm_payments(uow, paid))
    submit(world.village, COORDINATOR, 3)
    world.sync()
    return world


def fetch(site: Site, parent: Site) -> SetDown | None:
    app = FastAPI()
    routes = router(parent.node.replica, snapshots=Snapshots(parent.node))
    app.include_router(routes)
    with served(app, routes) as url:
        return take_snapshot(site.node.replica, url, Snapshots(site.node), limits=QUICK)


def replicas_of(site: Site) -> list[ReplicaTable]:
    return [each for capability in site.node.capabilities for each in capability.replicas]


def rows_of(site: Site, each: ReplicaTable, *, without: tuple[str, ...] = ()) -> list[Any]:
    """The rows of a table about the village, in clear."""
    columns = [column for column in each.columns if column.name not in without]
    with site.node.engine.connect() as connection:
        rows = connection.execute(
            select(*columns)
            .where(each.inside(RegionCode(VILLAGE)))
            .order_by(*each.table.primary_key.columns)
        )
        return [tuple(row) for row in rows]


def test_a_burned_village_holds_what_the_old_machine_held(worked: World) -> None:
    local = ("arrived_at", "at", "drafted_at")  # when this node learned of it, not what it says
    held_before = {
        each.name: rows_of(worked.village, each, without=local)
        for each in replicas_of(worked.village)
    }
    new = worked.rebuild_village()
    assert fetch(new, worked.township) is not None
    for each in replicas_of(new):
        assert rows_of(new, each, without=local) == held_before[each.name], each.name
    filled = {name for name, rows in held_before.items() if rows}
    assert {"bulletin", "case", "case_step", "person", "account", "posting"} <= filled


def test_its_tables_equal_the_parents_and_hold_nothing_else(worked: World) -> None:
    new = worked.rebuild_village()
    done = fetch(new, worked.township)
    assert done is not None
    count = 0
    for each in replicas_of(new):
        mine = rows_of(new, each)
        assert mine == rows_of(worked.township, each), each.name
        with new.node.engine.connect() as connection:
            assert len(connection.execute(select(each.table)).all()) == len(mine), each.name
        count += len(mine)
    assert done.rows == count


def test_people_are_found_under_the_new_machines_own_keys(worked: World) -> None:
    new = worked.rebuild_village()
    fetch(new, worked.township)
    with new.node.work(COORDINATOR) as uow:
        found = registry.by_number(uow, citizen_number(1))
        assert found is not None
        assert registry.by_number(uow, citizen_number(7)) is None
    with worked.township.node.engine.connect() as connection:
        above = connection.scalars(select(Person.citizen_index)).all()
    with new.node.engine.connect() as connection:
        here = connection.scalars(select(Person.citizen_index)).all()
    assert here
    assert not set(above) & set(here)
    with pytest.raises(Refusal), new.node.work(COORDINATOR) as uow:
        cases.submit(uow, "enrolment", enrolment_form(3))  # its case is known by a blind index


def test_work_goes_on_and_everything_verifies(worked: World) -> None:
    new = worked.rebuild_village()
    fetch(new, worked.township)
    with new.node.work(COORDINATOR) as uow:
        waiting = uow.connection.scalars(
            select(Case.id).where(Case.state == State.FIRST_REVIEW)
        ).all()
    fresh = submit(new, COORDINATOR, 4)
    worked.sync()
    with worked.township.node.work(CLERK) as uow:
        outcomes = cases.first_review_many(uow, [*waiting, fresh])
        assert not any(one.refusal for one in outcomes)
    worked.sync()
    with new.node.work(COORDINATOR) as uow:
        states = {one: cases.case_of(uow, one).state for one in (*waiting, fresh)}
        numbers = uow.connection.scalars(select(Case.number)).all()
    assert set(states.values()) == {State.REVIEW}
    assert len(numbers) == len(set(numbers)) == 4
    for site in worked.sites:
        assert site.replica.verify().findings == [], site.region
        assert site.replica.status().incidents == [], site.region
        assert list(site.replica.held_records()) == [], site.region


def test_what_was_never_sent_is_lost(worked: World) -> None:
    submit(worked.village, COORDINATOR, 5)
    new = worked.rebuild_village()
    fetch(new, worked.township)
    with new.node.engine.connect() as connection:
        assert len(connection.execute(select(Case.id)).all()) == 3
        assert connection.execute(select(Draft)).all() == []


def test_the_command_that_joins_takes_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    township = world.township
    case_id = submit(world.village, COORDINATOR, 1)
    world.sync()
    world.clock.forward(hours=1)
    config = tmp_path / "village.toml"
    config.write_text(
        f'region = "{VILLAGE}"\ndatabase_url = "sqlite:///{tmp_path / "new.sqlite"}"\n'
        f'secret_file = "{tmp_path / "new.secret"}"\n'
    )
    code = township.replica.issue_join_code(region=VILLAGE, level="village")
    app = FastAPI()
    routes = router(township.node.replica, snapshots=Snapshots(township.node))
    app.include_router(routes)
    with served(app, routes) as url:
        monkeypatch.setenv("WUJI_SYNC__PARENT_URL", url)
        joining = ["join", url, code, "--config", str(config)]
        done = CliRunner().invoke(wuji, [*joining, "--fingerprint", township.node.fingerprint])
        assert done.exit_code == 0, done.output
        assert "接续" in done.output
        again = CliRunner().invoke(wuji, ["snapshot", "--config", str(config)])
    assert "不能再用快照" in str(again.exception)
    new = open_node(load_settings(config))
    with new.work() as uow:
        assert cases.case_of(uow, case_id).state == State.FIRST_REVIEW
    new.engine.dispose()


def test_a_village_without_a_past_begins_with_the_policy_and_says_so(world: World) -> None:
    new = world.open(OTHER)
    join(world.township, new)
    world.sites.append(new)
    fetch(new, world.township)
    world.sites.remove(new)
    new.replica.seal()
    assert rise(new, world.township) == []  # type: ignore[arg-type]
    with world.township.node.engine.connect() as connection:
        said = connection.scalars(
            select(Acknowledgement.bulletin_id).where(Acknowledgement.node == OTHER)
        ).all()
        known = connection.scalars(select(Bulletin.id)).all()
    assert sorted(said) == sorted(known) != []
    new.close()
