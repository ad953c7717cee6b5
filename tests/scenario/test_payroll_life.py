"""What happens to a pension while it is paid: certificates, suspensions, a death reported late."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select, text

from node.accounts.balances import balances
from node.accounts.models import Account
from node.accounts.verify import verify
from node.banking.rules import LineState
from node.benefits.codes import CertificationMethod, RecoveryCause, SuspensionReason
from node.benefits.life import Pause, Seen, certify, resume, revoke_suspension, suspend
from node.benefits.life_rules import DeathSettlement
from node.benefits.models import BenefitEnd, Entitlement, Recovery
from node.core.errors import Conflict, Invalid
from node.payroll import service
from node.payroll.death import Death, end_by_death
from node.payroll.recovery import agree, claim_back, repay
from node.payroll.tables import lines, paid_lines
from node.payroll.whole import whole
from tests.fixtures.county import COUNTY, closing, open_county, publish_rate
from tests.fixtures.payroll import Payers, open_payers
from tiers import RegionCode

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2025, month, 1) for month in (9, 10, 11, 12))
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


def month(payers: Payers, day: date, **said: LineState) -> None:
    payers.county.on(day.replace(day=3))
    payers.pay(day, said or None)


def total(payers: Payers, entitlement: str, *, kind: str = "pension") -> int:
    with payers.county.work() as uow:
        found = select(paid_lines.c.fen).where(
            paid_lines.c.entitlement_id == entitlement, paid_lines.c.kind == kind
        )
        return sum(uow.connection.execute(found).scalars())


def books_hold(payers: Payers) -> bool:
    with payers.county.work() as uow:
        return all(each.ok for each in verify(uow))


def test_who_is_not_certified_is_suspended_and_paid_back_when_seen(payers: Payers) -> None:
    one, other = payers.pensioners(OLD, OLD)
    payers.county.on(date(2026, 9, 3))
    with payers.county.work(payers.county.approver) as uow:
        certify(uow, [Seen(other, date(2026, 7, 1), CertificationMethod.HOME_VISIT, "张协办")])
        found = {each.id: each.certified_until for each in uow.session.scalars(select(Entitlement))}
    assert found == {one: date(2026, 8, 20), other: date(2027, 7, 1)}
    publish_rate(payers.county, 2026)
    month(payers, date(2026, 9, 1))  # a month of grace
    assert total(payers, one) == total(payers, other) == 20 * BASE
    month(payers, date(2026, 10, 1))
    assert (total(payers, one), total(payers, other)) == (20 * BASE, 21 * BASE)
    payers.county.on(date(2026, 11, 2))
    with payers.county.work(payers.county.approver) as uow:
        certify(uow, [Seen(one, date(2026, 11, 1), CertificationMethod.FACE_TO_FACE, "张协办")])
    month(payers, date(2026, 11, 1))
    assert total(payers, one) == total(payers, other) == 22 * BASE
    assert books_hold(payers)


def test_months_in_prison_are_lost_and_doubtful_ones_are_not(payers: Payers) -> None:
    prisoner, missing = payers.pensioners(OLD, OLD)
    month(payers, SEPTEMBER)
    with payers.county.work(payers.county.approver) as uow:
        suspend(
            uow,
            [
                Pause(prisoner, SuspensionReason.IMPRISONED, OCTOBER),
                Pause(missing, SuspensionReason.MISSING, OCTOBER),
            ],
        )
        with pytest.raises(Conflict, match="暂停发放"):
            suspend(uow, [Pause(missing, SuspensionReason.MISSING, OCTOBER)])
    with pytest.raises(Exception, match="没有应发而未发"):
        month(payers, OCTOBER)
    payers.county.on(date(2025, 11, 2))
    with payers.county.work(payers.county.approver) as uow:
        resume(uow, prisoner, from_month=NOVEMBER)
        resume(uow, missing, from_month=NOVEMBER)
    month(payers, NOVEMBER)
    assert (total(payers, prisoner), total(payers, missing)) == (9 * BASE, 10 * BASE)


def test_a_suspension_that_should_never_have_been_is_taken_back(payers: Payers) -> None:
    (one,) = payers.pensioners(OLD)
    with payers.county.work(payers.county.approver) as uow:
        suspend(uow, [Pause(one, SuspensionReason.IMPRISONED, SEPTEMBER)])
    with payers.county.work(payers.county.approver) as uow:
        revoke_suspension(uow, one, case_id="更正")
    month(payers, SEPTEMBER)
    assert total(payers, one) == 8 * BASE


def died(payers: Payers, entitlement: str, on: date) -> DeathSettlement:
    with payers.county.work(payers.county.approver) as uow:
        death = Death(entitlement, on, heir_name="赵继承", heir_account="6217000099990001")
        return end_by_death(uow, death)


def test_a_death_reported_late_is_set_off_and_the_rest_goes_to_the_heirs(payers: Payers) -> None:
    (one,) = payers.pensioners(YOUNG, years=15)
    (other,) = payers.pensioners(OLD)
    for each in (SEPTEMBER, OCTOBER, NOVEMBER):
        month(payers, each)
    payers.county.on(date(2025, 12, 2))
    found = died(payers, one, date(2025, 9, 28))
    # October and November were paid too much; the account is as it was after September
    assert found.set_off_account == 2 * (BASE + ACCOUNT)
    assert found.claim_left == 0
    assert found.funeral_gross == 12 * BASE
    assert found.account_refund_gross > 300_000 - ACCOUNT
    run = payers.compute(DECEMBER)
    with payers.county.work() as uow:
        rows = uow.connection.execute(
            select(lines.c.kind, lines.c.fen).where(
                lines.c.entitlement_id == one, lines.c.run_no == run.run_no
            )
        )
        assert dict(map(tuple, rows)) == {
            "refund": found.account_refund_gross - found.set_off_account,
            "funeral": 12 * BASE,
        }
    assert run.people == 2
    month(payers, DECEMBER)
    paid = total(payers, one, kind="refund") + total(payers, one, kind="funeral")
    assert paid == found.paid_to_heirs
    with payers.county.work() as uow:
        account = uow.session.scalars(select(Account).where(Account.account_no == 1)).one()
        assert account.closed_on == date(2025, 12, 2)
        assert sum(balances(uow, [1])[1].values()) == 0
        end = uow.session.scalars(select(BenefitEnd)).one()
        assert (end.overpaid_fen, end.claim_fen) == (2 * (BASE + ACCOUNT), 0)
    assert total(payers, other) == 11 * BASE
    assert books_hold(payers)


def test_what_the_heirs_cannot_cover_is_a_claim(payers: Payers) -> None:
    (one,) = payers.pensioners(OLD)
    month(payers, SEPTEMBER)
    payers.county.on(date(2025, 9, 20))
    found = died(payers, one, date(2025, 2, 3))
    # seven months too much against a grant of twelve
    assert (found.set_off_funeral, found.claim_left) == (7 * BASE, 0)
    with pytest.raises(Conflict, match="已经终止"):
        died(payers, one, date(2025, 2, 3))


def test_a_death_while_the_bank_has_the_list_waits_for_its_answer(payers: Payers) -> None:
    (one,) = payers.pensioners(OLD)
    run = payers.approve(SEPTEMBER)
    payers.fund(run.run_no)
    payers.send(run.run_no)
    with pytest.raises(Conflict, match="银行"):
        died(payers, one, date(2025, 8, 25))
    payers.answer({one: LineState.FAILED})
    payers.county.on(date(2025, 9, 20))
    assert died(payers, one, date(2025, 8, 25)).set_off_funeral == 0
    with payers.county.work(payers.county.accountant) as uow:
        service.settle(uow, run.run_no)
    month(payers, OCTOBER)  # what was due to the month of death, to the heirs
    assert total(payers, one) == 7 * BASE
    assert total(payers, one, kind="funeral") == 12 * BASE
    assert books_hold(payers)


def test_what_was_paid_twice_is_kept_back_from_later_pensions(payers: Payers) -> None:
    (one,) = payers.pensioners(YOUNG, years=15)
    month(payers, SEPTEMBER)
    month(payers, OCTOBER)
    payers.county.on(date(2025, 11, 2))
    with payers.county.work(payers.county.approver) as uow:
        cause = RecoveryCause.DOUBLE_BENEFIT
        owed = claim_back(uow, one, first=OCTOBER, last=OCTOBER, cause=cause, case_id="case")
        agree(uow, owed, monthly_fen=10_000)
        assert sum(balances(uow, [1])[1].values()) == 300_000 - ACCOUNT
    month(payers, NOVEMBER)
    with payers.county.work(payers.county.accountant) as uow:
        left = uow.session.scalars(select(Recovery)).one()
        assert (left.fen, left.repaid_fen, left.state) == (BASE + ACCOUNT, 10_000, "open")
        with pytest.raises(Invalid, match="不超过尚欠"):
            repay(uow, owed, fen=3_459, on=uow.today, reference="退款1")
        repay(uow, owed, fen=3_458, on=uow.today, reference="退款1")
    with payers.county.work() as uow:
        assert uow.session.scalars(select(Recovery)).one().state == "closed"
        due = text("SELECT sum(fen) FROM journal_line WHERE gl_account = 'overpaid_receivable'")
        assert uow.connection.execute(due).scalar_one() == 0
        found = whole(uow, RegionCode(COUNTY), through=NOVEMBER)
        assert (found.unpaid_fen, found.overpaid_fen) == (0, BASE + ACCOUNT)
    assert books_hold(payers)
