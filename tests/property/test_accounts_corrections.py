"""Correcting equals having known it from the start, by hand and for a whole county at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from math import floor
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from node.accounts.models import InterestCorrection
from node.accounts.rate_corrections import correct_rate, trial
from node.accounts.rules import Late, Stretch, corrected
from node.accounts.verify import verify
from tests.fixtures.county import COUNTY, VILLAGE, County, closing, open_county, publish_rate

FIRST = 2021
YEARS = (2021, 2022, 2023)
ACCOUNTS = 150


@dataclass(frozen=True, slots=True)
class Plan:
    """Rates and lags by year, and the months somebody was settled at inside a year."""

    rates: Mapping[int, int]
    lags: Mapping[int, int]
    inside: Mapping[int, int]


def played(plan: Plan, moves: Sequence[Late]) -> tuple[list[Stretch], int]:
    """Every stretch of a life known from the start, month by month; and its balance."""
    balance, stretches = 0, []
    for year in YEARS:
        start = 0
        for through in sorted({plan.inside.get(year, 12), 12}):
            product, lag = 0, plan.lags[year]
            for month in range(start + 1, through + 1):
                # what moved in the month before counts from this one, or the month itself does
                counts = [
                    move.fen
                    for move in moves
                    if move.year == year and start < move.month <= month - lag
                ]
                product += balance + sum(counts)
            exact = Fraction(product * plan.rates[year], 12_000_000)
            earned = floor(exact + Fraction(1, 2))
            ppm = plan.rates[year]
            stretches.append(Stretch(year, start, through, product, earned, ppm, lag, ppm))
            balance += earned
            balance += sum(
                move.fen for move in moves if move.year == year and start < move.month <= through
            )
            start = through
    return stretches, balance


plans = st.builds(
    Plan,
    rates=st.fixed_dictionaries({year: st.integers(0, 100_000) for year in YEARS}),
    lags=st.fixed_dictionaries({year: st.sampled_from([0, 1]) for year in YEARS}),
    inside=st.dictionaries(st.sampled_from(YEARS), st.integers(1, 12), max_size=2),
)
moves_of = st.lists(
    st.builds(Late, st.sampled_from(YEARS), st.integers(1, 12), st.integers(-(10**7), 10**7)),
    max_size=8,
)


@given(plan=plans, known=moves_of, late=moves_of)
def test_correcting_equals_having_known_it_from_the_start(
    plan: Plan, known: list[Late], late: list[Late]
) -> None:
    settled, balance = played(plan, known)
    wanted, whole = played(plan, [*known, *late])
    changes = corrected(settled, late)
    assert balance + sum(move.fen for move in late) + sum(c.difference for c in changes) == whole
    now = {(c.stretch.year, c.stretch.through): (c.product, c.interest) for c in changes}
    for was, must in zip(settled, wanted, strict=True):
        found = now.get((was.year, was.through), (was.product, was.interest))
        assert found == (must.product, must.interest)


@given(plan=plans, known=moves_of, first=moves_of, then=moves_of)
def test_corrections_follow_one_another(
    plan: Plan, known: list[Late], first: list[Late], then: list[Late]
) -> None:
    settled, _ = played(plan, known)
    after = {(c.stretch.year, c.stretch.through): c for c in corrected(settled, first)}
    once = [
        replace(each, product=now.product, interest=now.interest) if now else each
        for each in settled
        for now in [after.get((each.year, each.through))]
    ]
    wanted, _ = played(plan, [*known, *first, *then])
    now = {(c.stretch.year, c.stretch.through): c for c in corrected(once, then)}
    for was, must in zip(once, wanted, strict=True):
        change = now.get((was.year, was.through))
        found = (change.product, change.interest) if change else (was.product, was.interest)
        assert found == (must.product, must.interest)


@given(plan=plans, known=moves_of, late=moves_of)
def test_taking_a_correction_back_leaves_nothing(
    plan: Plan, known: list[Late], late: list[Late]
) -> None:
    settled, _ = played(plan, known)
    after = {(c.stretch.year, c.stretch.through): c for c in corrected(settled, late)}
    once = [
        replace(each, product=now.product, interest=now.interest) if now else each
        for each in settled
        for now in [after.get((each.year, each.through))]
    ]
    back = corrected(once, [replace(move, fen=-move.fen) for move in late])
    assert [(c.product, c.interest) for c in back] == [
        (was.product, was.interest)
        for was, mid in zip(settled, once, strict=True)
        if (was.product, was.interest) != (mid.product, mid.interest)
    ]


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url, policy=False)
    with closing(found.office):
        yield found


def store(county: County, plan: Plan, lives: Sequence[Sequence[Late]]) -> list[list[Stretch]]:
    """Settled years of people as rows, before the county's guards begin to watch."""
    rows: dict[str, list[dict[str, Any]]] = {"account": [], "closing": [], "settlement": []}
    stretches = []
    for number, moves in enumerate(lives, 1):
        settled, _ = played(plan, moves)
        stretches.append(settled)
        rows["account"].append({"no": number, "person": f"p{number}"})
        balance = 0
        for each in settled:
            moved = sum(
                move.fen
                for move in moves
                if move.year == each.year and each.start < move.month <= each.through
            )
            balance += moved + each.interest
            row = {"no": number, "year": each.year, "product": each.product}
            row |= {"earned": each.interest, "closing": balance, "through": each.through}
            row |= {"ppm": each.rate_ppm, "lag": each.lag, "start": each.start}
            if each.through == plan.inside.get(each.year):
                rows["settlement"].append(row)
            if each.through == 12:
                gone = plan.inside.get(each.year) == 12  # then the year end has nothing to settle
                rows["closing"].append(row | ({"product": 0, "earned": 0} if gone else {}))
    with county.work() as uow:
        own = {"county": COUNTY, "village": VILLAGE}
        for name, sql in SQL.items():
            if rows[name]:
                uow.connection.execute(text(sql), [{**own, **row} for row in rows[name]])
        for year in YEARS:
            run = {**own, "year": year, "ppm": plan.rates[year], "lag": plan.lags[year]}
            uow.connection.execute(text(RUN), run)
    return stretches


SQL = {
    "account": """
        INSERT INTO account (county_code, account_no, person_id, village, opened_on)
        VALUES (:county, :no, :person, :village, '2020-01-01')""",
    "closing": """
        INSERT INTO account_closing (county_code, year, account_no, source, village, opening_fen,
            movement_fen, product, interest_fen, closing_fen)
        VALUES (:county, :year, :no, 'individual', :village, 0, :closing - :earned, :product,
            :earned, :closing)""",
    "settlement": """
        INSERT INTO account_settlement (county_code, year, account_no, through, source, village,
            opening_fen, movement_fen, product, interest_fen, closing_fen, booked_through, rate_ppm,
            lag_months, bulletin_id)
        VALUES (:county, :year, :no, :through, 'individual', :village, 0, 0, :product, :earned,
            :closing, 0, :ppm, :lag, 'x')""",
}
RUN = """
    INSERT INTO interest_run (county_code, year, bulletin_id, rate_ppm, lag_months, accounts,
        interest_fen, closing_fen, settled_at)
    VALUES (:county, :year, 'x', :ppm, :lag, 0, 0, 0, '2024-01-01 00:00:00')"""


def life(chance: Random) -> list[Late]:
    """A few movements that never leave the account below zero at a year's end."""
    size = chance.choice([1, 50, 10**5, 10**7])
    found = [
        Late(chance.choice(YEARS), chance.randint(1, 12), chance.randrange(size + 1))
        for _ in range(chance.randint(1, 6))
    ]
    if chance.random() < 0.3:  # almost everything is taken out again: little to take back from
        found.append(Late(2023, 12, -sum(move.fen for move in found)))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_whole_county_at_a_new_rate_agrees_with_the_rule(county: County, seed: int) -> None:
    chance = Random(seed)  # noqa: S311  # repeatable, not secret
    lags = {year: chance.choice([0, 1]) for year in YEARS}
    inside = {2021: 8} if seed == 0 else {2022: chance.randint(1, 12)} if seed == 1 else {2023: 5}
    plan = Plan({year: chance.randint(10_000, 50_000) for year in YEARS}, lags, inside)
    lives = [life(chance) for _ in range(ACCOUNTS)]
    settled = store(county, plan, lives)
    year, ppm = 2021 + seed % 2, chance.randint(0, 60_000)
    county.on(date(2024, 3, 1))
    for each in YEARS:
        new = ppm if each == year else plan.rates[each]
        publish_rate(county, each, ppm=new, lag=plan.lags[each])

    wanted: dict[tuple[int, int, int], tuple[int, int]] = {}
    short = 0
    for number, (stretches, moves) in enumerate(zip(settled, lives, strict=True), 1):
        again = [
            replace(each, rate_now=ppm)
            if (each.year, each.through) == (year, 12) and plan.inside.get(year) != 12
            else each
            for each in stretches
            if each.year >= year
        ]
        changes = corrected(again)
        held = sum(move.fen for move in moves) + sum(each.interest for each in stretches)
        if held + sum(change.difference for change in changes) < 0:
            short += 1
            continue
        for change in changes:
            key = (number, change.stretch.year, change.stretch.through)
            if change.difference or change.product != change.stretch.product:
                wanted[key] = (change.product, change.interest)

    with county.work() as uow:
        tried = trial(uow, year)
    with county.work() as uow:
        done = correct_rate(uow, year)
        assert (done.accounts, done.left_out, done.fen) == (tried.accounts, short, tried.fen)
        rows = uow.session.exec(select(InterestCorrection)).all()
        found = {
            (r.account_no, r.year, r.through): (r.product_after, r.interest_after) for r in rows
        }
        assert found == wanted
        assert done.fen == sum(r.interest_after - r.interest_before for r in rows)
        assert [each.detail for each in verify(uow) if each.name == "没有负余额"] == [""]
