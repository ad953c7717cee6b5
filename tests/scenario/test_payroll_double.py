"""Somebody is found to draw two pensions: suspended on suspicion, then one of them ends, and what
was drawn twice comes back.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from node.accounts.balances import balances, postings
from node.accounts.chart import Kind
from node.accounts.models import Account
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.attachments.service import prepare
from node.benefits.capability import CAPABILITY as BENEFITS
from node.benefits.models import BenefitEnd, Entitlement, Recovery
from node.benefits.service import Claim, determine_many
from node.cases import service as cases
from node.cases.matter import register
from node.cases.papers import attach
from node.cases.rules import Action
from node.contributions.service import pay_subsidies
from node.core.errors import Conflict, Invalid, Problems
from node.payroll.capability import CAPABILITY as PAYROLL
from node.payroll.double import OtherPension, end_for_other
from node.payroll.proof import missing
from node.payroll.whole import whole
from node.registry.capability import CAPABILITY as REGISTRY
from node.registry.codes import CloseReason
from node.registry.models import Enrolment
from node.transfers.bridge_rules import double_benefit
from tests.fixtures.county import (
    COUNTY,
    VILLAGE,
    closing,
    confirm_years,
    open_county,
    payment,
    publish_rate,
)
from tests.fixtures.offices import person
from tests.fixtures.payroll import Payers, open_payers
from tests.unit.test_attachments_imaging import picture
from tiers import RegionCode, Role

for _matter in (*REGISTRY.matters(), *BENEFITS.matters(), *PAYROLL.matters()):
    register(_matter)

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2025, month, 1) for month in (9, 10, 11, 12))
YOUNG = date(1965, 8, 10)
BASE = 11_300
PAPER = prepare(picture())


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    """Somebody who has paid fifteen years, the last with its subsidy, draws from September on and
    was paid for three months.
    """
    county = open_county(migrated_url)
    with closing(county.office):
        found = open_payers(county)
        publish_rate(county, 2024)
        (account,) = county.enrol(YOUNG)
        county.on(date(2025, 8, 20))
        with county.work(county.accountant) as uow:
            years = range(2011, 2026)
            confirm_years(uow, [payment(account, for_year=y, paid_on=uow.today) for y in years])
            pay_subsidies(uow, 2025)
        with county.work(county.approver) as uow:
            claim = Claim(county.person_of(uow, account), bank_account="6217000000000001")
            determine_many(uow, [claim])
        for each in (SEPTEMBER, OCTOBER, NOVEMBER):
            county.on(each.replace(day=3))
            found.pay(each)
        county.on(date(2025, 12, 2))
        yield found
        with county.work() as uow:
            assert [each for each in verify(uow) if not each.ok] == []


def entitlement(payers: Payers) -> Entitlement:
    with payers.county.work() as uow:
        return uow.session.scalars(select(Entitlement)).one()


def held(payers: Payers) -> dict[Source, int]:
    with payers.county.work() as uow:
        return dict(balances(uow, [1])[1])


def passed(payers: Payers, matter: str, **told: Any) -> str:
    """Entered with its paper, reviewed, approved: three people."""
    (number,) = payers.county.people.values()
    said = {"name": "赵样本", "citizen_number": number, "village": VILLAGE, **told}
    with payers.county.work(person("孙受理", COUNTY, Role.ACCEPTOR)) as uow:
        draft = cases.save_draft(uow, matter, said)
        attach(uow, draft, [PAPER], kind="certificate")
        case = cases.submit(uow, matter, said, draft_id=draft.id).id
    with payers.county.work(payers.reviewer) as uow:
        cases.pass_on(uow, case, Action.REVIEW)
    with payers.county.work(payers.county.approver) as uow:
        cases.pass_on(uow, case, Action.APPROVE, opinion="同意")
    return case


def suspected(payers: Payers) -> None:
    passed(
        payers,
        "benefit_suspension",
        reason="double_benefit",
        from_month="2025-12-01",
        evidence="other_agency",
    )


ENDS = {
    "reason": "employees_scheme",
    "since": "2025-10-15",
    "payer": "郑州市社会保险中心",
    "evidence": "other_agency",
    "card": "6217000099990001",
}


def test_beside_the_employees_scheme_this_pension_ends_and_is_set_off(payers: Payers) -> None:
    suspected(payers)
    before = held(payers)
    account_part = entitlement(payers).account_fen
    passed(payers, "pension_end", **ENDS)

    with payers.county.work() as uow:
        end = uow.session.scalars(select(BenefitEnd)).one()
        owed = uow.session.scalars(select(Recovery)).one()
        earned = dict(
            uow.connection.execute(
                select(postings.c.source, func.sum(postings.c.fen))
                .where(postings.c.kind == Kind.SETTLEMENT.value)
                .group_by(postings.c.source)
            ).all()
        )
        account = uow.session.scalars(select(Account)).one()
        enrolment = uow.session.scalars(select(Enrolment)).one()
    now = {source: fen + int(earned.get(source.value, 0)) for source, fen in before.items()}
    rule = double_benefit(now, base_received_fen=2 * BASE)
    assert end.overpaid_fen == owed.fen == 2 * (BASE + account_part)
    assert end.account_fen - end.set_off_account_fen == rule.paid > 0
    assert (end.claim_fen, end.to_fund_fen) == (rule.claim_left, rule.to_fund)
    assert (end.reason, end.last_month, owed.state) == ("employees_scheme", SEPTEMBER, "closed")
    assert account.closed_on == date(2025, 12, 2)
    assert (enrolment.state, enrolment.close_reason) == ("closed", "employees_scheme")
    assert sum(held(payers).values()) == 0

    run = payers.pay(DECEMBER)
    assert run.fen == rule.paid
    with payers.county.work() as uow:
        assert missing(uow, run) == 0
        county = whole(uow, RegionCode(COUNTY), through=DECEMBER)
    assert county.is_whole


def test_what_the_account_does_not_cover_stays_a_claim(payers: Payers) -> None:
    case = OtherPension(
        entitlement(payers).id, CloseReason.EMPLOYEES_SCHEME, SEPTEMBER, "赵样本", "", "case"
    )
    with payers.county.work(payers.county.approver) as uow:
        found = end_for_other(uow, case)
    assert found.set_off_fen == min(found.overpaid_fen, found.refund_fen)
    assert found.claim_fen == found.overpaid_fen - found.set_off_fen
    with (
        payers.county.work(payers.county.approver) as uow,
        pytest.raises(Conflict, match="已经终止"),
    ):
        end_for_other(uow, case)


def test_who_keeps_this_pension_is_resumed_with_arrears(payers: Payers) -> None:
    suspected(payers)
    with pytest.raises(Invalid, match="没有应发"):
        payers.compute(DECEMBER)
    payers.county.on(date(2026, 1, 4))
    passed(
        payers,
        "benefit_resumption",
        from_month="2026-01-01",
        explanation="核实后本人选择保留本县待遇，另一县已终止",
    )
    run = payers.pay(date(2026, 1, 1))
    assert (run.people, run.lines) == (1, 2)


def test_the_form_says_what_is_missing(payers: Payers) -> None:
    blank = dict.fromkeys(("reason", "since", "payer", "evidence", "card"), "")
    with pytest.raises(Problems) as refused:
        passed(payers, "pension_end", **blank)
    assert {each.field for each in refused.value.problems} >= {*blank}
