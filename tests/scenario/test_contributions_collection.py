"""A year is ordered, presented, answered: everybody's money is where it belongs, once."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from node.accounts.balances import accounts, balances
from node.accounts.general_ledger import trial_balance
from node.accounts.models import JournalEntry, Posting
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.banking.models import BankLine
from node.contributions.make_up import Asked, write_orders
from node.contributions.models import (
    Contribution,
    ContributionOrder,
    OnBehalf,
    UnmatchedMoney,
)
from node.contributions.payers import enrolments, find_payers
from node.contributions.service import (
    Doubt,
    Proposal,
    Way,
    change_grade,
    confirm_payments,
    decide,
    make_orders,
    pay_on_behalf,
    pay_subsidies,
    propose,
    reverse_payment,
    take_in,
    withhold,
)
from node.contributions.unmatched import question
from node.core.errors import Conflict, Forbidden, Invalid, Problems
from tests.fixtures.banking import TEXT
from tests.fixtures.collecting import (
    BACK,
    OK,
    ON_BEHALF,
    POOR,
    TIMEOUT,
    answered,
    ordered,
    presented,
    publish_collection,
    reviewer,
    said,
    with_cards,
)
from tests.fixtures.county import (
    COUNTY,
    PROVINCE,
    VILLAGE,
    County,
    closing,
    open_county,
    payment,
    publish,
)
from tests.fixtures.offices import carry, open_office
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode

AUTUMN = date(2025, 9, 1)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        yield found.on(AUTUMN)
        with found.work() as uow:
            assert [finding for finding in verify(uow) if not finding.ok] == []
            balance = trial_balance(uow, county=RegionCode(COUNTY), year=2025)
            assert balance.difference == 0


def gl(county: County, code: str) -> int:
    """The balance of a general-ledger account on its own side."""
    with county.work() as uow:
        rows = trial_balance(uow, county=RegionCode(COUNTY), year=2025).rows
    return next((row.closing for row in rows if row.code == code), 0)


def order(county: County, account: int, year: int = 2025) -> ContributionOrder:
    with county.work() as uow:
        return uow.get(ContributionOrder, COUNTY, account, year)


def items(county: County) -> list[UnmatchedMoney]:
    with county.work() as uow:
        found = select(UnmatchedMoney).order_by(UnmatchedMoney.item_no)
        return list(uow.session.scalars(found))


def resolve(county: County, item_no: int, proposal: Proposal) -> None:
    with county.work(county.accountant) as uow:
        propose(uow, item_no, proposal)
    with county.work(reviewer()) as uow:
        decide(uow, item_no)


def test_a_year_is_ordered_presented_and_booked(county: County) -> None:
    one, two, three = with_cards(county, 3)
    ordered(county)
    batch = presented(county)
    rows = said(county, batch)
    answered(county, [rows[0], (*rows[1][:4], POOR), (*rows[2][:4], TIMEOUT)])
    with county.work() as uow:
        found = balances(uow, [one, two, three])
        assert [found[n].get(Source.INDIVIDUAL, 0) for n in (one, two, three)] == [20_000, 0, 0]
        (paid,) = uow.session.scalars(select(Contribution))
        assert (paid.method, paid.paid_on, paid.make_up) == ("bank", AUTUMN, False)
        (entry,) = uow.session.scalars(select(JournalEntry))
        assert entry.trace_kind == "bank_result"
    again = presented(county)  # who failed is presented again, who is unclear is not
    with county.work() as uow:
        lines = uow.session.scalars(select(BankLine).where(BankLine.batch_no == again)).all()
        assert [int(line.reference) % 10**12 for line in lines] == [two]
        assert lines[0].account == "6217000000000001"


def test_orders_are_made_again_only_where_something_has_changed(county: County) -> None:
    one, two = with_cards(county, 2)
    with county.work(county.accountant) as uow:
        run = make_orders(uow, 2025)
        assert (run.written, run.own_fen, run.without_grade) == (2, 40_000, 0)
        assert make_orders(uow, 2025).written == 0
        assert change_grade(uow, two, 2025, grade_fen=50_000).written == 1
    assert order(county, two).own_fen == 50_000
    answered(county, said(county, presented(county))[:1])
    for number, why in ((one, "已经缴费"), (two, "已报银行扣款")):
        with county.work(county.accountant) as uow, pytest.raises(Conflict, match=why):
            change_grade(uow, number, 2025, grade_fen=100_000)


def test_who_chose_a_grade_no_longer_offered_gets_the_next_higher(county: County) -> None:
    (one,) = county.enrol(date(1980, 1, 1), grade_fen=20_000)
    publish(
        county,
        "contribution_grades",
        {"grades_fen": [30_000, 100_000]},
        effective_from=date(2025, 8, 1),
    )
    ordered(county)
    assert order(county, one).grade_fen == 30_000


def test_special_groups_are_paid_for_by_level(county: County) -> None:
    publish_collection(county, paid_on_behalf=ON_BEHALF)
    (whole,) = with_cards(county, 1, category="severely_disabled")
    (part,) = with_cards(county, 1, category="minimum_living")
    (plain,) = with_cards(county, 1)
    ordered(county)
    assert (order(county, whole).own_fen, order(county, part).own_fen) == (0, 10_000)
    with county.work(county.accountant) as uow:
        run = pay_on_behalf(uow, 2025)
        assert (run.people, run.province_fen, run.city_fen, run.county_fen) == (
            1,
            10_000,
            4_000,
            6_000,
        )
    answered(county, said(county, presented(county)))
    with county.work(county.accountant) as uow:
        assert pay_on_behalf(uow, 2025).people == 1
        assert pay_on_behalf(uow, 2025).entry_no is None
        assert balances(uow, [whole, part, plain]) == {
            whole: {Source.PAID_ON_BEHALF: 20_000},
            part: {Source.INDIVIDUAL: 10_000, Source.PAID_ON_BEHALF: 10_000},
            plain: {Source.INDIVIDUAL: 20_000},
        }
        assert pay_subsidies(uow, 2025).people == 3
    assert gl(county, "due_from_city") == 4_000
    (answer,) = _confirm(county, payment(part, fen=20_000, for_year=2025))
    assert "个人应缴 100.00 元" in answer or "已经缴费" in answer


def _confirm(county: County, *lines: object) -> list[str]:
    with county.work(county.accountant) as uow:
        return [each.reason for each in confirm_payments(uow, lines)]  # type: ignore[arg-type]


def test_a_bank_that_answers_after_new_year_has_paid_the_year_it_was_asked_for(
    county: County,
) -> None:
    _, two = with_cards(county, 2)
    ordered(county)
    county.on(date(2025, 12, 30))
    rows = said(county, presented(county))
    county.on(date(2026, 1, 5))
    answered(county, [(*rows[0][:4], OK), (*rows[1][:4], POOR)])
    with county.work(county.accountant) as uow:
        booked = uow.session.scalars(select(Posting)).one()
        assert (booked.kind, booked.for_year, booked.business_date) == (
            "contribution",
            2025,
            date(2026, 1, 5),
        )
        assert pay_subsidies(uow, 2025).people == 1  # in time, so it earns its subsidy
    with county.work(county.accountant) as uow, pytest.raises(Invalid, match="2025 年度已经过去"):
        withhold(uow, 2025, bank_code=TEXT)  # who was turned down applies to make it up
    (refused,) = _confirm(county, payment(two, paid_on=date(2026, 1, 5)))
    assert "请先办理补缴" in refused


def test_what_does_not_match_lies_on_the_suspense_account(county: County) -> None:
    one, two = with_cards(county, 2)
    ordered(county)
    batch = presented(county)
    rows = said(county, batch)
    _confirm(county, payment(one, reference="window"))
    stranger = (batch, 77, "过路人", 30_000, "AAAAAAA")
    wrong = (*rows[1][:3], 100, "AAAAAAA")
    answered(county, [rows[0], wrong, stranger])
    found = {Doubt(item.kind): item for item in items(county)}
    assert set(found) == {Doubt.DOUBLE, Doubt.WRONG_AMOUNT, Doubt.UNKNOWN_PAYER}
    assert gl(county, "unmatched_money") == 20_000 + 100 + 30_000
    assert gl(county, "income_account") == 20_000 + 50_100
    double, amount, unknown = (
        found[Doubt.DOUBLE],
        found[Doubt.WRONG_AMOUNT],
        found[Doubt.UNKNOWN_PAYER],
    )
    assert (double.account_no, double.for_year, amount.account_no) == (one, 2025, two)
    resolve(county, double.item_no, Proposal(Way.REFUND, "窗口已缴，退回"))
    resolve(county, amount.item_no, Proposal(Way.REFUND, "金额不足，退回重缴"))
    with county.work(county.accountant) as uow, pytest.raises(Problems, match="不符"):
        propose(uow, unknown.item_no, Proposal(Way.ATTRIBUTE, "查明", two, 2025))
    (three,) = with_cards(county, 1)
    resolve(county, unknown.item_no, Proposal(Way.ATTRIBUTE, "查明是新参保人", three, 2025))
    assert gl(county, "unmatched_money") == 0
    with county.work() as uow:
        assert balances(uow, [three])[three] == {Source.INDIVIDUAL: 30_000}
        assert uow.get(BankLine, COUNTY, batch, amount.line_no).state == "failed"


def test_money_for_a_year_that_has_ended_waits_for_a_case_to_let_it_be_made_up(
    county: County,
) -> None:
    (one,) = with_cards(county, 1)
    with county.work(county.accountant) as uow:
        given = {"received_on": AUTUMN, "reference": "X1", "payer": "", "kind": Doubt.UNKNOWN_PAYER}
        number = take_in(uow, fen=20_000, **given).item_no  # type: ignore[arg-type]
    told = Proposal(Way.ATTRIBUTE, "查明是去年的", one, 2024)
    with county.work(county.accountant) as uow, pytest.raises(Invalid, match="请先办理补缴"):
        propose(uow, number, told)
    with county.work(county.accountant) as uow:
        payer = find_payers(uow, account_nos=[one], citizen_numbers=[]).by_account[one]
        write_orders(uow, [Asked(payer, [2024], 20_000)])  # as the case does when it is approved
    resolve(county, number, told)
    with county.work() as uow:
        paid = uow.session.scalars(select(Contribution)).one()
        assert (paid.for_year, paid.make_up) == (2024, True)


def test_two_people_resolve_an_item(county: County) -> None:
    with county.work(county.accountant) as uow:
        given = {"received_on": AUTUMN, "reference": "X1", "payer": "", "kind": Doubt.UNKNOWN_PAYER}
        item = take_in(uow, fen=5_000, **given)  # type: ignore[arg-type]
        number = item.item_no
        with pytest.raises(Invalid, match="理由"):
            propose(uow, number, Proposal(Way.REFUND, " "))
        with pytest.raises(Invalid, match="不能这样处理"):
            propose(uow, number, Proposal(Way.REVERSE, "?"))
        propose(uow, number, Proposal(Way.REFUND, "查无此人"))
        with pytest.raises(Forbidden):
            decide(uow, number)
    with county.work(reviewer()) as uow:
        assert decide(uow, number, approve=False).state == "open"
    resolve(county, number, Proposal(Way.REFUND, "仍查无此人"))
    with county.work(county.accountant) as uow, pytest.raises(Conflict):
        propose(uow, number, Proposal(Way.REFUND, "再退一次"))
    assert gl(county, "income_account") == 0


@pytest.mark.parametrize(
    ("way", "fen", "state"), [(Way.WAS_COLLECTED, 20_000, "succeeded"), (Way.WAS_NOT, 0, "failed")]
)
def test_two_people_take_the_banks_word_for_a_time_out(
    county: County, way: Way, fen: int, state: str
) -> None:
    (one,) = with_cards(county, 1)
    ordered(county)
    batch = presented(county)
    answered(county, [(*said(county, batch)[0][:4], TIMEOUT)])
    with county.work(county.accountant) as uow:
        number = question(uow, batch, 1).item_no
        assert question(uow, batch, 1).item_no == number
    resolve(county, number, Proposal(way, "银行书面答复"))
    with county.work(county.accountant) as uow:
        assert balances(uow, [one])[one].get(Source.INDIVIDUAL, 0) == fen
        assert uow.get(BankLine, COUNTY, batch, 1).state == state
        with pytest.raises(Conflict, match="没有待查"):
            question(uow, batch, 1)


def test_a_withdrawn_payment_is_taken_back_and_due_again(county: County) -> None:
    (one,) = with_cards(county, 1)
    ordered(county)
    batch = presented(county)
    rows = said(county, batch)
    answered(county, rows)
    answered(county, [(*rows[0][:4], BACK)], serial="2")
    (item,) = items(county)
    assert (item.kind, item.entry_no) == (Doubt.RETURNED, None)
    resolve(county, item.item_no, Proposal(Way.REVERSE, "银行冲正"))
    with county.work() as uow:
        assert balances(uow, [one])[one].get(Source.INDIVIDUAL, 0) == 0
    assert order(county, one).turn == 2
    answered(county, said(county, presented(county)), serial="3")
    with county.work() as uow:
        assert balances(uow, [one])[one] == {Source.INDIVIDUAL: 20_000}


def test_a_reversed_payment_is_presented_under_a_new_name(county: County) -> None:
    with_cards(county, 1)
    ordered(county)
    answered(county, said(county, presented(county)))
    with county.work(county.accountant) as uow:
        paid = uow.session.scalars(select(Contribution)).one()
        reverse_payment(uow, paid.id, reason="记错")
    answered(county, said(county, presented(county)), serial="2")
    with county.work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(Contribution)) == 2


def test_money_for_a_closed_account_is_late(county: County) -> None:
    (one,) = with_cards(county, 1)
    ordered(county)
    rows = said(county, presented(county))
    with county.work() as uow:
        gone = update(accounts).where(accounts.c.account_no == one)
        uow.connection.execute(gone.values(closed_on=AUTUMN))
    answered(county, rows)
    assert [item.kind for item in items(county)] == [Doubt.LATE]


def test_only_who_has_a_card_and_contributes_is_presented(county: County) -> None:
    one, two, three = with_cards(county, 3)
    ordered(county)
    with county.work() as uow:
        mine = update(enrolments).where(enrolments.c.person_id == county.person_of(uow, one))
        uow.connection.execute(mine.values(bank_account=None))
        theirs = update(enrolments).where(enrolments.c.person_id == county.person_of(uow, two))
        uow.connection.execute(theirs.values(state="drawing"))
    batch = presented(county)
    with county.work() as uow:
        lines = uow.session.scalars(select(BankLine).where(BankLine.batch_no == batch)).all()
        assert [int(line.reference) % 10**12 for line in lines] == [three]
    with county.work(county.accountant) as uow:
        assert withhold(uow, 2025, bank_code=TEXT).batch is None


def test_a_way_that_policy_closes_is_closed(county: County) -> None:
    with_cards(county, 1)
    ordered(county)
    ways = [{"way": "bank", "region": PROVINCE, "first": "10-01", "last": "12-25"}]
    publish_collection(county, collection_ways={"ways": ways})
    with county.work(county.accountant) as uow, pytest.raises(Invalid, match="没有开放"):
        withhold(uow, 2025, bank_code=TEXT)
    county.on(date(2025, 10, 1))
    assert presented(county) == 1


def test_replicas_hold_orders_and_what_was_withheld(
    migrated_sqlite: Path, tmp_path: Path, county: County
) -> None:
    publish_collection(county, paid_on_behalf=ON_BEHALF)
    with_cards(county, 2)
    with_cards(county, 1, category="severely_disabled")
    ordered(county)
    answered(county, said(county, presented(county)))
    with county.work(county.accountant) as uow:
        pay_on_behalf(uow, 2025)
    village = open_office(sqlite_copy(migrated_sqlite, tmp_path / "v.sqlite"), VILLAGE, grades=())
    with closing(village):
        carry(county.office, village, keep=True)
        carry(county.office, village)
        for table in (Contribution, ContributionOrder, OnBehalf, Posting):
            with county.work() as here, village.work() as there:
                key = list(table.__table__.primary_key.columns)  # type: ignore[attr-defined]
                rows = select(table.__table__).order_by(*key)  # type: ignore[attr-defined]
                mine = here.connection.execute(rows).all()
                assert mine
                assert there.connection.execute(rows).all() == mine
