"""Payments line by line, subsidies for everybody, reversals; the replicas hold the same."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.accounts.balances import balances
from node.accounts.models import JournalEntry, Posting
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.contributions.make_up import Asked, write_orders
from node.contributions.models import Contribution, Subsidy
from node.contributions.payers import find_payers
from node.contributions.service import (
    Answer,
    Outcome,
    Payment,
    confirm_payments,
    paid_years,
    pay_subsidies,
    reverse_payment,
)
from node.core.errors import Conflict, Forbidden, Invalid
from node.registry.standing import begin_drawing
from tests.fixtures.county import (
    OTHER_VILLAGE,
    PROVINCE,
    VILLAGE,
    County,
    closing,
    confirm_years,
    open_county,
    payment,
    payments,
    publish,
    publish_rate,
)
from tests.fixtures.offices import Office, carry, open_office
from tests.fixtures.schema import sqlite_copy

AUTUMN = date(2025, 9, 1)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        yield found.on(AUTUMN)


def confirm(county: County, *lines: Payment) -> list[Outcome]:
    with county.work(county.accountant) as uow:
        return confirm_payments(uow, lines, batch="B1")


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [each.reason for each in outcomes]


def test_a_confirmed_payment_is_in_the_account(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    (answer,) = confirm(county, payment(account))
    assert (answer.answer, answer.account_no, answer.fen) == (Answer.POSTED, account, 20_000)
    with county.work() as uow:
        assert balances(uow, [account])[account] == {Source.INDIVIDUAL: 20_000}
        posting = uow.session.scalars(select(Posting)).one()
        assert (posting.kind, posting.month, posting.for_year) == ("contribution", 3, 2025)
        assert paid_years(uow, [account]) == {account: {2025: date(2025, 3, 5)}}


def test_a_payer_may_be_named_by_citizen_number(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    number = next(iter(county.people.values()))
    (answer,) = confirm(county, payment(0, account_no=None, citizen_number=number.lower()))
    assert (answer.answer, answer.account_no) == (Answer.POSTED, account)


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"account_no": 99}, "没有找到参保人，请核对公民身份号码或个人账户号"),
        ({"account_no": None, "citizen_number": "无"}, "没有找到参保人"),
        ({"fen": 19_999}, "实缴 199.99 元与档次 200.00 元不符"),
        ({"fen": 30_000, "grade_fen": 30_000}, "缴费档次 300 元不在现行档次内"),
        ({"paid_on": date(2025, 12, 31)}, "缴款日期不能晚于今天"),
        ({"for_year": 2026}, "缴费年度不能晚于缴款年度"),
        ({"method": "barter"}, "没有这种缴费方式"),
        ({"reference": "  "}, "请填写银行流水号或收据号"),
        ({"reference": "x" * 65}, "请填写银行流水号或收据号"),
        (
            {"paid_on": date(2023, 5, 1), "for_year": 2023},
            "本节点还没有收到2023年适用的缴费档次文件",
        ),
    ],
)
def test_what_is_wrong_with_a_line_is_said_and_nothing_is_booked(
    county: County, over: dict[str, object], reason: str
) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    (answer,) = confirm(county, payment(account, **over))
    assert answer.answer is Answer.REFUSED
    assert answer.reason.startswith(reason)
    with county.work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(JournalEntry)) == 0


def test_one_wrong_line_does_not_hold_up_the_others(county: County) -> None:
    one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
    answers = confirm(
        county, payment(one), payment(two, fen=1), payment(two, grade_fen=50_000, fen=50_000)
    )
    assert [each.answer for each in answers] == [Answer.POSTED, Answer.REFUSED, Answer.POSTED]
    assert [each.line for each in answers] == [1, 2, 3]
    with county.work() as uow:
        (entry,) = uow.session.scalars(select(JournalEntry))
        assert (entry.trace, entry.memo) == ("B1", "2025 年缴费入账 2 笔")


def test_nothing_is_counted_twice(county: County) -> None:
    one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
    first = payment(one, reference="R1")
    used = "该流水号已经入账，不能重复记账"
    assert reasons(confirm(county, first, first)) == ["", used]
    assert reasons(confirm(county, first, payment(two, reference="R1"))) == [used, used]
    twice = "2025 年度已经缴费，同一年度不能重复缴费"
    assert reasons(confirm(county, payment(one), payment(two), payment(two))) == [twice, "", twice]


def test_only_who_contributes_may_pay(county: County) -> None:
    (account,) = county.enrol(date(1960, 1, 1))
    with county.work() as uow:
        begin_drawing(uow, {county.person_of(uow, account): ""})
    (answer,) = confirm(county, payment(account))
    assert answer.reason.startswith("该人员不在缴费状态")


def test_a_batch_over_new_year_is_one_voucher_a_year(county: County) -> None:
    one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
    county.on(date(2026, 1, 5))
    late = payment(two, paid_on=date(2026, 1, 3))
    with county.work(county.accountant) as uow:
        found = confirm_years(uow, [payment(one, paid_on=date(2025, 12, 30)), late])
    assert reasons(found) == ["", ""]
    with county.work() as uow:
        days = [entry.business_date for entry in uow.session.scalars(select(JournalEntry))]
        assert sorted(days) == [date(2025, 12, 30), date(2026, 1, 3)]
        made_up = select(Contribution.make_up).order_by(Contribution.account_no)
        assert list(uow.session.scalars(made_up)) == [False, True]


def test_only_an_accountant_of_a_county_books_payments(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    with pytest.raises(Forbidden, match="会计"), county.work(county.approver) as uow:
        confirm_payments(uow, payments([account]))


def test_subsidies_follow_the_payments_by_share_once(county: County) -> None:
    one, two, three = county.enrol(date(1980, 1, 1), date(1981, 1, 1), date(1982, 1, 1))
    confirm(county, payment(one), payment(two, grade_fen=50_000, fen=50_000))
    with county.work(county.accountant) as uow:
        run = pay_subsidies(uow, 2025)
        assert (run.people, run.province_fen, run.city_fen, run.county_fen) == (2, 4_500, 0, 4_500)
    with county.work(county.accountant) as uow:
        assert pay_subsidies(uow, 2025).people == 0
    confirm(county, payment(three))
    with county.work(county.accountant) as uow:
        assert pay_subsidies(uow, 2025).people == 1
    with county.work() as uow:
        assert balances(uow, [two])[two] == {
            Source.INDIVIDUAL: 50_000,
            Source.SUBSIDY_PROVINCE: 3_000,
            Source.SUBSIDY_COUNTY: 3_000,
        }
        assert all(found.ok for found in verify(uow))


def test_a_year_made_up_earns_no_subsidy(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    with county.work(county.accountant) as uow:
        confirm_years(uow, [payment(account, for_year=2024)])
        assert pay_subsidies(uow, 2024).people == 0


def test_a_year_that_has_ended_is_paid_once_a_case_allows_it(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    late = payment(account, for_year=2024)
    (refused,) = confirm(county, late)
    assert (refused.field, "先办理补缴" in refused.reason) == ("for_year", True)
    with county.work(county.accountant) as uow:
        payer = find_payers(uow, account_nos=[account], citizen_numbers=[]).by_account[account]
        write_orders(uow, [Asked(payer, [2024], 50_000)])
    (cheaper,) = confirm(county, late)
    assert (cheaper.field, "500.00" in cheaper.reason) == ("grade", True)
    (taken,) = confirm(county, payment(account, for_year=2024, grade_fen=50_000, fen=50_000))
    assert taken.reason == ""


def test_a_grade_without_a_subsidy_stops_the_run(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    publish(county, "contribution_grades", {"grades_fen": [20_000, 70_000]})
    confirm(county, payment(account, grade_fen=70_000, fen=70_000))
    with (
        pytest.raises(Invalid, match="没有 700 元档，涉及 1 人"),
        county.work(county.accountant) as uow,
    ):
        pay_subsidies(uow, 2025)


def test_without_a_bulletin_no_subsidy_is_posted(migrated_url: str) -> None:
    county = open_county(migrated_url, policy=False)
    with (
        closing(county.office),
        pytest.raises(Invalid, match="还没有收到2025年适用的“缴费补贴”文件"),
        county.work(county.accountant) as uow,
    ):
        pay_subsidies(uow, 2025)


def test_a_reversed_year_may_be_paid_again(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    (answer,) = confirm(county, payment(account))
    with county.work(county.accountant) as uow:
        reverse_payment(uow, answer.contribution_id, reason="扣错人")
    with pytest.raises(Conflict, match="已经冲销"), county.work(county.accountant) as uow:
        reverse_payment(uow, answer.contribution_id, reason="扣错人")
    with county.work() as uow:
        assert paid_years(uow, [account]) == {account: {}}
        assert balances(uow, [account])[account] == {Source.INDIVIDUAL: 0}
    assert reasons(confirm(county, payment(account))) == [""]


def test_a_payment_with_a_subsidy_on_it_is_not_taken_back(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    (answer,) = confirm(county, payment(account))
    with county.work(county.accountant) as uow:
        pay_subsidies(uow, 2025)
    with pytest.raises(Conflict, match="补贴已经入账"), county.work(county.accountant) as uow:
        reverse_payment(uow, answer.contribution_id, reason="扣错人")


def rows(office: Office, table: type, *, village: str = "") -> list[tuple[object, ...]]:
    columns = table.__table__.c  # type: ignore[attr-defined]
    statement = select(*columns).order_by(*table.__table__.primary_key)  # type: ignore[attr-defined]
    if village:
        statement = statement.where(columns.village == village)
    with office.work(writing=False) as uow:
        return [tuple(row) for row in uow.connection.execute(statement)]


def test_province_and_village_hold_what_the_county_holds(
    county: County, migrated_sqlite: Path, tmp_path: Path
) -> None:
    village, province = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, PROVINCE)
    )
    with closing(village, province):
        one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
        (other,) = county.enrol(date(1982, 1, 1), village=OTHER_VILLAGE)
        answers = confirm(county, *payments([one, two, other]))
        with county.work(county.accountant) as uow:
            reverse_payment(uow, answers[1].contribution_id, reason="扣错人")
        with county.work(county.accountant) as uow:
            pay_subsidies(uow, 2025)
        county.on(date(2026, 1, 5))
        publish_rate(county, 2025)
        with county.work() as uow:
            close_year(uow, 2025)

        carry(county.office, province, village, keep=True)
        carry(county.office, province, village)

        for table in (Contribution, Subsidy, Posting):
            assert rows(province, table) == rows(county.office, table)
            mine = rows(county.office, table, village=VILLAGE)
            assert mine
            assert rows(village, table) == mine
        for office in (province, village):
            with office.work() as uow:
                assert [found.name for found in verify(uow) if not found.ok] == []
