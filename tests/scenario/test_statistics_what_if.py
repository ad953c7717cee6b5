"""What a draft was said to cost is what its publication costs, to the fen."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from node.accounts.year_end import close_year
from node.benefits.models import Entitlement
from node.benefits.rates import redetermine
from node.contributions.payments import confirm_payments
from node.contributions.subsidies import pay_subsidies
from node.core.errors import Invalid
from node.statistics.what_if import Effect, effect
from tests.fixtures.county import (
    COUNTY,
    County,
    closing,
    open_county,
    payments,
    publish,
    publish_rate,
)
from tests.fixtures.payroll import Payers, open_payers

OCTOBER = date(2025, 10, 1)
BORN = date(1985, 3, 1)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        yield found


@pytest.fixture
def payers(county: County) -> Payers:
    return open_payers(county)


def told(county: County, kind: str, body: dict[str, object], **over: object) -> Effect:
    """The effect of a draft, before anybody publishes it."""
    draft = {"status": "draft", "published_at": None, **over}
    bulletin = publish(county, kind, body, **draft)
    with county.work(writing=False) as uow:
        return effect(uow, bulletin)


@pytest.mark.parametrize(("ppm", "lag"), [(27_500, 1), (31_234, 0)])
def test_a_rate_costs_what_the_year_end_posts(county: County, ppm: int, lag: int) -> None:
    numbers = county.enrol(*[BORN] * 7)
    county.on(date(2025, 3, 5))
    with county.work(county.accountant) as uow:
        confirm_payments(uow, payments(numbers))
    said = told(
        county,
        "account_interest_rate",
        {"year": 2025, "rate_ppm": ppm, "interest_lag_months": lag},
        effective_from=date(2026, 1, 1),
    )
    county.on(date(2026, 1, 8))
    publish_rate(county, 2025, ppm=ppm, lag=lag)
    with county.work(county.approver) as uow:
        run = close_year(uow, 2025)
    (line,) = said.counties
    assert (str(line.county), line.people) == (COUNTY, 7)
    assert (line.now_fen, line.then_fen) == (0, run.interest_fen)
    assert run.interest_fen > 0


def test_a_subsidy_costs_what_is_posted(county: County) -> None:
    numbers = county.enrol(*[BORN] * 5)
    county.on(date(2025, 3, 5))
    with county.work(county.accountant) as uow:
        confirm_payments(uow, payments(numbers[:4]))
    line = {"grade_fen": 20_000, "province_fen": 1_501, "city_fen": 700, "county_fen": 803}
    body: dict[str, object] = {"grades": [line]}
    said = told(county, "contribution_subsidy", body, effective_from=date(2025, 1, 1))
    publish(county, "contribution_subsidy", body, effective_from=date(2025, 1, 1))
    with county.work(county.accountant) as uow:
        run = pay_subsidies(uow, 2025)
    assert [share.then_fen for share in said.shares] == [
        run.province_fen,
        run.city_fen,
        run.county_fen,
    ]
    assert said.then_fen == run.province_fen + run.city_fen + run.county_fen == 4 * 3_004
    assert said.now_fen == 4 * 3_000


def test_a_base_pension_costs_what_the_redetermination_makes_of_it(payers: Payers) -> None:
    payers.county.on(date(2025, 8, 20))
    payers.pensioners(date(1950, 1, 1), date(1951, 1, 1))
    payers.pensioners(date(1965, 8, 10), years=15)
    payers.county.on(date(2025, 9, 3))
    said = told(payers.county, "base_pension", {"monthly_fen": 12_345}, effective_from=OCTOBER)
    publish(payers.county, "base_pension", {"monthly_fen": 12_345}, effective_from=OCTOBER)
    payers.county.on(date(2025, 10, 3))
    with payers.county.work(payers.county.approver) as uow:
        redetermine(uow, from_month=OCTOBER, through_month=OCTOBER, reason="示例")
    with payers.county.work(writing=False) as uow:
        real = uow.session.scalars(select(Entitlement.monthly_fen)).all()
    assert said.then_fen == 12 * sum(real)
    assert said.people == len(real) == 3
    assert said.then_fen - said.now_fen == 12 * 3 * (12_345 - 11_300)
    assert said.spread is not None
    assert sum(said.spread.now) == sum(said.spread.then) == 3
    lowest = {
        int(label) * 100 for label, n in zip(said.spread.labels, said.spread.then, strict=True) if n
    }
    assert lowest == {fen // 2_000 * 2_000 for fen in real}
    assert [example.lines[-1][2] for example in said.examples] == sorted(real)


def test_grades_that_go_name_who_must_choose_anew(county: County) -> None:
    county.enrol(BORN, BORN)
    county.enrol(BORN, grade_fen=50_000)
    said = told(county, "contribution_grades", {"grades_fen": [50_000, 100_000]})
    (line,) = said.counties
    assert (line.people, line.now_fen, line.then_fen) == (2, 40_000, 0)


def test_what_moves_no_money_is_not_computed(county: County) -> None:
    with pytest.raises(Invalid, match="不直接改变金额"):
        told(county, "payout_divisor", {"divisor_months": 120})
