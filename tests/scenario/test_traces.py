"""Every voucher leads to what it was booked for, and one that leads nowhere is named."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for, reverse
from node.accounts.models import JournalEntry
from node.accounts.sources import Source
from node.accounts.year_end import close_year
from node.contributions.closing import transfer
from node.contributions.service import (
    Doubt,
    Proposal,
    Way,
    confirm_payments,
    decide,
    pay_subsidies,
    propose,
    take_in,
)
from node.traces import traced
from tests.fixtures.collecting import answered, ordered, presented, reviewer, said, with_cards
from tests.fixtures.county import VILLAGE, County, closing, open_county, payment, publish_rate

AUTUMN = date(2025, 9, 1)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    """A year of two people: the bank, the counter, a stranger's money, subsidies, interest, and a
    payment taken back when the year was settled.
    """
    found = open_county(migrated_url).on(AUTUMN)
    with closing(found.office):
        _one, two = with_cards(found, 2)
        ordered(found)
        with found.work(found.accountant) as uow:
            (paid,) = confirm_payments(uow, [payment(two, paid_on=AUTUMN)])
            assert not paid.reason
        answered(found, said(found, presented(found)))
        _a_stranger_pays(found)
        with found.work(found.accountant) as uow:
            transfer(uow, fen=40_000, on=AUTUMN, reference="划拨单1")
            pay_subsidies(uow, 2025)
        publish_rate(found.on(date(2026, 1, 5)), 2025)
        with found.work() as uow:
            close_year(uow, 2025)
        _take_back_what_is_no_contribution(found)
        yield found


def _a_stranger_pays(county: County) -> None:
    with county.work(county.accountant) as uow:
        given = {"received_on": AUTUMN, "reference": "X1", "payer": "过路人"}
        item = take_in(uow, fen=500, kind=Doubt.UNKNOWN_PAYER, **given)  # type: ignore[arg-type]
        propose(uow, item.item_no, Proposal(Way.REFUND, "查无此人"))
        number = item.item_no
    with county.work(reviewer()) as uow:
        decide(uow, number)


def _take_back_what_is_no_contribution(county: County) -> None:
    (three,) = county.enrol(date(1980, 1, 1))
    with county.work(county.accountant) as uow:
        confirm_payments(uow, [payment(three, for_year=2026, paid_on=date(2026, 1, 5))])
        number = uow.session.scalars(
            select(JournalEntry.entry_no).order_by(JournalEntry.entry_no.desc())  # type: ignore[attr-defined]
        ).first()
        reverse(uow, number or 0, 1, reason="记错")


def test_every_voucher_of_a_year_leads_somewhere(county: County) -> None:
    with county.work(writing=False) as uow:
        kinds = set(uow.session.scalars(select(JournalEntry.trace_kind)))
        found = traced(uow)
    assert {"batch", "bank_result", "unmatched", "transfer", "bulletin", "posting"} <= kinds
    assert (found.ok, found.detail) == (True, "9 张")


@pytest.mark.parametrize("kind", ["batch", "bank_result", "bulletin", "case", "letter"])
def test_a_voucher_that_leads_nowhere_is_named(county: County, kind: str) -> None:
    day = date(2026, 1, 5)
    moved = NewPosting(1, VILLAGE, Source.COLLECTIVE, Kind.COLLECTIVE, 100, day, 2026)
    with county.work() as uow:
        head = Head(Kind.COLLECTIVE, day, kind, "没有这样的依据", "")
        number = book(uow, Entry(head, lines_for([moved]), [moved]))
    with county.work(writing=False) as uow:
        found = traced(uow)
    assert not found.ok
    assert found.detail == f"凭证 {number}（{kind} 没有这样的依据）"
