"""Pensions: who may draw one, from when, how much, and what the sheet says."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.accounts.balances import balances
from node.accounts.models import AccountSettlement
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.benefits.models import Entitlement
from node.benefits.service import Claim, determine_many, due_people
from node.core.errors import Conflict, Forbidden, Invalid, Refusal
from node.registry.models import Enrolment
from tests.fixtures.county import (
    PROVINCE,
    VILLAGE,
    County,
    closing,
    confirm_years,
    open_county,
    payment,
    publish_rate,
)
from tests.fixtures.offices import Office, carry, open_office
from tests.fixtures.schema import sqlite_copy

SUMMER = date(2025, 8, 20)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    """August 2025; the newest rate is that of 2024."""
    found = open_county(migrated_url)
    with closing(found.office):
        publish_rate(found, 2024, ppm=30_000)
        yield found


def pay_years(county: County, account: int, count: int, *, paid_on: date) -> None:
    """The years up to this one, all paid on one day."""
    lines = [
        payment(account, for_year=year, paid_on=paid_on)
        for year in range(paid_on.year - count + 1, paid_on.year + 1)
    ]
    with county.work(county.accountant) as uow:
        assert {each.reason for each in confirm_years(uow, lines)} == {""}


def claim(county: County, *accounts: int) -> list[str | Refusal]:
    with county.work(county.approver) as uow:
        claims = [Claim(county.person_of(uow, account)) for account in accounts]
        return determine_many(uow, claims)


def pension(county: County, answer: str | Refusal) -> Entitlement:
    assert isinstance(answer, str)
    with county.work() as uow:
        return uow.get(Entitlement, county.office.region, answer)


def test_a_pension_is_the_base_and_the_settled_account_by_the_divisor(county: County) -> None:
    (account,) = county.enrol(date(1965, 8, 10))
    county.on(SUMMER)
    pay_years(county, account, 15, paid_on=date(2025, 3, 5))
    (answer,) = claim(county, account)
    found = pension(county, answer)
    # 15 × 200 yuan in March; April to August at 3 %: 3,000 × 5 × 3 % ÷ 12 = 37.50
    assert found.balance_fen == 303_750
    assert (found.base_fen, found.account_fen, found.monthly_fen) == (11_300, 2_185, 13_485)
    assert (found.due_from, found.paid_years, found.divisor_months) == (date(2025, 9, 1), 15, 139)
    assert found.account_by_source == {"individual": 2_185}
    with county.work() as uow:
        assert balances(uow, [account])[account] == {Source.INDIVIDUAL: 303_750}
        assert all(each.ok for each in verify(uow))
        enrolment = uow.session.scalars(select(Enrolment)).one()
        assert enrolment.state == "drawing"


def test_the_sheet_shows_each_fen_and_the_document_behind_it(county: County) -> None:
    (account,) = county.enrol(date(1965, 8, 10))
    county.on(SUMMER)
    pay_years(county, account, 15, paid_on=date(2025, 3, 5))
    (answer,) = claim(county, account)
    sheet = pension(county, answer).sheet
    assert [(line["item"], line["fen"]) for line in sheet] == [
        ("基础养老金", 11_300),
        ("个人账户养老金", 2_185),
        ("个人缴费", 2_185),
        ("月养老金", 13_485),
    ]
    assert sheet[1]["formula"] == "储存额 3,037.50 元 ÷ 139，四舍五入到分"
    assert all(line["reference"].startswith("豫人社示例") for line in sheet[:2])


def test_who_was_sixty_when_the_scheme_began_draws_the_base_alone(county: County) -> None:
    (account,) = county.enrol(date(1950, 1, 1))
    county.on(SUMMER)
    (answer,) = claim(county, account)
    found = pension(county, answer)
    assert (found.monthly_fen, found.account_fen, found.paid_years) == (11_300, 0, 0)
    assert found.due_from == date(2025, 2, 1)  # the month after the enrolment in January
    assert [line["item"] for line in found.sheet] == ["基础养老金", "个人账户养老金", "月养老金"]


def test_the_first_generation_owes_the_years_that_were_left_to_sixty(county: County) -> None:
    (account,) = county.enrol(date(1960, 1, 1))  # 52 when the scheme began: eight years
    county.on(SUMMER)
    pay_years(county, account, 7, paid_on=date(2025, 3, 5))
    (answer,) = claim(county, account)
    assert isinstance(answer, Refusal)
    assert answer.message == "缴费年限 7 年，还差 1 年，可以补缴后再申请"
    with county.work(county.accountant) as uow:
        confirm_years(uow, [payment(account, for_year=2018, paid_on=date(2025, 6, 3))])
    (answer,) = claim(county, account)
    assert pension(county, answer).due_from == date(2025, 7, 1)  # after the last year was paid


@pytest.mark.parametrize(
    ("born_on", "reason"),
    [
        (date(1965, 8, 21), "未满 60 周岁，自 2025 年 9 月起可以领取"),
        (date(1980, 1, 1), "有 2 处需要改正"),
    ],
)
def test_nobody_draws_before_sixty(county: County, born_on: date, reason: str) -> None:
    (account,) = county.enrol(born_on)
    county.on(SUMMER)
    if born_on.year == 1965:
        pay_years(county, account, 15, paid_on=date(2025, 3, 5))
    (answer,) = claim(county, account)
    assert isinstance(answer, Refusal)
    assert answer.message == reason


def test_nobody_draws_twice(county: County) -> None:
    (account,) = county.enrol(date(1950, 1, 1))
    county.on(SUMMER)
    first, second = claim(county, account, account)
    assert isinstance(first, str)
    assert isinstance(second, Conflict)
    (again,) = claim(county, account)
    assert isinstance(again, Conflict)
    assert again.message == "该人员已经核定待遇，不能重复领取"


def test_one_refused_claim_does_not_hold_up_the_others(county: County) -> None:
    old, young, older = county.enrol(date(1950, 1, 1), date(1990, 1, 1), date(1948, 1, 1))
    county.on(SUMMER)
    answers = claim(county, old, young, older)
    assert [isinstance(each, str) for each in answers] == [True, False, True]


def test_whole_villages_are_settled_month_by_month(county: County) -> None:
    born = [date(1965, 1 + number % 8, 3) for number in range(40)]
    accounts = county.enrol(*born)
    county.on(SUMMER)
    for account in accounts:
        pay_years(county, account, 15, paid_on=date(2025, 1, 15))
    answers = claim(county, *accounts)
    found = [pension(county, each) for each in answers]
    # nobody before the month after enrolment and payment in January
    assert {each.due_from.month for each in found} == {2, 3, 4, 5, 6, 7, 8, 9}
    with county.work() as uow:
        settled = uow.session.scalars(select(AccountSettlement)).all()
        assert len(settled) == 40
        assert all(each.ok for each in verify(uow))
        held = balances(uow, accounts)
    assert [each.balance_fen for each in found] == [
        sum(held[each.account_no].values()) for each in found if each.account_no
    ]


def test_only_an_approver_of_a_county_determines(county: County) -> None:
    (account,) = county.enrol(date(1950, 1, 1))
    with pytest.raises(Forbidden), county.work(county.accountant) as uow:
        determine_many(uow, [Claim(county.person_of(uow, account))])


def test_without_the_standard_nothing_is_determined(migrated_url: str) -> None:
    county = open_county(migrated_url, policy=False)
    with closing(county.office):
        (account,) = county.enrol(date(1950, 1, 1))
        county.on(SUMMER)
        with pytest.raises(Invalid, match="“基础养老金标准”文件"):
            claim(county, account)


def test_the_due_list_names_who_may_claim_and_what_is_missing(county: County) -> None:
    soon, late, old = county.enrol(date(1965, 11, 1), date(1966, 1, 1), date(1950, 1, 1))
    county.on(SUMMER)
    with county.work() as uow:
        found = due_people(uow)
        assert [each.claimant.account_no for each in found] == [old, soon]
        assert (found[1].by_age, found[1].missing) == (date(2025, 12, 1), 14)
        assert late not in [each.claimant.account_no for each in found]
    claim(county, old)
    with county.work() as uow:
        assert [each.claimant.account_no for each in due_people(uow)] == [soon]


def rows(office: Office) -> list[dict[str, Any]]:
    with office.work(writing=False) as uow:
        found = uow.session.scalars(select(Entitlement).order_by(Entitlement.id))
        return [each.model_dump() for each in found]


def test_province_and_village_hold_the_pensions(
    county: County, migrated_sqlite: Path, tmp_path: Path
) -> None:
    village, province = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, PROVINCE)
    )
    with closing(village, province):
        account, old = county.enrol(date(1965, 8, 10), date(1950, 1, 1))
        county.on(SUMMER)
        pay_years(county, account, 15, paid_on=date(2025, 3, 5))
        claim(county, account, old)

        carry(county.office, province, village, keep=True)
        carry(county.office, province, village)

        assert len(rows(county.office)) == 2
        assert rows(province) == rows(village) == rows(county.office)
        with village.work() as uow:
            states = {each.state for each in uow.session.scalars(select(Enrolment))}
        assert states == {"drawing"}
