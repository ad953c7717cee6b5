"""Who moves to another village takes the account along; what was posted stays where it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import select as select_rows

from node.accounts.balances import balances, totals_by_source
from node.accounts.ledger import reverse
from node.accounts.models import Account, Posting
from node.accounts.statement import statement
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.benefits.codes import SuspensionReason
from node.benefits.life import Pause, suspend
from node.benefits.models import BenefitSuspension, Entitlement
from node.cases import service as cases
from node.cases.matter import register
from node.cases.rules import Action
from node.contributions.models import Contribution
from node.contributions.service import confirm_payments, pay_subsidies
from node.core.work import observe
from node.payroll.month import people_paid
from node.payroll.tables import lines
from node.registry import history
from node.registry import service as registry
from node.registry.capability import CAPABILITY
from node.registry.models import Person
from node.statistics import cells, recount, stale
from node.statistics.figures import by_place
from node.statistics.rules import Period
from tests.fixtures.county import (
    COUNTY,
    OTHER_VILLAGE,
    PROVINCE,
    VILLAGE,
    closing,
    open_county,
    payment,
    publish_rate,
)
from tests.fixtures.offices import KINDS, Office, carry, open_office, person
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy
from tiers import Level, RegionCode, Role

KINDS.update({kind.name: kind for kind in CAPABILITY.record_types})
for _matter in CAPABILITY.matters():
    register(_matter)

PAYER, DRAWER = 1, 2
MOVED_ON = date(2026, 5, 6)


@dataclass
class Net:
    """A county that pays pensions, two of its villages and its province, each with its store."""

    payers: Payers
    old: Office
    new: Office
    province: Office

    @property
    def county(self) -> Office:
        return self.payers.county.office

    @property
    def offices(self) -> tuple[Office, ...]:
        return self.county, self.old, self.new, self.province

    def carry(self) -> None:
        carry(*self.offices)

    def verified(self) -> bool:
        for office in self.offices:
            with office.work() as uow:
                wrong = [each for each in verify(uow) if not each.ok]
                assert wrong == [], (office.region, wrong)
        return True


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Net]:
    """Two people of one village: one pays in 2025 and 2026, the other draws; 2025 is settled."""
    observe(stale.OBSERVER)
    county = open_county(migrated_sqlite_url)
    payers = open_payers(county)
    offices = [
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, OTHER_VILLAGE, PROVINCE)
    ]
    with closing(county.office, *offices):
        found = Net(payers, *offices)
        (account,) = county.on(date(2025, 1, 10)).enrol(date(1980, 5, 1))
        assert account == PAYER
        pay(found, date(2025, 3, 5), 2025)
        county.on(date(2025, 8, 20))
        payers.pensioners(date(1965, 8, 10), years=15)
        county.on(date(2025, 9, 3))
        payers.pay(date(2025, 9, 1))
        publish_rate(county, 2025)
        county.on(date(2026, 1, 8))
        with county.work(county.accountant) as uow:
            pay_subsidies(uow, 2025, arrived_on=date(2025, 12, 20))
            close_year(uow, 2025)
        pay(found, date(2026, 2, 10), 2026)
        found.carry()
        yield found


def pay(net: Net, day: date, year: int) -> None:
    county = net.payers.county.on(day)
    with county.work(county.accountant) as uow:
        line = payment(PAYER, for_year=year, paid_on=day)
        assert [each.reason for each in confirm_payments(uow, [line])] == [""]


def move(net: Net, account_no: int, to: str = OTHER_VILLAGE) -> str:
    """The village of a person changes by the matter, on evidence; the person."""
    county = net.payers.county.on(MOVED_ON)
    with county.work() as uow:
        person_id = county.person_of(uow, account_no)
        mover = uow.get(Person, COUNTY, person_id)
    form = {
        "name": mover.name,
        "citizen_number": mover.citizen_number,
        "village": mover.village,
        "new_village": to,
        "reason": "户籍迁移",
        "evidence": "household_book",
    }
    with county.work(person("孙受理", COUNTY, Role.ACCEPTOR)) as uow:
        case_id = cases.submit(uow, "key_change", form).id
    with county.work(net.payers.reviewer) as uow:
        cases.pass_on(uow, case_id, Action.REVIEW)
    with county.work(county.approver) as uow:
        cases.pass_on(uow, case_id, Action.APPROVE, opinion="同意")
    net.carry()
    return person_id


def accounts_shown(office: Office) -> set[int]:
    with office.work() as uow:
        mine = select_rows(Account.account_no).where(Account.village == str(office.region))
        return set(uow.session.exec(mine))


def held(office: Office, village: str) -> int:
    """What the accounts of a village hold, as an office adds it up."""
    with office.work() as uow:
        county, scope = RegionCode(COUNTY), RegionCode(village)
        return sum(each.fen for each in totals_by_source(uow, county=county, scope=scope))


def figures(office: Office, village: str, year: int) -> dict[str, int]:
    """The figures of a village, which are those counted from scratch."""
    with office.work() as uow:
        if office.region.level is not Level.COUNTY:  # `carry` tells no observer
            stale.mark_everything(uow, [RegionCode(COUNTY)])
        cells.refresh(uow)
        place, period = RegionCode(village), Period(year)
        kept = by_place(uow, place, Level.VILLAGE, period).get(place, {})
        again = recount.by_place(uow, place, Level.VILLAGE, year).get(place, {})
        assert {name: fen for name, fen in kept.items() if fen} == {
            name: fen for name, fen in again.items() if fen
        }
        return kept


def test_the_new_village_holds_the_whole_account_and_the_old_one_shows_it_no_more(
    net: Net,
) -> None:
    person_id = move(net, PAYER)
    assert accounts_shown(net.old) == {DRAWER}
    assert accounts_shown(net.new) == {PAYER}
    told = []
    for office in (net.county, net.new):
        with office.work() as uow:
            account = uow.get(Account, COUNTY, PAYER)
            found = statement(uow, account, 2025)
            told.append((found, balances(uow, [PAYER], county=RegionCode(COUNTY))))
            posted = select(Posting.village).where(Posting.account_no == PAYER).distinct()
            assert set(uow.session.scalars(posted)) == {VILLAGE}
            mover = uow.get(Person, COUNTY, person_id)
            assert [change.matter for change in history.changes_of(uow, mover)] == [
                "变更登记（关键信息）"
            ]
            (enrolment,) = registry.enrolments_of(uow, mover)
            assert enrolment.village == OTHER_VILLAGE
    assert told[0][1] == told[1][1]
    assert [line.fen for line in told[0][0].lines] == [line.fen for line in told[1][0].lines]
    assert net.verified()


def test_what_comes_later_is_the_new_village_s_and_everybody_s_sums_agree(net: Net) -> None:
    move(net, PAYER)
    county = net.payers.county
    pay_day = date(2026, 6, 1)
    with county.on(pay_day).work(county.accountant) as uow:
        pay_subsidies(uow, 2026, arrived_on=pay_day)
    publish_rate(county, 2026)
    with county.on(date(2027, 1, 8)).work(county.accountant) as uow:
        close_year(uow, 2026)
    net.carry()
    assert net.verified()
    for village in (VILLAGE, OTHER_VILLAGE):
        sums = [figures(office, village, 2026) for office in (net.county, net.province)]
        assert sums[0] == sums[1]
        assert sums[0]["balance_fen"] == held(net.county, village) == held(net.province, village)
    assert figures(net.new, OTHER_VILLAGE, 2026)["balance_fen"] == held(net.new, OTHER_VILLAGE)
    assert figures(net.old, VILLAGE, 2026)["balance_fen"] == held(net.old, VILLAGE)
    assert figures(net.county, VILLAGE, 2026)["contributions_fen"] == 20_000  # where it was paid
    assert figures(net.county, OTHER_VILLAGE, 2026)["subsidies_fen"] == 3_000


def test_a_payment_reversed_after_the_move_is_reversed_in_the_new_village(net: Net) -> None:
    move(net, PAYER)
    county = net.payers.county
    with county.work(county.accountant) as uow:
        paid = select(Contribution).where(
            Contribution.account_no == PAYER, Contribution.for_year == 2026
        )
        wrong = uow.session.scalars(paid).one()
        assert reverse(uow, wrong.entry_no, wrong.line_no, reason="重复缴费").village == (
            OTHER_VILLAGE
        )
    net.carry()
    with net.new.work() as uow:
        taken_back = select(func.count()).where(Contribution.reversed_entry.is_not(None))  # type: ignore[union-attr]
        assert uow.session.scalars(taken_back).one() == 1
        assert balances(uow, [PAYER], county=RegionCode(COUNTY)) is not None
    assert held(net.new, OTHER_VILLAGE) == held(net.county, OTHER_VILLAGE)
    assert net.verified()


def test_a_pension_moves_too_and_is_paid_where_the_person_is(net: Net) -> None:
    move(net, DRAWER)
    county = net.payers.county
    net.payers.county.on(date(2026, 5, 20))
    assert net.payers.compute(date(2026, 5, 1)).people == 1
    with county.work() as uow:
        due = select(lines.c.village).where(lines.c.month == date(2026, 5, 1)).distinct()
        assert uow.connection.execute(due).scalars().all() == [OTHER_VILLAGE]
    with county.work(county.approver) as uow:
        pension = uow.session.scalars(select(Entitlement)).one()
        assert pension.village == OTHER_VILLAGE
        suspend(uow, [Pause(pension.id, SuspensionReason.MISSING, date(2026, 7, 1))])
    net.carry()
    for office, shown in ((net.old, 0), (net.new, 1)):
        with office.work() as uow:
            mine = select(func.count()).where(Entitlement.village == str(office.region))
            assert uow.session.scalars(mine).one() == shown
            paused = select(func.count()).select_from(BenefitSuspension)
            assert uow.session.scalars(paused).one() == shown
    assert figures(net.new, OTHER_VILLAGE, 2026)["drawing"] == 1
    assert figures(net.county, VILLAGE, 2026).get("drawing", 0) == 0
    assert net.verified()


def test_there_and_back_again(net: Net) -> None:
    move(net, PAYER)
    move(net, PAYER, to=VILLAGE)
    assert accounts_shown(net.old) == {PAYER, DRAWER}
    assert accounts_shown(net.new) == set()
    assert held(net.old, VILLAGE) == held(net.county, VILLAGE)
    assert held(net.new, OTHER_VILLAGE) == 0
    assert net.verified()


def month_at(office: Office, month: date) -> list[tuple[str, str]]:
    """Whose month came how, as the coordinator of a village reads it: what came, and why."""
    with office.work(person("张协办", office.region, Role.COORDINATOR), writing=False) as uow:
        return [
            (each.came.value, each.why) for each in people_paid(uow, office.region, month).items
        ]


def test_money_that_comes_back_after_a_move_is_told_where_the_person_lives_now(net: Net) -> None:
    september = date(2025, 9, 1)
    assert month_at(net.old, september) == [("paid", "")]
    move(net, DRAWER)
    (pension,) = net.payers.known
    net.payers.county.on(date(2026, 5, 8))
    assert net.payers.bounce(pension, day="2026-05-07") == 1
    net.carry()
    assert month_at(net.new, september) == [("failed", "已冲正或退汇")]
    assert month_at(net.old, september) == []
