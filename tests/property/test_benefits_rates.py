"""What a re-determination sets is what the rule says of every pension and month, and what months
that were run already are owed is the sum of the differences.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import select, update

from node.benefits.rate_records import rates
from node.benefits.rates import redetermine
from node.benefits.records import entitlements
from node.benefits.rules import components_of, months_from, next_month
from node.benefits.terms import standards_of_months
from node.core.work import UnitOfWork
from node.registry.models import Person
from tests.fixtures.county import closing, open_county, publish
from tests.fixtures.payroll import Payers, open_payers

PEOPLE = 40
START, TODAY = date(2025, 1, 20), date(2025, 12, 3)
FIRST, LAST = date(2025, 2, 1), date(2025, 12, 1)
BANDS = [{"from_age": 77, "fen": 1_000}, {"from_age": 81, "fen": 2_100}]

Months = dict[tuple[str, date], int]


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    county = open_county(migrated_url)
    with closing(county.office):
        publish(county, "age_supplement", {"bands": BANDS})
        yield open_payers(county.on(START))


def birthdays(chance: Random) -> list[date]:
    """Ages are reached in every month, also by those born on 29 February."""
    years = [chance.choice([1940, 1944, 1946, 1948]) for _ in range(PEOPLE - 2)]
    days = [date(year, 1, 1) + timedelta(days=chance.randrange(365)) for year in years]
    return [date(1944, 2, 29), date(1948, 2, 29), *days]


def standing(uow: UnitOfWork) -> Months:
    """What stands for every pension and month; exactly one rate covers each."""
    found: Months = {}
    for row in uow.connection.execute(select(rates).where(rates.c.superseded_by.is_(None))):
        last = row.to_month or LAST
        for month in months_from(max(row.from_month, FIRST), next_month(last)):
            assert (row.entitlement_id, month) not in found
            found[row.entitlement_id, month] = row.fen
    return found


def by_rule(uow: UnitOfWork, first: date, before: Months) -> Months:
    """The rule for every month from `first` on; earlier months stay as they were."""
    found = {key: fen for key, fen in before.items() if key[1] < first}
    terms = {month: held.terms for month, held in standards_of_months(uow, FIRST, LAST).items()}
    people = {one.id: one.born_on for one in uow.session.scalars(select(Person))}
    for one in uow.connection.execute(select(entitlements)):
        for month in months_from(max(first, FIRST), next_month(LAST)):
            found[one.id, month] = components_of(
                terms[month],
                paid_years=one.paid_years,
                born_on=people[one.person_id],
                account=one.account_fen,
                month=month,
            ).total
    return found


@pytest.mark.parametrize("seed", range(2))
def test_every_month_of_every_pension_is_what_the_rule_says(payers: Payers, seed: int) -> None:
    chance, county = Random(seed), payers.county  # noqa: S311  # a test's dice
    payers.pensioners(*birthdays(chance))
    with county.work() as uow:
        for one in uow.connection.execute(select(entitlements.c.id)).scalars().all():
            owed = date(2025, chance.randint(2, 12), 1)
            mine = update(entitlements).where(entitlements.c.id == one)
            changed = mine.values(paid_years=chance.randint(0, 40), owed_from=owed)
            uow.connection.execute(changed)
    county.on(TODAY)
    for turn in range(4):
        month = date(2025, chance.randint(2, 12), 1)
        kind, body = chance.choice(
            [
                ("base_pension", {"monthly_fen": chance.randrange(10_000, 15_000)}),
                ("years_supplement", {"threshold_years": 15, "per_year_fen": 300 + turn}),
                (
                    "age_supplement",
                    {"bands": [BANDS[0], {"from_age": 79, "fen": 1_500 + turn}, BANDS[1]]},
                ),
            ]
        )
        publish(county, kind, body, effective_from=month)
        first = date(2025, chance.randint(2, month.month), 1)
        with county.work(writing=False) as uow:
            before = standing(uow)
            expected = by_rule(uow, first, before)
            owed_from = dict(
                uow.connection.execute(select(entitlements.c.id, entitlements.c.owed_from)).all()
            )
        with county.work(county.approver) as uow:
            done = redetermine(uow, from_month=first, through_month=LAST, reason="示例")
            assert standing(uow) == expected
            assert redetermine(uow, from_month=first, through_month=LAST, reason="再") is None
        changed_people = {one for (one, at), fen in expected.items() if before[one, at] != fen}
        more = sum(
            fen - before[one, at] for (one, at), fen in expected.items() if at < owed_from[one]
        )
        assert (done.people if done else 0) == len(changed_people)
        assert (done.arrears_fen if done else 0) == more
