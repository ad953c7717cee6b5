"""A month's pensions at a county: from the list to the cards and the books, on both databases."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError

from node.accounts.balances import balances
from node.accounts.verify import verify
from node.banking.rules import LineState
from node.banking.service import take_result
from node.benefits.models import Entitlement
from node.benefits.rates import redetermine
from node.core.errors import Conflict, Forbidden, Invalid
from node.payroll import service
from node.payroll.bank import prepare_again
from node.payroll.models import PayrollRun
from node.payroll.rules import RunKind
from node.payroll.tables import lines, paid_lines, payments, runs
from tests.fixtures.banking import WORKBOOK
from tests.fixtures.county import closing, open_county, publish
from tests.fixtures.payroll import Payers, open_payers

SEPTEMBER, OCTOBER, NOVEMBER = date(2025, 9, 1), date(2025, 10, 1), date(2025, 11, 1)
OLD, YOUNG = date(1950, 1, 1), date(1965, 8, 10)
BASE, ACCOUNT = 11_300, 2_158


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    """Late August 2025, nobody draws a pension yet."""
    county = open_county(migrated_url)
    with closing(county.office):
        found = open_payers(county)
        county.on(date(2025, 8, 20))
        yield found


def paid(payers: Payers, entitlement: str) -> list[tuple[date, int, int]]:
    """What the bank has paid somebody: month, instalment, fen."""
    columns = paid_lines.c
    with payers.county.work() as uow:
        rows = uow.connection.execute(
            select(columns.month, columns.instalment, columns.fen)
            .where(columns.entitlement_id == entitlement, columns.bounced_on.is_(None))
            .order_by(columns.month, columns.instalment)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def states(payers: Payers, run: PayrollRun) -> dict[str, int]:
    with payers.county.work() as uow:
        return {each.state.value: each.people for each in service.standing(uow, run)}


def books_hold(payers: Payers) -> bool:
    with payers.county.work() as uow:
        return all(each.ok for each in verify(uow))


def test_a_month_goes_from_the_list_to_the_books(payers: Payers) -> None:
    (base_only,) = payers.pensioners(OLD)
    (with_account,) = payers.pensioners(YOUNG, years=15)
    payers.county.on(date(2025, 9, 3))
    run = payers.pay(SEPTEMBER)
    # who was 60 when the scheme began is due since February, the month after the enrolment
    assert (run.state, run.people, run.lines) == ("settled", 2, 8 + 1)
    assert run.fen == 8 * BASE + BASE + ACCOUNT
    assert states(payers, run) == {"paid": 2}
    assert [fen for _, _, fen in paid(payers, base_only)] == [BASE] * 8
    assert paid(payers, with_account) == [(SEPTEMBER, 1, BASE + ACCOUNT)]
    with payers.county.work() as uow:
        assert sum(balances(uow, [2])[2].values()) == 300_000 - ACCOUNT
        total = text("SELECT gl_account, sum(fen) FROM journal_line GROUP BY gl_account")
        ledger = dict(map(tuple, uow.connection.execute(total).all()))
    assert ledger["expenditure_account"] == 0
    assert ledger["pooled_fund"] == 0
    assert ledger["fiscal_account"] == -ACCOUNT
    assert books_hold(payers)


def test_three_people_and_a_computer_that_forgets_nobody(payers: Payers) -> None:
    payers.pensioners(OLD, OLD)
    run = payers.compute(SEPTEMBER)
    again = payers.compute(SEPTEMBER)
    assert (run.run_no, run.lines) == (again.run_no, again.lines)
    both = payers.officer.__class__(
        payers.officer.id,
        "一人",
        frozenset({"payroll_officer", "reviewer", "approver"}),
        payers.officer.scope,
    )
    with payers.county.work(both) as uow, pytest.raises(Forbidden):
        service.review(uow, run.run_no)
    with payers.county.work(payers.reviewer) as uow:
        service.review(uow, run.run_no)
    with payers.county.work(both) as uow, pytest.raises(Forbidden):
        service.approve(uow, run.run_no)
    payers.pensioners(OLD)  # somebody is determined in between
    with payers.county.work(payers.county.approver) as uow, pytest.raises(Conflict) as refused:
        service.approve(uow, run.run_no)
    assert "1 人应发未列入" in refused.value.message
    with payers.county.work(payers.county.approver) as uow:
        service.cancel(uow, run.run_no)
    new = payers.approve(SEPTEMBER)
    assert (new.people, len(new.frozen_hash)) == (3, 64)
    with pytest.raises(Conflict, match="已经编制过"):
        payers.compute(SEPTEMBER)


def test_nothing_is_sent_beyond_the_funds(payers: Payers) -> None:
    payers.pensioners(OLD)
    run = payers.approve(SEPTEMBER)
    with payers.county.work(payers.county.accountant) as uow, pytest.raises(Conflict):
        service.send(uow, run.run_no, bank_code=WORKBOOK)
    with payers.county.work(payers.county.accountant) as uow:
        asked = {each.payer: each.fen for each in service.requests_of(uow, run)}
        assert asked == {"province": 7 * 8 * 1130, "city": 8 * 1130, "county": 2 * 8 * 1130}
        receipt = service.Receipt("city", asked["city"], uow.today, "A-1")
        assert service.take_receipt(uow, run.run_no, receipt).state == "approved"
        assert service.take_receipt(uow, run.run_no, receipt).state == "approved"
        with pytest.raises(Invalid, match="不超过尚缺"):
            service.take_receipt(uow, run.run_no, service.Receipt("city", 1, uow.today, "A-2"))
    payers.fund(run.run_no)
    payers.send(run.run_no)
    assert states(payers, run) == {"sent": 1}


def test_who_failed_is_carried_and_paid_with_the_next_month(payers: Payers) -> None:
    good, bad = payers.pensioners(date(1952, 3, 1), OLD)
    payers.pay(SEPTEMBER, {bad: LineState.FAILED})
    assert (len(paid(payers, good)), paid(payers, bad)) == (8, [])
    payers.county.on(date(2025, 10, 3))
    run = payers.pay(OCTOBER)
    assert run.lines == 1 + 9
    assert [fen for _, _, fen in paid(payers, bad)] == [BASE] * 9
    assert books_hold(payers)


def test_an_unclear_line_is_not_given_again_before_the_bank_has_spoken(payers: Payers) -> None:
    one, two = payers.pensioners(OLD, OLD)
    run = payers.approve(SEPTEMBER)
    payers.fund(run.run_no)
    payers.send(run.run_no)
    content = payers.answer({one: LineState.UNCLEAR, two: LineState.FAILED})
    with payers.county.work(payers.county.accountant) as uow:
        assert prepare_again(uow, run.run_no) == 1  # the failed one alone
        with pytest.raises(Conflict, match="没有确定的结果"):
            service.settle(uow, run.run_no)
    payers.send(run.run_no)
    with payers.county.work(payers.county.accountant) as uow:  # the file comes a second time
        again = take_result(uow, WORKBOOK, BytesIO(content), file_name="代发回盘000009-01-1.xlsx")
        assert again.is_duplicate
    payers.answer({one: LineState.SUCCEEDED})
    with payers.county.work(payers.county.accountant) as uow:
        assert service.settle(uow, run.run_no).state == "settled"
    assert [len(paid(payers, each)) for each in (one, two)] == [8, 8]
    assert books_hold(payers)


def test_what_comes_back_after_it_was_paid_is_paid_once_more_and_once_only(
    payers: Payers,
) -> None:
    (one,) = payers.pensioners(YOUNG, years=15)
    payers.county.on(date(2025, 9, 3))
    run = payers.approve(SEPTEMBER)
    payers.fund(run.run_no)
    payers.send(run.run_no)
    payers.answer()
    payers.bounce(one)
    assert paid(payers, one) == []
    assert states(payers, run) == {"bounced": 1}
    with payers.county.work(payers.county.accountant) as uow:
        assert prepare_again(uow, run.run_no) == 1
    payers.send(run.run_no)
    payers.answer()
    with payers.county.work(payers.county.accountant) as uow:
        service.settle(uow, run.run_no)
        assert sum(balances(uow, [1])[1].values()) == 300_000 - ACCOUNT
    assert paid(payers, one) == [(SEPTEMBER, 1, BASE + ACCOUNT)]
    assert books_hold(payers)


def test_money_that_comes_back_after_all_was_settled_opens_the_run_again(payers: Payers) -> None:
    (one,) = payers.pensioners(OLD)
    run = payers.pay(SEPTEMBER)
    payers.bounce(one)
    with payers.county.work(payers.county.accountant) as uow:
        assert service.run_of(uow, run.run_no).state == "returned"
        with pytest.raises(Conflict, match="退汇没有重发"):
            service.settle(uow, run.run_no)
        prepare_again(uow, run.run_no)
    payers.send(run.run_no)
    payers.answer()
    with payers.county.work(payers.county.accountant) as uow:
        assert service.settle(uow, run.run_no).state == "settled"
    assert len(paid(payers, one)) == 8
    assert books_hold(payers)


def test_a_retroactive_standard_is_paid_line_by_line(payers: Payers) -> None:
    (one,) = payers.pensioners(OLD)
    payers.pay(SEPTEMBER)
    payers.county.on(date(2025, 10, 3))
    publish(payers.county, "base_pension", {"monthly_fen": 12_300}, effective_from=date(2025, 7, 1))
    with payers.county.work(payers.county.approver) as uow:
        changed = redetermine(
            uow, from_month=date(2025, 7, 1), through_month=OCTOBER, reason="豫人社示例"
        )
        assert changed is not None
        assert (changed.people, changed.arrears_fen) == (1, 3 * 1_000)
    run = payers.pay(OCTOBER)
    assert run.lines == 4
    found = paid(payers, one)
    assert [fen for month, step, fen in found if step == 2] == [1_000] * 3
    assert sum(fen for _, _, fen in found) == 5 * 11_300 + 4 * 12_300
    with payers.county.work() as uow:
        assert redetermine(uow, from_month=OCTOBER, through_month=OCTOBER, reason="再") is None
        entitlement = uow.session.scalars(select(Entitlement)).one()
        assert (entitlement.monthly_fen, entitlement.owed_from) == (12_300, NOVEMBER)


def test_an_extra_run_pays_who_came_too_late(payers: Payers) -> None:
    payers.pensioners(OLD)
    payers.pay(SEPTEMBER)
    with pytest.raises(Invalid, match="没有应发而未发"):
        payers.compute(SEPTEMBER, RunKind.EXTRA)
    payers.pensioners(OLD)
    run = payers.approve(SEPTEMBER, RunKind.EXTRA)
    assert (run.kind, run.people, run.lines) == ("extra", 1, 8)


def test_the_database_refuses_what_must_not_be(payers: Payers) -> None:
    payers.pensioners(OLD)
    run = payers.approve(SEPTEMBER)
    tampered = [
        update(lines).values(fen=1),
        update(payments).values(fen=1),
        update(runs).values(people=2),
        delete(lines),
        delete(payments),
        delete(runs),
        text("""INSERT INTO payroll_line SELECT county_code, run_no, 99, pay_no, entitlement_id,
            kind, month, 9, village, base_fen, city_fen, county_fen, years_fen, age_fen,
            account_fen, fen, is_void FROM payroll_line WHERE line_no = 1"""),
        text("""INSERT INTO payroll_line SELECT county_code, 77, 1, pay_no, entitlement_id,
            kind, month, 9, village, base_fen, city_fen, county_fen, years_fen, age_fen,
            account_fen, fen, is_void FROM payroll_line WHERE line_no = 1"""),
    ]
    for statement in tampered:
        with pytest.raises(IntegrityError), payers.county.work() as uow:
            uow.connection.execute(statement)
    assert run.lines == 8
