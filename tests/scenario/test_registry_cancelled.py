"""A cancellation settles the account, pays it out as its reason allows, and closes it."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlmodel import select as select_rows

from node.accounts.balances import balances, postings
from node.accounts.chart import Kind
from node.accounts.models import Account, AccountClosing, JournalEntry
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.attachments.service import prepare
from node.banking.rules import LineState
from node.benefits.models import BenefitEnd, Entitlement
from node.cases import service as cases
from node.cases.matter import register
from node.cases.papers import attach
from node.cases.rules import Action
from node.contributions.service import confirm_payments, pay_subsidies
from node.core.errors import Invalid, Problems
from node.payroll.capability import CAPABILITY as PAYROLL
from node.payroll.models import PayrollPayment
from node.payroll.rules import RunKind
from node.payroll.service import prepare_again
from node.registry import service as registry
from node.registry.capability import CAPABILITY
from node.registry.events import held_by
from node.registry.models import Person
from node.registry.timeline import timeline_of
from tests.fixtures.collecting import ordered, presented, publish_collection, with_cards
from tests.fixtures.county import COUNTY, VILLAGE, citizen_number, closing, open_county, payment
from tests.fixtures.county import publish_rate as rate
from tests.fixtures.offices import KINDS, Office, carry, open_office, person
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy
from tests.unit.test_attachments_imaging import picture
from tiers import RegionCode, Role

KINDS.update({kind.name: kind for kind in CAPABILITY.record_types})
for _matter in (*CAPABILITY.matters(), *PAYROLL.matters()):
    register(_matter)

BORN = date(1980, 5, 1)
PAID, SUBSIDY = 100_000, 11_000
CARD = "6217000099990001"
CERTIFICATE = prepare(picture())


both = pytest.mark.usefixtures("migrated_url")


@pytest.fixture
def payers(request: pytest.FixtureRequest) -> Iterator[Payers]:
    """Late August 2025; one person has paid 1,000 yuan for 2025 and got its subsidy in June.

    On SQLite, or on each database where the test asks for `migrated_url`.
    """
    name = "migrated_url" if "migrated_url" in request.fixturenames else "migrated_sqlite_url"
    county = open_county(request.getfixturevalue(name))
    with closing(county.office):
        found = open_payers(county)
        (account,) = county.on(date(2025, 1, 10)).enrol(BORN, grade_fen=PAID)
        assert account == 1
        county.on(date(2025, 6, 10))
        with county.work(county.accountant) as uow:
            confirm_payments(uow, [payment(1, grade_fen=PAID, fen=PAID, paid_on=date(2025, 3, 5))])
            pay_subsidies(uow, 2025)
        county.on(date(2025, 8, 20))
        yield found
        assert books_hold(county.office)


def books_hold(office: Office) -> bool:
    with office.work() as uow:
        return [each for each in verify(uow) if not each.ok] == []


def form(**over: Any) -> dict[str, Any]:
    return {
        "name": "赵样本",
        "citizen_number": citizen_number(BORN, 7),
        "village": VILLAGE,
        "reason": "death",
        "happened_on": "2025-07-20",
        "evidence": "death",
        "payee": "钱继承",
        "payee_card": CARD,
        **over,
    }


def number_of(payers: Payers) -> str:
    (number,) = payers.county.people.values()
    return number


def submit(payers: Payers, **over: Any) -> str:
    return enter(payers, "cancellation", form(citizen_number=number_of(payers), **over))


def enter(payers: Payers, matter: str, said: dict[str, Any]) -> str:
    acceptor = person("孙受理", COUNTY, Role.ACCEPTOR)
    with payers.county.work(acceptor) as uow:
        draft = cases.save_draft(uow, matter, said)
        attach(uow, draft, [CERTIFICATE], kind="certificate")
        return cases.submit(uow, matter, said, draft_id=draft.id).id


def cancel(payers: Payers, **over: Any) -> str:
    """Entered, reviewed and approved at the county; the case."""
    return passed(payers, submit(payers, **over))


def decide(payers: Payers, matter: str, told: dict[str, Any]) -> str:
    """The same of another matter about the person."""
    who = {"name": "赵样本", "citizen_number": number_of(payers), "village": VILLAGE}
    return passed(payers, enter(payers, matter, who | told))


def passed(payers: Payers, case_id: str) -> str:
    with payers.county.work(payers.reviewer) as uow:
        cases.pass_on(uow, case_id, Action.REVIEW)
    with payers.county.work(payers.county.approver) as uow:
        cases.pass_on(uow, case_id, Action.APPROVE, opinion="同意")
    return case_id


def end_of(payers: Payers) -> BenefitEnd:
    with payers.county.work() as uow:
        return uow.session.scalars(select(BenefitEnd)).one()


def moved(payers: Payers, *kinds: Kind) -> Mapping[str, int]:
    """What postings of these kinds come to, by source."""
    with payers.county.work() as uow:
        summed = (
            select(postings.c.source, func.sum(postings.c.fen))
            .where(postings.c.kind.in_(kinds))
            .group_by(postings.c.source)
        )
        return {source: int(fen) for source, fen in uow.connection.execute(summed)}


def test_the_heirs_get_everything_with_interest_to_the_month_of_death(payers: Payers) -> None:
    case_id = cancel(payers)
    # 1,000.00 × 4 months and 110.00 × 1 month at the last rate published, 3 %
    own, half = 1_000, 14
    end = end_of(payers)
    assert (end.account_fen, end.to_fund_fen, end.funeral_fen) == (
        PAID + SUBSIDY + own + 2 * half,
        0,
        0,
    )
    assert (end.last_month, end.heir_name, end.heir_account) == (date(2025, 7, 1), "钱继承", CARD)
    assert moved(payers, Kind.SETTLEMENT) == {
        "individual": own,
        "subsidy_province": half,
        "subsidy_county": half,
    }
    with payers.county.work() as uow:
        account = uow.get(Account, COUNTY, 1)
        assert account.closed_on == date(2025, 8, 20)
        assert sum(balances(uow, [1])[1].values()) == 0
        traced = select_rows(JournalEntry.kind).where(JournalEntry.trace == case_id)
        assert set(uow.session.exec(traced)) == {"settlement", "refund"}
        owed = text("SELECT sum(fen) FROM journal_line WHERE gl_account = 'heirs_payable'")
        assert uow.connection.execute(owed).scalar_one() == -end.account_fen
        dead = uow.session.exec(select_rows(Person)).one()
        told = [(each.title, each.fen) for each in timeline_of(uow, dead, [])]
        assert ("个人账户余额退还", end.account_fen) in told


def pay_out(payers: Payers, month: date, said: LineState = LineState.SUCCEEDED) -> PayrollPayment:
    run = payers.approve(month, RunKind.EXTRA)
    payers.fund(run.run_no)
    payers.send(run.run_no)
    payers.answer({end_of(payers).entitlement_id: said})
    with payers.county.work() as uow:
        return uow.session.scalars(select(PayrollPayment)).one()


@both
def test_a_supplementary_run_pays_the_heirs_and_the_books_are_even(payers: Payers) -> None:
    cancel(payers)
    paid = pay_out(payers, date(2025, 8, 1))
    end = end_of(payers)
    assert (paid.payee, paid.account, paid.fen, paid.state) == (
        "钱继承",
        CARD,
        end.account_fen,
        "paid",
    )
    assert paid.person_id == end.person_id
    with payers.county.work() as uow:
        owed = text("SELECT sum(fen) FROM journal_line WHERE gl_account = 'heirs_payable'")
        assert uow.connection.execute(owed).scalar_one() == 0
        dead = uow.session.exec(select_rows(Person)).one()
        told = {(each.title, each.detail) for each in timeline_of(uow, dead, [])}
        assert ("个人账户余额", "已发放") in told
    with pytest.raises(Exception, match="没有应发而未发"):
        payers.compute(date(2025, 8, 1), RunKind.EXTRA)  # nobody is paid twice


def test_a_card_the_bank_turns_down_is_put_right_by_a_case(payers: Payers) -> None:
    cancel(payers)
    failed = pay_out(payers, date(2025, 8, 1), LineState.FAILED)
    assert failed.state == "failed"
    other = "6217000099990002"
    told = {
        "payee": "钱次子",
        "payee_card": other,
        "evidence": "court",
        "explanation": "原卡已销户",
    }
    decide(payers, "payee_change", told)
    with payers.county.work(payers.county.accountant) as uow:
        assert prepare_again(uow, failed.run_no) == 1
    payers.send(failed.run_no)
    payers.answer()
    with payers.county.work() as uow:
        paid = uow.session.scalars(select(PayrollPayment)).one()
        assert (paid.payee, paid.account, paid.state) == ("钱次子", other, "paid")
    with pytest.raises(Problems, match="没有尚未发放"):
        decide(payers, "payee_change", told)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("emigrated", set()),
        ("employees_scheme", {"subsidy_province", "subsidy_county"}),
        ("duplicate", {"subsidy_province", "subsidy_county"}),
    ],
)
def test_who_lives_gets_what_the_reason_allows_and_the_fund_the_rest(
    payers: Payers, reason: str, kept: set[str]
) -> None:
    over = {"reason": reason, "evidence": "other_agency", "explanation": "见证明", "payee": ""}
    cancel(payers, **over, happened_on="2025-02-01")
    refunded, to_fund = moved(payers, Kind.REFUND), moved(payers, Kind.TO_FUND)
    assert set(to_fund) == kept
    assert refunded["individual"] == -(PAID + 1_250)  # interest through this month: the fund had it
    end = end_of(payers)
    assert (end.account_fen, end.to_fund_fen) == (-sum(refunded.values()), -sum(to_fund.values()))
    assert (end.heir_name, end.last_month) == ("赵样本", date(2025, 8, 1))
    assert pay_out(payers, date(2025, 8, 1)).fen == end.account_fen


@both
def test_a_closed_account_earns_nothing_at_the_year_end(payers: Payers) -> None:
    cancel(payers)
    rate(payers.county, 2025)
    payers.county.on(date(2026, 1, 8))
    with payers.county.work(payers.county.accountant) as uow:
        close_year(uow, 2025)
        for row in uow.session.scalars(select(AccountClosing)):
            assert (row.product, row.interest_fen, row.closing_fen) == (0, 0, 0)


def test_who_comes_back_goes_on_with_the_same_account(payers: Payers) -> None:
    cancel(payers, reason="emigrated", evidence="other", payee="", payee_card=CARD)
    payers.county.on(date(2026, 3, 2))
    number = number_of(payers)
    wanted = registry.NewEnrolment(
        name="赵样本",
        citizen_number=number,
        village=RegionCode("410122100202"),
        ethnicity="汉族",
        address="样本村",
        phone="",
        category="ordinary",
        grade_fen=20_000,
        bank_account="",
    )
    with payers.county.work(payers.county.approver) as uow:
        registry.enrol_many(uow, [wanted])
        account = uow.get(Account, COUNTY, 1)
        assert (account.closed_on, account.village) == (None, "410122100202")
    with payers.county.work(payers.county.accountant) as uow:
        line = payment(1, for_year=2026, paid_on=date(2026, 3, 2))
        assert [each.reason for each in confirm_payments(uow, [line])] == [""]
        assert held_by(uow, [account.person_id]) == {account.person_id: 20_000}


def refused(payers: Payers, **over: Any) -> dict[str | None, str]:
    with pytest.raises(Problems) as found:
        submit(payers, **over)
    return {each.field: each.message for each in found.value.problems}


def test_somebody_has_to_be_paid(payers: Payers) -> None:
    alive = {"reason": "emigrated", "evidence": "other"}
    assert set(refused(payers, payee="", payee_card="")) == {"payee", "payee_card"}
    assert "继承人" in refused(payers, payee="赵样本", payee_card="")["payee"]
    assert set(refused(payers, **alive, payee="", payee_card="")) == {"payee_card"}
    assert set(refused(payers, **alive, payee="钱亲属", payee_card="")) == {"payee_card"}


def test_nothing_goes_on_without_the_paper(payers: Payers) -> None:
    said = form(citizen_number=number_of(payers))
    acceptor = person("孙受理", COUNTY, Role.ACCEPTOR)
    with payers.county.work(acceptor) as uow, pytest.raises(Invalid, match="照片"):
        cases.submit(uow, "cancellation", said)


def test_money_on_its_way_keeps_the_account_open(payers: Payers) -> None:
    publish_collection(payers.county)
    payers.county.people.clear()
    (account,) = with_cards(payers.county, 1)
    ordered(payers.county)
    presented(payers.county)
    assert account == 2
    assert "银行" in refused(payers, payee_card=CARD)["citizen_number"]


def test_who_draws_is_ended_by_the_report_of_death(payers: Payers) -> None:
    payers.county.people.clear()
    payers.pensioners(date(1965, 8, 10), years=15)
    assert "死亡申报" in refused(payers)["citizen_number"]
    with payers.county.work() as uow:
        assert uow.session.scalars(select(Entitlement)).one().state == "in_force"


def test_the_village_holds_the_end_of_the_account(
    payers: Payers, migrated_sqlite: Path, tmp_path: Path
) -> None:
    village = open_office(sqlite_copy(migrated_sqlite, tmp_path / "v.sqlite"), VILLAGE, grades=())
    with closing(village):
        cancel(payers)
        carry(payers.county.office, village)
        with village.work() as uow:
            account = uow.get(Account, COUNTY, 1)
            assert account.closed_on == date(2025, 8, 20)
            assert not any(balances(uow, [1], county=RegionCode(COUNTY))[1].values())
            assert uow.session.scalars(select(BenefitEnd)).one().heir_account == CARD
            dead = uow.session.exec(select_rows(Person)).one()
            assert "个人账户余额退还" in {each.title for each in timeline_of(uow, dead, [])}
        assert books_hold(village)
