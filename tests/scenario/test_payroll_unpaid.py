"""Why somebody was not paid reaches the village, and leaves its list when the money has come."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.banking.rules import LineState
from node.benefits.codes import SuspensionReason
from node.benefits.life import Pause, suspend
from node.benefits.life_records import LIFE_TYPES
from node.benefits.rate_records import RATED
from node.benefits.records import DETERMINED
from node.core.divisions import Places
from node.core.errors import NotFound
from node.core.work import Actor
from node.payroll.bank import prepare_again
from node.payroll.month import Came, PersonMonth, months_told, people_paid, tallies
from node.payroll.month_printed import month_pdf
from node.payroll.rules import Remedy
from node.registry.records import CHANGED
from node.registry.worklists import place_of
from tests.fixtures.county import OTHER_VILLAGE, VILLAGE, closing, open_county
from tests.fixtures.offices import KINDS, Office, carry, open_office
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode, Role

KINDS.update({kind.name: kind for kind in (DETERMINED, RATED, CHANGED, *LIFE_TYPES)})
SEPTEMBER, OCTOBER = date(2025, 9, 1), date(2025, 10, 1)


@pytest.fixture
def payers(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Payers]:
    """Late August 2025, nobody draws a pension yet."""
    county = open_county(sqlite_copy(migrated_sqlite, tmp_path / "county.sqlite"))
    with closing(county.office):
        found = open_payers(county)
        county.on(date(2025, 8, 20))
        yield found


@pytest.fixture
def village(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Office]:
    office = open_office(sqlite_copy(migrated_sqlite, tmp_path / "village.sqlite"), VILLAGE)
    with closing(office):
        yield office


COORDINATOR = Actor("c" * 36, "张协办", frozenset({Role.COORDINATOR}), RegionCode(VILLAGE))


def seen(village: Office, month: date, came: Came | None = None) -> list[PersonMonth]:
    with village.work(COORDINATOR, writing=False) as uow:
        return list(people_paid(uow, RegionCode(VILLAGE), month, came=came).items)


def test_the_banks_reason_reaches_the_village_and_goes_with_the_money(
    payers: Payers, village: Office
) -> None:
    good, shut, doubt = payers.pensioners(date(1952, 3, 1), date(1951, 1, 1), date(1950, 1, 1))
    run = payers.approve(SEPTEMBER)
    payers.fund(run.run_no)
    payers.send(run.run_no)
    payers.answer({shut: LineState.FAILED, doubt: LineState.UNCLEAR})
    carry(payers.county.office, village)
    with village.work(COORDINATOR, writing=False) as uow:
        assert list(months_told(uow)) == [SEPTEMBER]
        found = {each.came: each.people for each in tallies(uow, RegionCode(VILLAGE), SEPTEMBER)}
    assert found == {Came.FAILED: 2, Came.PAID: 1}
    told = {each.why: each.remedy for each in seen(village, SEPTEMBER, Came.FAILED)}
    assert told == {"账户已销户": Remedy.CARD, "银行处理超时，结果待查": Remedy.WAIT}
    assert [each.lines for each in seen(village, SEPTEMBER, Came.PAID)] == [8]
    with payers.county.work(payers.county.accountant) as uow:
        assert prepare_again(uow, run.run_no) == 1
    carry(payers.county.office, village)
    assert len(seen(village, SEPTEMBER, Came.AGAIN)) == 1
    payers.send(run.run_no)
    payers.answer()
    carry(payers.county.office, village)
    assert {each.came for each in seen(village, SEPTEMBER)} == {Came.PAID}
    assert good


def test_who_is_carried_stays_on_the_list_until_the_arrears_have_come(
    payers: Payers, village: Office
) -> None:
    one, other = payers.pensioners(date(1952, 3, 1), date(1951, 1, 1))
    payers.pay(SEPTEMBER, {one: LineState.FAILED})
    carry(payers.county.office, village)
    assert [each.why for each in seen(village, SEPTEMBER, Came.FAILED)] == ["账户已销户"]
    payers.county.on(date(2025, 10, 3))
    payers.pay(OCTOBER)
    carry(payers.county.office, village)
    assert seen(village, SEPTEMBER, Came.FAILED) == []
    assert sorted(each.lines for each in seen(village, OCTOBER)) == [1, 9]
    assert other


def test_who_has_no_card_or_is_suspended_is_told_what_helps(
    payers: Payers, village: Office
) -> None:
    payers.pensioners(date(1952, 3, 1))
    payers.pensioners(date(1951, 1, 1), cards=False)
    (away,) = payers.pensioners(date(1950, 1, 1))
    with payers.county.work(payers.county.approver) as uow:
        suspend(uow, [Pause(away, SuspensionReason.NOT_CERTIFIED, SEPTEMBER)])
    payers.pay(SEPTEMBER)
    carry(payers.county.office, village)
    told = {each.came: (each.why, each.remedy) for each in seen(village, SEPTEMBER)}
    assert told == {
        Came.FAILED: ("没有登记银行账户", Remedy.REGISTER),
        Came.SUSPENDED: ("未通过生存认证", Remedy.CERTIFY),
        Came.PAID: ("", None),
    }
    with village.work(COORDINATOR, writing=False) as uow:
        content = month_pdf(uow, RegionCode(VILLAGE), SEPTEMBER, Places({}, {}))
    assert content.startswith(b"%PDF")


def test_a_hosted_village_reads_its_month_at_the_township(
    payers: Payers, migrated_sqlite: Path, tmp_path: Path
) -> None:
    url = sqlite_copy(migrated_sqlite, tmp_path / "township.sqlite")
    township = open_office(url, "410122100000", hosted=[VILLAGE])
    clerk = Actor("d" * 36, "李初审", frozenset({Role.CLERK}), RegionCode("410122100000"))
    mine, other = payers.pensioners(date(1952, 3, 1), date(1951, 1, 1))
    payers.pay(SEPTEMBER, {mine: LineState.FAILED})
    with closing(township):
        carry(payers.county.office, township)
        with township.work(COORDINATOR, writing=False) as uow:
            place = place_of(uow, "")
            assert place == VILLAGE
            found = {each.came: each.people for each in tallies(uow, place, SEPTEMBER)}
            with pytest.raises(NotFound):
                place_of(uow, OTHER_VILLAGE)
            printed = month_pdf(uow, place, SEPTEMBER, Places({}, {}))
        assert found == {Came.FAILED: 1, Came.PAID: 1}
        assert printed.startswith(b"%PDF")
        with township.work(clerk, writing=False) as uow:
            whole = tallies(uow, place_of(uow, ""), SEPTEMBER)
    assert {each.came: each.people for each in whole} == found
    assert other
