"""Random years of a county's accounts against an independent model, to the fen, on both databases.

People pay, pay twice, choose another grade, draw, are corrected years later, settled inside a year,
die and are closed; rates are published and published anew; the power fails. After every step each
open account holds what `ledger_model` says, and at the end every invariant of the books holds.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext, suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func
from sqlmodel import select

from node.accounts.balances import balances, control_balance
from node.accounts.chart import Kind
from node.accounts.general_ledger import trial_balance
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for, reverse
from node.accounts.models import Account, Posting, RateCorrection
from node.accounts.periods import lock_month, periods
from node.accounts.rate_corrections import correct_rate
from node.accounts.service import close_accounts
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.accounts.statement import statement
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.contributions.service import confirm_payments
from node.core.errors import Conflict, Invalid
from tests.fixtures.county import (
    COUNTY,
    GRADES,
    VILLAGE,
    County,
    closing,
    open_county,
    payment,
    publish_rate,
)
from tests.fixtures.schema import Fresh
from tests.property.ledger_model import Life, Model, Move
from tiers import RegionCode

ACCOUNTS = (1, 2, 3)
FIRST_YEAR = 2024
PAID_IN = (Source.INDIVIDUAL, Source.COLLECTIVE, Source.PAID_ON_BEHALF)
accounts_of = st.sampled_from(ACCOUNTS)
sources_of = st.sampled_from(PAID_IN)
amounts = st.integers(1, 3_000_000)
rates = st.integers(0, 60_000)
EXAMPLES = int(os.environ.get("WUJI_YEARS", "0"))
"""So many random lives of each database instead of a few: the long search, by hand."""
KINDS = {
    Source.INDIVIDUAL: Kind.CONTRIBUTION,
    Source.COLLECTIVE: Kind.COLLECTIVE,
    Source.PAID_ON_BEHALF: Kind.PAID_ON_BEHALF,
}


class PowerFailureError(Exception):
    """What ends a transaction that was not committed."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A posting that may be taken back, and what the model calls it."""

    entry_no: int
    line_no: int
    account: int
    move: Move
    paid_year: int | None = None


class Years(RuleBasedStateMachine):
    """`opened` is set by the test that runs it: a fresh database for each example."""

    opened: Fresh

    def __init__(self) -> None:
        super().__init__()
        self.database = ExitStack()
        self.county: County = open_county(self.database.enter_context(self.opened()))
        self.model = Model({number: Life() for number in ACCOUNTS})
        self.today = date(FIRST_YEAR, 1, 15)
        self.open = set(ACCOUNTS)
        self.booked: list[Booked] = []
        self.paid: set[tuple[int, int]] = set()
        self.serial = 0
        self.rate = (20_000, 1)

    @initialize()
    def begin(self) -> None:
        self.county.on(self.today)
        self.county.enrol(*[date(1980, n, 1) for n in ACCOUNTS])
        publish_rate(self.county, FIRST_YEAR - 1, ppm=self.rate[0])

    def post(self, account: int, source: Source, fen: int, on: date) -> int:
        moved = NewPosting(account, VILLAGE, source, KINDS[source], fen, on, on.year)
        with self.county.work() as uow:
            head = Head(KINDS[source], self.today, "batch", "B", "样本")
            return book(uow, Entry(head, lines_for([moved]), [moved]))

    def would_be_short(self, account: int, *moves: Move) -> bool:
        """Whether the model says that a source falls below zero."""
        model = deepcopy(self.model)
        model.lives[account].moves.extend(moves)
        return min(model.balances(account).values(), default=0) < 0

    @rule(account=accounts_of, source=sources_of, fen=amounts)
    def pay(self, account: int, source: Source, fen: int) -> None:
        if account in self.open:
            number = self.post(account, source, fen, self.today)
            move = self.model.move(account, source, self.today.year, self.today.month, fen)
            self.booked.append(Booked(number, 1, account, move))

    @rule(account=accounts_of, grade=st.sampled_from(GRADES))
    def pay_the_year(self, account: int, grade: int) -> None:
        """Once a year, at any grade; a second time is refused, whatever the grade."""
        self.serial += 1
        year = self.today.year
        one = payment(
            account,
            for_year=year,
            grade_fen=grade,
            fen=grade,
            paid_on=self.today,
            reference=f"R{self.serial}",
        )
        with self.county.work(self.county.accountant) as uow:
            (outcome,) = confirm_payments(uow, [one])
        taken = account in self.open and (account, year) not in self.paid
        assert (outcome.reason == "") == taken, outcome.reason
        if taken:
            self.paid.add((account, year))
            move = self.model.move(account, Source.INDIVIDUAL, year, self.today.month, grade)
            with self.county.work() as uow:
                last = int(uow.session.exec(select(func.max(Posting.entry_no))).one() or 0)
            self.booked.append(Booked(last, 1, account, move, paid_year=year))

    @rule(account=accounts_of, source=sources_of, fen=amounts)
    def draw(self, account: int, source: Source, fen: int) -> None:
        if account not in self.open:
            return
        short = self.model.balances(account).get(source, 0) < fen
        with pytest.raises(Invalid, match="余额不足") if short else nullcontext():
            self.post(account, source, -fen, self.today)
        if short:
            return
        self.model.move(account, source, self.today.year, self.today.month, -fen)

    @precondition(lambda self: self.model.years)
    @rule(account=accounts_of, source=sources_of, fen=amounts, data=st.data())
    def pay_for_an_earlier_year(
        self, account: int, source: Source, fen: int, data: st.DataObject
    ) -> None:
        year = data.draw(st.sampled_from(sorted(self.model.years)))
        month = data.draw(st.integers(1, 12))
        if account in self.open:
            number = self.post(account, source, fen, date(year, month, 3))
            move = self.model.move(account, source, year, month, fen)
            self.booked.append(Booked(number, 1, account, move))

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        wrong = data.draw(st.sampled_from(self.booked))
        after = deepcopy(self.model)
        after.take_back(wrong.account, wrong.move)
        short = min(after.balances(wrong.account).values(), default=0) < 0
        refused = short or wrong.account not in self.open
        expected = pytest.raises((Invalid, Conflict)) if refused else nullcontext()
        with expected, self.county.work(self.county.accountant) as uow:
            reverse(uow, wrong.entry_no, wrong.line_no, reason="记错")
        if refused:
            return
        self.model = after
        self.booked.remove(wrong)
        if wrong.paid_year is not None:
            self.paid.discard((wrong.account, wrong.paid_year))

    @rule(account=accounts_of)
    def settle_inside_the_year(self, account: int) -> None:
        if account not in self.open or self.today.month == 1:
            return
        year, through = self.today.year, self.today.month - 1
        if self.model.balances(account):
            before = self.model.settled_through(account, year)
            with self.county.work() as uow:
                settle_accounts(uow, [account], year=year, through=through, trace="case")
            if before < through:
                self.model.lives[account].settled[year, through] = self.rate

    @precondition(lambda self: len(self.open) > 1)
    @rule(account=accounts_of)
    def die(self, account: int) -> None:
        """Settled, paid out, closed."""
        if account not in self.open:
            return
        self.settle_inside_the_year(account)
        for name, fen in self.model.balances(account).items():
            self.post(account, Source(name), -fen, self.today)
            self.model.move(account, name, self.today.year, self.today.month, -fen)
        with self.county.work() as uow:
            close_accounts(uow, [account], on=self.today)
        self.open.remove(account)

    @rule(account=accounts_of, fen=amounts)
    def lose_power(self, account: int, fen: int) -> None:
        moved = NewPosting(
            account, VILLAGE, Source.INDIVIDUAL, Kind.CONTRIBUTION, fen, self.today, 2024
        )
        if account not in self.open:
            return
        with suppress(PowerFailureError), self.county.work() as uow:
            head = Head(Kind.CONTRIBUTION, self.today, "batch", "B", "样本")
            book(uow, Entry(head, lines_for([moved]), [moved]))
            raise PowerFailureError

    @rule(months=st.integers(1, 5), ppm=rates, lag=st.sampled_from([0, 1]))
    def time_passes(self, months: int, ppm: int, lag: int) -> None:
        """Months are closed as they end; at New Year the rate is published and the year settled:
        the power fails at the end of it, then it is done, then asked for once more.
        """
        whole = self.today.month - 1 + months
        year, month = self.today.year + whole // 12, whole % 12 + 1
        ended = self.today.year if year > self.today.year else None
        self.today = date(year, month, 15)
        self.county.on(self.today)
        if ended is None:
            self.lock_months_before(year, month)
            return
        publish_rate(self.county, ended, ppm=ppm, lag=lag)
        with suppress(PowerFailureError), self.county.work() as uow:
            close_year(uow, ended)
            raise PowerFailureError
        for _ in range(2):
            with self.county.work() as uow:
                close_year(uow, ended)
        self.rate = (ppm, lag)  # of a year without accounts too: it is the last one published
        if any(life.moves for life in self.model.lives.values()):
            self.model.years[ended] = self.rate

    def lock_months_before(self, year: int, month: int) -> None:
        with self.county.work() as uow:
            for each in periods(uow, county=RegionCode(COUNTY), year=year)[: month - 1]:
                lock_month(uow, year, each.month)

    @precondition(lambda self: self.model.years)
    @rule(data=st.data(), more=st.integers(1, 20_000))
    def a_rate_is_published_anew(self, data: st.DataObject, more: int) -> None:
        year = data.draw(st.sampled_from(sorted(self.model.years)))
        ppm, lag = self.model.years[year]
        publish_rate(self.county, year, ppm=ppm + more, lag=lag)
        with self.county.work() as uow:
            correct_rate(uow, year)
        with pytest.raises(Conflict, match="没有变动"), self.county.work() as uow:
            correct_rate(uow, year)
        self.model.years[year] = (ppm + more, lag)
        if year == max(self.model.years):
            self.rate = (ppm + more, lag)

    @invariant()
    def every_open_account_holds_what_the_model_says(self) -> None:
        with self.county.work(writing=False) as uow:
            found = balances(uow, sorted(self.open))
        for account in self.open:
            held = {source.value: fen for source, fen in found[account].items() if fen}
            assert held == self.model.balances(account), account

    def teardown(self) -> None:
        with closing(self.county.office), self.county.work(writing=False) as uow:
            wrong = [f"{each.name}: {each.detail}" for each in verify(uow) if not each.ok]
            county = RegionCode(COUNTY)
            balance = trial_balance(uow, county=county, year=self.today.year)
            held = sum(sum(parts.values()) for parts in balances(uow, ACCOUNTS).values())
            control = control_balance(uow, county=county)
        self.database.close()
        assert wrong == []
        assert balance.difference == 0
        assert held == control


def played(opened: Fresh) -> Years:
    """The machine over databases of this kind, in a class of its own: the kinds never mix."""
    machine: type[Years] = type("Played", (Years,), {"opened": staticmethod(opened)})
    return machine()


def test_random_years_come_to_what_the_model_says(fresh_database: Fresh) -> None:
    found = settings(max_examples=EXAMPLES or 5, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(lambda: played(fresh_database), settings=found)


@pytest.fixture
def years(fresh_database: Fresh) -> Iterator[Years]:
    """The same machine played by hand, on each database: what the random years found."""
    machine = played(fresh_database)
    machine.begin()
    yield machine
    machine.every_open_account_holds_what_the_model_says()
    machine.teardown()


class Chosen:
    """Draws that were found once, in their order."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def draw(self, _strategy: object) -> object:
        """The next one."""
        return self.values.pop(0)


def drawn(*values: object) -> st.DataObject:
    """`Chosen`, as the rules take it."""
    return cast("st.DataObject", Chosen(*values))


def test_a_settlement_that_earned_nothing_does_not_hold_what_is_booked_next(years: Years) -> None:
    """It named the next voucher as the last it had seen."""
    years.pay_the_year(account=1, grade=20_000)
    years.time_passes(months=1, ppm=0, lag=0)
    years.settle_inside_the_year(account=1)
    years.take_back(data=drawn(years.booked[0]))
    years.pay_the_year(account=1, grade=20_000)
    years.time_passes(months=1, ppm=0, lag=0)
    years.settle_inside_the_year(account=1)


def test_the_rate_of_a_year_without_money_is_the_last_one_all_the_same(years: Years) -> None:
    """A settlement inside the next year earns by it."""
    years.time_passes(months=12, ppm=8_581, lag=0)
    years.pay_the_year(account=1, grade=20_000)
    years.time_passes(months=1, ppm=0, lag=0)
    years.die(account=1)


def test_a_new_rate_reaches_a_source_that_became_known_late(years: Years) -> None:
    """It has no closing in its year, only the correction of its interest."""
    years.pay(account=1, source=Source.INDIVIDUAL, fen=1_000_000)
    years.time_passes(months=12, ppm=20_000, lag=1)
    late = drawn(FIRST_YEAR, 1)
    years.pay_for_an_earlier_year(1, Source.COLLECTIVE, fen=2_400_000, data=late)
    years.a_rate_is_published_anew(data=drawn(FIRST_YEAR), more=10_000)
    years.every_open_account_holds_what_the_model_says()
    years.time_passes(months=12, ppm=25_000, lag=0)


def test_an_account_closed_inside_the_year_earns_nothing_at_its_end(years: Years) -> None:
    """With interest from the month after, its payment earned one month more: nowhere to go."""
    years.pay(account=1, source=Source.INDIVIDUAL, fen=1_200_000)
    years.pay(account=2, source=Source.INDIVIDUAL, fen=1_200_000)
    years.time_passes(months=5, ppm=0, lag=1)
    years.die(account=1)
    years.time_passes(months=5, ppm=0, lag=1)
    years.time_passes(months=3, ppm=30_000, lag=1)
    with years.county.work(writing=False) as uow:
        account = uow.get(Account, COUNTY, 1)
        told = statement(uow, account, FIRST_YEAR)
    assert [each for each in told.workings if not each.adds_up] == []
    assert [(each.product, each.interest, each.closing) for each in told.sources] == [(0, 0, 0)]
    years.time_passes(months=12, ppm=30_000, lag=1)


def test_late_money_closed_accounts_and_a_new_rate_together(years: Years) -> None:
    for account in ACCOUNTS:
        years.pay(account, Source.INDIVIDUAL, fen=1_200_000)
    years.time_passes(months=5, ppm=0, lag=1)
    years.die(account=1)
    years.time_passes(months=8, ppm=30_000, lag=1)
    march = (FIRST_YEAR, 3)
    years.pay_for_an_earlier_year(2, Source.PAID_ON_BEHALF, fen=700_000, data=drawn(*march))
    years.pay_for_an_earlier_year(3, Source.COLLECTIVE, fen=900_000, data=drawn(*march))
    years.die(account=3)
    years.a_rate_is_published_anew(data=drawn(FIRST_YEAR), more=12_345)
    with years.county.work(writing=False) as uow:
        (left_out,) = uow.session.exec(select(RateCorrection.left_out))
    assert left_out == 1  # the third: closed since; the first had its last settlement in the year
    years.time_passes(months=11, ppm=25_000, lag=1)
