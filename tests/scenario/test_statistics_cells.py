"""Figures kept as facts come equal figures counted from scratch, in any order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, delete

import sync
from node.core.db import insert_new, make_engine
from node.core.personal import Keyring
from node.core.work import UnitOfWork, machine, observe, tell_observers, unit_of_work
from node.statistics import cells, figures, recount, shares, stale
from node.statistics.rules import DIMENSIONS, NAMES, SHARED, STOCKS, Period
from tiers import Level, RegionCode

PROVINCE = RegionCode("410000000000")
COUNTIES = ("410122000000", "419001000000")
VILLAGES = ("410122001001", "410122001002", "410122002001", "419001001001", "419001001002")
FIRST, DAYS = date(2024, 1, 1), 3 * 365
NOW = datetime(2027, 1, 5, 1, tzinfo=UTC)
YEARS = (2024, 2025, 2026)

Fact = tuple[Table, dict[str, Any], str]
"""A row, its table, and the record type that tells of it."""

DAY = st.integers(0, DAYS - 1).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    made: list[Fact] = []
    for number in range(draw(st.integers(1, 12))):
        village = draw(st.sampled_from(VILLAGES))
        make = draw(st.sampled_from([enrolled, paid, posted, posted, entitled]))
        made.append(make(draw, number, village))
    rates = [(number, row) for number, (table, row, _) in enumerate(made) if table is cells.rate]
    made += [pension(row, number) for number, row in rates]
    people = {row["person_id"]: row["village"] for _, row, _ in made if "person_id" in row}
    for number, (who, village) in enumerate(sorted(people.items())):
        if draw(st.integers(0, 5)):  # of some nobody ever hears who they are
            made.append(known(draw, number, village, who))
    return made


def known(draw: st.DrawFn, number: int, village: str, who: str) -> Fact:
    row = _of(village) | {
        "id": who,
        "name": "某",
        "citizen_number": str(number),
        "citizen_index": number.to_bytes(32),
        "sex": draw(st.sampled_from(["male", "female"])),
        "born_on": date(draw(st.integers(1930, 2008)), 6, 1),
        "ethnicity": "汉族",
        "address": "",
        "category": draw(st.sampled_from(["ordinary", "extreme_poverty"])),
        "registered_at": NOW,
    }
    return shares.person, row, "person.registered"


def pension(rate: dict[str, Any], number: int) -> Fact:
    day = rate["from_month"]
    row = {name: rate[name] for name in ("county_code", "village", "base_fen", "account_fen")} | {
        "id": rate["entitlement_id"],
        "person_id": f"p{number}",
        "due_from": day,
        "owed_from": day,
        "paid_years": 15,
        "monthly_fen": rate["fen"],
        "balance_fen": 0,
        "divisor_months": 139,
        "account_by_source": {},
        "sheet": [],
        "state": "in_force",
        "determined_by": "a",
        "approved_by": "b",
        "determined_at": NOW,
    }
    return shares.entitlement, row, "entitlement.determined"


def _of(village: str) -> dict[str, Any]:
    return {"county_code": str(RegionCode(village).county), "village": village}


def enrolled(draw: st.DrawFn, number: int, village: str) -> Fact:
    opened = draw(DAY)
    closed = draw(st.none() | st.integers(0, 500).map(lambda n: opened + timedelta(days=n)))
    row = _of(village) | {
        "id": f"e{number}",
        "person_id": f"p{number}",
        "state": "active",
        "grade_fen": draw(st.sampled_from([None, 20_000, 50_000])),
        "opened_on": opened,
        "closed_on": closed,
    }
    return cells.enrolment, row, "enrolment.opened"


def paid(draw: st.DrawFn, number: int, village: str) -> Fact:
    row = _of(village) | {
        "id": f"c{number}",
        "account_no": number + 1,
        "person_id": f"p{draw(st.integers(0, 3))}-{village[:6]}",
        "for_year": draw(st.sampled_from(YEARS)),
        "grade_fen": draw(st.sampled_from([20_000, 50_000])),
        "fen": 20_000,
        "method": "bank",
        "reference": f"r{number}",
        "paid_on": draw(DAY),
        "make_up": False,
        "entry_no": number + 1,
        "line_no": 1,
        "confirmed_at": NOW,
        "reversed_entry": draw(st.sampled_from([None, None, 99])),
    }
    return cells.contribution, row, "contribution.confirmed"


def posted(draw: st.DrawFn, number: int, village: str) -> Fact:
    day = draw(DAY)
    kind, source = draw(
        st.sampled_from(
            [
                ("contribution", "individual"),
                ("make_up", "individual"),
                ("subsidy", "subsidy_city"),
                ("interest", "individual"),
                ("benefit", "individual"),
            ]
        )
    )
    row = _of(village) | {
        "entry_no": number + 1,
        "line_no": 1,
        "account_no": draw(st.integers(1, 4)),
        "source": source,
        "kind": kind,
        "fen": draw(st.integers(1, 10**9)),
        "year": day.year,
        "month": day.month,
        "for_year": day.year,
        "business_date": day,
    }
    return cells.posting, row, "account.posted"


def entitled(draw: st.DrawFn, number: int, village: str) -> Fact:
    first = draw(DAY).replace(day=1)
    row = _of(village) | {
        "entitlement_id": f"t{number}",
        "version": 1,
        "from_month": first,
        "to_month": draw(st.none() | st.sampled_from([first, first.replace(month=12)])),
        "base_fen": 1,
        "city_fen": 0,
        "county_fen": 0,
        "years_fen": 0,
        "age_fen": 0,
        "account_fen": 1,
        "fen": draw(st.integers(1, 10**6)),
        "superseded_by": draw(st.sampled_from([None, None, 2])),
        "changed_in": 1,
    }
    return cells.rate, row, "entitlement.determined"


ACCOUNTS = [
    _of(village) | {"account_no": number, "person_id": f"a{number}", "opened_on": FIRST}
    for village, numbers in zip(VILLAGES, ((1,), (2, 3), (4,), (1, 2), (3, 4)), strict=True)
    for number in numbers
]
"""Where accounts belong now, whichever village something was posted in."""


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    observe(stale.OBSERVER)  # as a node does when it opens
    made = make_engine(migrated_url, Keyring.generate())
    with work(made) as uow:
        insert_new(uow.connection, cells.account, ACCOUNTS)
    yield made
    made.dispose()


@contextmanager
def work(engine: Engine) -> Iterator[UnitOfWork]:
    with unit_of_work(engine, actor=machine(PROVINCE), node=PROVINCE, now=NOW) as uow:
        yield uow


def arrive(engine: Engine, some: Sequence[Fact]) -> None:
    """Take facts in one transaction, as a replica does."""
    with work(engine) as uow:
        for table, row, kind in some:
            insert_new(uow.connection, table, [row])
            tell_observers(uow, [_record(kind, row)])


def _record(kind: str, row: dict[str, Any]) -> sync.Record:
    body: dict[str, Any] = {}
    if kind == "account.posted":
        body = {"count": 1, "columns": {"business_date": [row["business_date"].isoformat()]}}
    at = "2027-01-05T01:00:00.000000Z"
    return sync.Record(kind, 1, str(row.get("id", "")), row["village"], at, "someone", body)


def empty(engine: Engine) -> None:
    """Everything gone but the postings, which the database does not let anybody delete: those of
    earlier examples count here as there.
    """
    tables = (cells.enrolment, cells.contribution, cells.rate, cells.cell, cells.total)
    tables += (shares.person, shares.entitlement, shares.share, shares.share_total)
    with work(engine) as uow:
        for table in (*tables, stale.stale):
            uow.connection.execute(delete(table))
        stale.mark_everything(uow, map(RegionCode, COUNTIES))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_incremental_equals_from_scratch(engine: Engine, data: st.DataObject) -> None:
    empty(engine)
    made = data.draw(facts())
    order = data.draw(st.permutations([*made, *made[: len(made) // 2]]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(order)), max_size=4)) | {0, len(order)})
    for begin, end in pairwise(cuts):
        arrive(engine, order[begin:end])
        if data.draw(st.booleans()):
            with work(engine) as uow:
                cells.refresh(uow)
    with work(engine) as uow:
        cells.refresh(uow)
        assert stale.marks(uow) == []
        _assert_equal(uow)


def _assert_equal(uow: UnitOfWork) -> None:
    for year in YEARS:
        assert figures.whole(uow, PROVINCE, Period(year)) == recount.whole(uow, PROVINCE, year)
        for level in (Level.CITY, Level.COUNTY):
            kept = figures.by_place(uow, PROVINCE, level, Period(year))
            again = recount.by_place(uow, PROVINCE, level, year)
            assert _without_nothing(kept) == _without_nothing(again)
        for county in map(RegionCode, COUNTIES):
            kept = figures.by_place(uow, county, Level.TOWNSHIP, Period(year))
            again = recount.by_place(uow, county, Level.TOWNSHIP, year)
            names = [name for name in NAMES if name != "payers"]  # a payer is counted once a county
            assert _without_nothing(kept, names) == _without_nothing(again, names)
    _assert_shares_equal(uow, YEARS[-1])


def _assert_shares_equal(uow: UnitOfWork, year: int) -> None:
    """By sex, age, category and grade too; and the parts of each add up to the figure."""
    for place in (PROVINCE, RegionCode(COUNTIES[0])):
        whole = figures.whole(uow, place, Period(year))
        for measure, dimension in product(SHARED, DIMENSIONS):
            asked = (measure, dimension.name)
            kept = figures.shares(uow, place, place.level, Period(year), asked).get(place, {})
            assert kept == recount.shares(uow, place, year, asked), (place, *asked)
            assert sum(kept.values()) == whole[measure]


def _without_nothing(
    found: figures.Figures, names: Sequence[str] = NAMES
) -> dict[str, dict[str, int]]:
    kept = {str(place): {n: m[n] for n in names} for place, m in found.items()}
    return {place: measures for place, measures in kept.items() if any(measures.values())}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=facts())
def test_months_add_up_to_the_year_and_stocks_to_its_end(engine: Engine, made: list[Fact]) -> None:
    empty(engine)
    arrive(engine, made)
    with work(engine) as uow:
        cells.refresh(uow)
        for year in YEARS:
            whole = figures.whole(uow, PROVINCE, Period(year))
            months = [figures.whole(uow, PROVINCE, Period(year, m)) for m in range(1, 13)]
            for name in NAMES:
                if name in STOCKS:
                    assert months[-1][name] == whole[name]
                else:
                    assert sum(month[name] for month in months) == whole[name]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_who_turns_out_to_be_another_is_counted_anew(engine: Engine, data: st.DataObject) -> None:
    """A sex, a birth or a category corrected later corrects payers and pensioners too."""
    empty(engine)
    village = VILLAGES[0]
    pays = paid(data.draw, 1, village)
    draws = entitled(data.draw, 2, village)
    person = known(data.draw, 1, village, "p9")
    everything = [pays, draws, pension(draws[1] | {"to_month": None}, 9), person]
    pays[1]["person_id"], draws[1]["to_month"] = "p9", None
    arrive(engine, everything)
    with work(engine) as uow:
        cells.refresh(uow)
        other = {"sex": "other", "category": "other", "born_on": date(1950, 1, 1)}
        uow.connection.execute(shares.person.update().values(other))
        tell_observers(uow, [_record("person.changed", person[1])])
    with work(engine) as uow:
        cells.refresh(uow)
        _assert_shares_equal(uow, YEARS[-1])


def test_a_mark_made_beside_a_count_is_not_lost(engine: Engine) -> None:
    """A second transaction's mark is its own row: taking away what was seen leaves it."""
    with work(engine) as uow:
        stale.mark_everything(uow, [RegionCode(COUNTIES[0])])
        seen = stale.marks(uow)
    with work(engine) as uow:
        stale.mark_everything(uow, [RegionCode(COUNTIES[0])])
    with work(engine) as uow:
        stale.take_away(uow, seen)
        assert len(stale.marks(uow)) == len(stale.Subject)
