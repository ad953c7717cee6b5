"""The set-based settlement and the pure rule are one definition: they agree on any account."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from node.accounts import settlement_sql as sql
from node.accounts.rules import Entry, settle
from node.accounts.sources import Source
from node.core.db import make_engine, writing
from node.core.personal import Keyring

YEAR = 2026
VILLAGE = "410122100201"
ACCOUNTS = 500
SOURCES = tuple(Source)

Closings = dict[tuple[int, str], tuple[int, int, int]]
"""Product, interest and closing by account and source."""

ACCOUNT = """
    INSERT INTO account (county_code, account_no, person_id, village, opened_on)
    VALUES (:county, :account_no, :person, :village, '2020-01-01')
"""
OPENING = """
    INSERT INTO account_closing (county_code, year, account_no, source, village, opening_fen,
        movement_fen, product, interest_fen, closing_fen)
    VALUES (:county, :year, :account_no, :source, :village, 0, 0, 0, 0, :fen)
"""
POSTING = """
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    VALUES (:county, :entry_no, :line_no, :account_no, :village, :source, 'contribution', :fen,
        :year, :month, :year, '2026-01-01')
"""
SETTLEMENT = """
    INSERT INTO account_settlement (county_code, year, account_no, through, source, village,
        opening_fen, movement_fen, product, interest_fen, closing_fen, booked_through, rate_ppm,
        lag_months, bulletin_id)
    VALUES (:county, :year, :account_no, :through, :source, :village, 0, 0, 0, 0, :fen, :booked, 0,
        1, 'x')
"""


@dataclass(frozen=True, slots=True)
class Booked:
    """A posting of the year and the voucher it came with."""

    entry: Entry
    entry_no: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One account: where the year began, what moved, and through which month it was settled."""

    account_no: int
    opening: Mapping[Source, int]
    booked: Sequence[Booked]
    through: int = 0
    booked_through: int = 0
    settled: Mapping[Source, int] | None = None


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    found = make_engine(migrated_url, Keyring.generate())
    yield found
    found.dispose()


def sample(account_no: int, chance: Random) -> Sample:
    """An account as counties have them, and stranger ones: negative, empty, huge."""
    sources = chance.sample(SOURCES, chance.randint(1, 4))
    opening = {each: amount(chance) for each in sources if chance.random() < 0.7}
    booked = [
        Booked(Entry(chance.choice(sources), chance.randint(1, 12), amount(chance)), number)
        for number in range(1, chance.randint(0, 8) + 1)
    ]
    return Sample(account_no, {k: v for k, v in opening.items() if v}, booked)


def amount(chance: Random) -> int:
    size = chance.choice([1, 100, 10**5, 10**7, 10**9])
    return chance.choice([1, 1, 1, -1]) * chance.randrange(size + 1)


def settled(one: Sample, chance: Random, *, ppm: int, lag: int) -> Sample:
    """The same account after a settlement inside the year that saw some of its vouchers."""
    through, seen = chance.randint(1, 12), chance.randint(0, len(one.booked))
    held = [
        each.entry for each in one.booked if each.entry_no <= seen and each.entry.month <= through
    ]
    closing = settle(one.opening, held, rate_ppm=ppm, through=through, lag=lag).closing
    if not closing:  # nothing was there to settle, so nothing was written
        return one
    return Sample(one.account_no, one.opening, one.booked, through, seen, closing)


def store(connection: Connection, county: str, samples: Sequence[Sample]) -> None:
    own = {"county": county, "village": VILLAGE}
    rows: dict[str, list[dict[str, Any]]] = {ACCOUNT: [], OPENING: [], POSTING: [], SETTLEMENT: []}
    for one in samples:
        mine = {**own, "account_no": one.account_no}
        rows[ACCOUNT].append({**mine, "person": f"{county}-{one.account_no}"})
        rows[OPENING] += [
            {**mine, "year": YEAR - 1, "source": source.value, "fen": fen}
            for source, fen in one.opening.items()
        ]
        rows[POSTING] += [
            {
                **mine,
                "entry_no": each.entry_no,
                "line_no": one.account_no,
                "source": each.entry.source.value,
                "fen": each.entry.fen,
                "year": YEAR,
                "month": each.entry.month,
            }
            for each in one.booked
        ]
        rows[SETTLEMENT] += [
            {
                **mine,
                "year": YEAR,
                "through": one.through,
                "source": source.value,
                "fen": fen,
                "booked": one.booked_through,
            }
            for source, fen in (one.settled or {}).items()
        ]
    for statement, values in rows.items():
        if values and connection.dialect.name == "sqlite":  # half the time of named values
            connection.exec_driver_sql(statement, values)
        elif values:
            connection.execute(text(statement), values)


def closed(
    connection: Connection, county: str, *, ppm: int, lag: int
) -> dict[tuple[int, str], Any]:
    given_ = {"county": county, "year": YEAR, "through": 12, "ppm": ppm, "lag": lag}
    connection.execute(sql.CLOSE[connection.dialect.name], given_)
    found = text("""
        SELECT account_no, source, product, interest_fen, closing_fen FROM account_closing
        WHERE county_code = :county AND year = :year
    """)
    rows = connection.execute(found, {"county": county, "year": YEAR})
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}


def expected(one: Sample, *, ppm: int, lag: int) -> Closings:
    """What the pure rule says, in one piece or in the two pieces of a settled year."""
    if one.settled is None:
        entries = [each.entry for each in one.booked]
        found = settle(one.opening, entries, rate_ppm=ppm, lag=lag)
        return {
            (one.account_no, source.value): (
                found.product[source],
                found.interest[source],
                found.closing[source],
            )
            for source in found.closing
        }
    rest = 12 - one.through
    late = [
        each.entry
        for each in one.booked
        if each.entry_no > one.booked_through or each.entry.month > one.through
    ]
    start = dict(one.settled)
    for each in late:
        if each.month <= one.through:  # known only now: it earns from the settlement on
            start[each.source] = start.get(each.source, 0) + each.fen
    after = [
        Entry(each.source, each.month - one.through, each.fen)
        for each in late
        if each.month > one.through
    ]
    if rest == 0:
        return {(one.account_no, source.value): (0, 0, fen) for source, fen in start.items()}
    found = settle(start, after, rate_ppm=ppm, through=rest, lag=lag)
    return {
        (one.account_no, source.value): (
            found.product[source],
            found.interest[source],
            found.closing[source],
        )
        for source in found.closing
    }


def without_settlement_interest(found: Closings, samples: Sequence[Sample]) -> Closings:
    """The store holds no postings of the settlements' own interest: put it into the closings."""
    earned: dict[tuple[int, str], int] = {}
    for one in samples:
        for source, fen in (one.settled or {}).items():
            held = sum(
                each.entry.fen
                for each in one.booked
                if each.entry.source is source
                and each.entry_no <= one.booked_through
                and each.entry.month <= one.through
            )
            earned[one.account_no, source.value] = fen - one.opening.get(source, 0) - held
    return {
        key: (product, interest, closing + earned.get(key, 0))
        for key, (product, interest, closing) in found.items()
    }


@pytest.mark.parametrize("inside_the_year", [False, True], ids=["whole year", "settled inside"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    ppm=st.one_of(st.sampled_from([0, 1, 27_500, 18_750]), st.integers(0, 200_000)),
    lag=st.sampled_from([0, 1]),
)
def test_the_whole_county_agrees_with_the_rule(
    engine: Engine, inside_the_year: bool, seed: int, ppm: int, lag: int
) -> None:
    chance = Random(seed)  # noqa: S311  # repeatable, not secret
    samples = [sample(number, chance) for number in range(1, ACCOUNTS + 1)]
    if inside_the_year:
        samples = [
            settled(one, chance, ppm=ppm, lag=lag) if chance.random() < 0.6 else one
            for one in samples
        ]
    with writing(engine) as connection:
        used = connection.execute(text("SELECT count(DISTINCT county_code) FROM account")).scalar()
        county = f"41{used:04d}000000"
        store(connection, county, samples)
        found = closed(connection, county, ppm=ppm, lag=lag)
    wanted: Closings = {}
    for one in samples:
        wanted |= expected(one, ppm=ppm, lag=lag)
    assert without_settlement_interest(found, samples) == wanted


MANY = {"sqlite": 100_000, "postgresql": 3_000}  # which takes rows from here ten times slower


def test_a_hundred_thousand_accounts_agree_with_the_rule(engine: Engine) -> None:
    """One definition of the law: whole years and settled ones, every source, sums of any size."""
    chance = Random(20_261_125)  # noqa: S311  # repeatable, not secret
    many = MANY[engine.dialect.name]
    samples = [sample(number, chance) for number in range(1, many + 1)]
    samples = [
        settled(one, chance, ppm=27_500, lag=1) if number % 10 == 0 else one
        for number, one in enumerate(samples)
    ]
    county = "410199000000"
    with writing(engine) as connection:
        store(connection, county, samples)
        found = closed(connection, county, ppm=27_500, lag=1)
    wanted: Closings = {}
    for one in samples:
        wanted |= expected(one, ppm=27_500, lag=1)
    assert len(wanted) > many
    assert without_settlement_interest(found, samples) == wanted
