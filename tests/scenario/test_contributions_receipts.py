"""A coordinator collects with no network; the county counts the money and books it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.accounts.balances import balances
from node.accounts.models import Posting
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.contributions.models import Contribution, Receipt, ReceiptHandover, UnmatchedMoney
from node.contributions.receipts import (
    Taken,
    allocate,
    confirm_handover,
    hand_over,
    next_number,
    take_cash,
    void,
)
from node.contributions.service import confirm_payments
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Problems
from node.core.work import Actor
from node.policy.models import Bulletin
from tests.fixtures.collecting import ordered, publish_collection, with_cards
from tests.fixtures.county import (
    PROVINCE,
    VILLAGE,
    County,
    closing,
    open_county,
    payment,
)
from tests.fixtures.offices import Office, carry, open_office, person
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode, Role

HERE = RegionCode(VILLAGE)
DAY = date(2025, 9, 1)
WAYS = {"ways": [{"way": "coordinator", "region": PROVINCE, "first": "01-01", "last": "12-31"}]}


@dataclass
class Season:
    """A county, its village with no network, and who collects there."""

    county: County
    village: Office
    coordinator: Actor

    def carry(self) -> None:
        carry(self.county.office, self.village)

    def take(self, account_no: int, year: int = 2025) -> int:
        with self.village.work(self.coordinator) as uow:
            return take_cash(uow, HERE, Taken(account_no, year)).receipt_no


@pytest.fixture
def season(migrated_url: str, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Season]:
    county = open_county(migrated_url).on(DAY)
    publish_collection(county, collection_ways=WAYS)
    village = open_office(sqlite_copy(migrated_sqlite, tmp_path / "v.sqlite"), VILLAGE, grades=())
    village.now = county.office.now
    with county.work() as here, village.work() as there:
        for bulletin in here.session.scalars(select(Bulletin)):
            there.session.add(Bulletin(**bulletin.model_dump()))
    found = Season(county, village, person("张协办", VILLAGE, Role.COORDINATOR))
    with closing(county.office, village):
        yield found
        with county.work() as uow:
            assert [finding for finding in verify(uow) if not finding.ok] == []


def started(season: Season, people: int = 3, numbers: int = 10) -> list[int]:
    """People who owe this year, and numbers for their village."""
    accounts = with_cards(season.county, people)
    ordered(season.county)
    with season.county.work(season.county.accountant) as uow:
        allocate(uow, HERE, numbers)
    season.carry()
    return accounts


def handed(season: Season) -> ReceiptHandover:
    with season.village.work(season.coordinator) as uow:
        row = hand_over(uow, HERE)
    season.carry()
    return row


def test_cash_becomes_payments_when_the_county_has_counted_it(season: Season) -> None:
    one, two, three = started(season)
    assert [season.take(n) for n in (one, two)] == [1, 2]
    with season.village.work(season.coordinator) as uow:
        void(uow, HERE, 2, reason="写错了名字")
    assert season.take(two) == 3
    handover = handed(season)
    assert (handover.receipts, handover.voids, handover.fen) == (2, 1, 40_000)
    with season.county.work(season.county.accountant) as uow:
        assert uow.session.scalar(select(func.count()).select_from(Receipt)) == 3
        booked = confirm_handover(uow, HERE, 1, fen=40_000, reference="Z1")
        assert (booked.posted, booked.aside) == (2, 0)
        found = balances(uow, [one, two, three])
        assert [found[n].get(Source.INDIVIDUAL, 0) for n in (one, two, three)] == [
            20_000,
            20_000,
            0,
        ]
        references = uow.session.scalars(select(Contribution.reference)).all()
        assert sorted(references) == ["410122-R00000001", "410122-R00000003"]
    season.carry()
    with season.village.work() as uow:
        (row,) = uow.session.scalars(select(ReceiptHandover))
        assert (row.reference, row.confirmed_on) == ("Z1", DAY)
    with season.county.work(season.county.accountant) as uow, pytest.raises(Conflict):
        confirm_handover(uow, HERE, 1, fen=40_000, reference="Z1")


def test_cash_of_december_counted_in_january_has_paid_its_year(season: Season) -> None:
    one, *_ = started(season)
    season.village.now = season.county.on(date(2025, 12, 30)).office.now
    season.take(one)
    handed(season)
    with season.county.on(date(2026, 1, 5)).work(season.county.accountant) as uow:
        booked = confirm_handover(uow, HERE, 1, fen=20_000, reference="Z1")
        assert (booked.posted, booked.aside) == (1, 0)
        paid = uow.session.scalars(select(Contribution)).one()
        assert (paid.for_year, paid.paid_on, paid.make_up) == (2025, date(2025, 12, 30), False)
        posting = uow.session.scalars(select(Posting)).one()
        assert (posting.year, posting.month, posting.kind) == (2026, 1, "contribution")


def test_receipts_have_no_gaps(season: Season) -> None:
    one, two, three = started(season, numbers=2)
    season.take(one)
    handed(season)
    season.take(two)
    with season.village.work(season.coordinator) as uow:
        with pytest.raises(Invalid, match="用完"):
            next_number(uow, HERE)
        with pytest.raises(Conflict, match="已经汇缴"):
            void(uow, HERE, 1, reason="晚了")
    with season.county.work(season.county.accountant) as uow:
        allocate(uow, RegionCode("410122100202"), 5)
        allocate(uow, HERE, 5)
    season.carry()
    assert season.take(three) == 8  # 3 to 7 are another village's
    handover = handed(season)
    assert (handover.first_no, handover.last_no) == (2, 8)
    with season.county.work() as uow:
        uow.session.delete(uow.get(Receipt, str(uow.node), 2))
    with season.county.work(season.county.accountant) as uow, pytest.raises(Problems) as caught:
        confirm_handover(uow, HERE, 2, fen=1, reference="")
    told = " ".join(each.message for each in caught.value.problems)
    assert "收据 2 还没有收到" in told
    assert "实收 0.01 元，收据合计 400.00 元" in told
    assert "凭证号" in told


def test_who_paid_elsewhere_meanwhile_is_put_in_the_queue(season: Season) -> None:
    one, *_ = started(season)
    season.take(one)
    with season.county.work(season.county.accountant) as uow:
        confirm_payments(uow, [payment(one)])
    handed(season)
    with season.county.work(season.county.accountant) as uow:
        assert confirm_handover(uow, HERE, 1, fen=20_000, reference="Z1").aside == 1
        (item,) = uow.session.scalars(select(UnmatchedMoney))
        assert (item.kind, item.fen, item.account_no) == ("double", 20_000, one)


def test_cash_is_taken_once_by_the_own_coordinator_where_policy_opens_it(season: Season) -> None:
    one, two, _ = started(season)
    season.take(one)
    with pytest.raises(Conflict, match="已经开过收据"):
        season.take(one)
    with pytest.raises(NotFound, match="没有这笔应缴"):
        season.take(two, 2024)
    stranger = person("外村", "410122100202", Role.COORDINATOR)
    with season.village.work(stranger) as uow, pytest.raises(NotFound):
        take_cash(uow, HERE, Taken(two, 2025))
    with season.county.work(season.coordinator) as uow, pytest.raises(Forbidden):
        take_cash(uow, HERE, Taken(two, 2025))
    closed = {"ways": [{**WAYS["ways"][0], "way": "bank"}]}
    with season.village.work() as uow:
        (old,) = uow.session.scalars(select(Bulletin).where(Bulletin.kind == "collection_ways"))
        new = {"id": "later", "number": "later", "body": closed, "effective_from": DAY}
        uow.session.add(Bulletin(**{**old.model_dump(), **new}))
    with pytest.raises(Invalid, match="没有开放"):
        season.take(two)


def test_numbers_are_given_to_villages_of_the_county(season: Season) -> None:
    for village, count in ((HERE, 0), (RegionCode("410122100000"), 5)):
        with season.county.work(season.county.accountant) as uow, pytest.raises(Invalid):
            allocate(uow, village, count)
