"""Random seasons of collecting against a small model that knows nothing of the program.

People are presented at the bank, answered well, badly, late or not at all, twice or with another
amount; they pay at the counter, change their grade, have payments taken back, die while the bank
has them; some transactions crash before their commit. After every step accounts, income account and
suspense account agree.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from node.accounts.balances import balances, journal_lines
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book
from node.accounts.service import close_accounts
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.banking.service import mark_sent
from node.contributions.models import Contribution, UnmatchedMoney
from node.contributions.service import (
    Proposal,
    Way,
    change_grade,
    confirm_payments,
    decide,
    propose,
    reverse_payment,
    withhold,
)
from node.core.errors import Refusal
from node.core.work import UnitOfWork
from tests.fixtures.banking import TEXT, Said
from tests.fixtures.collecting import (
    OK,
    POOR,
    TIMEOUT,
    answered,
    ordered,
    reviewer,
    said,
    with_cards,
)
from tests.fixtures.county import GRADES, VILLAGE, County, closing, open_county, payment
from tests.fixtures.schema import Fresh

PEOPLE = 3
DAY = date(2025, 9, 1)
EXAMPLES = int(os.environ.get("WUJI_YEARS", "0"))
"""As in `test_accounts_years`."""
files = count(1)


@dataclass
class Model:
    """What should be so: fen by person, what lies on the two accounts, who is at the bank."""

    grade: dict[int, int]
    paid: dict[int, int] = field(default_factory=dict)
    at_bank: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    income: int = 0
    suspense: int = 0

    def collected(self, person: int, fen: int) -> None:
        """The bank has the money of a line: the person's, unless paid meanwhile, or dead."""
        self.income += fen
        if person in self.paid or person in self.dead:
            self.suspense += fen
        else:
            self.paid[person] = fen


class CrashError(Exception):
    """The power fails."""


class Season(RuleBasedStateMachine):
    """The program and the model, side by side; `opened` is set by the test that runs it."""

    opened: Fresh

    def __init__(self) -> None:
        super().__init__()
        self.database = ExitStack()
        self.county: County = open_county(self.database.enter_context(self.opened())).on(DAY)

    @initialize()
    def begin(self) -> None:
        self.people = with_cards(self.county, PEOPLE)
        ordered(self.county)
        self.model = Model(dict.fromkeys(self.people, GRADES[0]))

    @contextmanager
    def crashing(self, *, crashes: bool) -> Iterator[UnitOfWork]:
        """The accountant's work; perhaps the power fails just before the commit."""
        with self.county.work(self.county.accountant) as uow:
            yield uow
            if crashes:
                raise CrashError

    @rule(crashes=st.booleans())
    def present(self, crashes: bool) -> None:
        not_due = {*self.model.paid, *self.model.at_bank, *self.model.dead}
        due = [n for n in self.people if n not in not_due]
        with suppress(CrashError), self.crashing(crashes=crashes) as uow:
            batch = withhold(uow, 2025, bank_code=TEXT).batch
            assert (batch.lines if batch else 0) == len(due)
            if batch is not None:
                mark_sent(uow, batch.batch_no)
                number = batch.batch_no
        if due and not crashes:
            for line, person in enumerate(due, 1):
                self.model.at_bank[person] = (number, line, self.model.grade[person])

    @rule(place=st.integers(0, PEOPLE - 1), code=st.sampled_from([OK, POOR, TIMEOUT]))
    def answer(self, place: int, code: str) -> None:
        person = self.people[place]
        if person not in self.model.at_bank:
            return
        batch, line, fen = self.model.at_bank[person]
        row = next(row for row in said(self.county, batch, code) if row[1] == line)
        self._take([row])
        if code == OK:
            self.model.collected(person, fen)
        if code in {POOR, OK}:
            del self.model.at_bank[person]

    @rule(place=st.integers(0, PEOPLE - 1), fen=st.integers(1, 900))
    def answer_with_another_amount(self, place: int, fen: int) -> None:
        """The bank has taken something else: in doubt, and not to be presented again."""
        person = self.people[place]
        if person in self.model.at_bank:
            batch, line, _ = self.model.at_bank[person]
            row = next(row for row in said(self.county, batch) if row[1] == line)
            self._take([(*row[:3], fen, OK)])
            self.model.income += fen
            self.model.suspense += fen

    @rule(fen=st.integers(1, 10**6))
    def a_stranger_pays(self, fen: int) -> None:
        self._take([(900_000, next(files), "过路人", fen, OK)])
        self.model.income += fen
        self.model.suspense += fen

    def _take(self, rows: list[Said]) -> None:
        serial = str(next(files))
        for taken in answered(self.county, rows, serial=serial):
            assert not taken.is_duplicate or rows[0][4] == TIMEOUT
        for again in answered(self.county, rows, serial=f"{serial}b"):
            assert again.is_duplicate  # sent twice, counted once

    @rule(place=st.integers(0, PEOPLE - 1), crashes=st.booleans())
    def pay_at_the_counter(self, place: int, crashes: bool) -> None:
        person = self.people[place]
        fen = self.model.grade[person]
        with suppress(CrashError), self.crashing(crashes=crashes) as uow:
            (outcome,) = confirm_payments(
                uow, [payment(person, fen=fen, grade_fen=fen, method="counter")]
            )
        if not crashes and not outcome.reason:
            assert person not in {*self.model.paid, *self.model.dead}
            self.model.paid[person] = fen
            self.model.income += fen

    @rule(place=st.integers(0, PEOPLE - 1), grade=st.sampled_from(GRADES))
    def choose_another_grade(self, place: int, grade: int) -> None:
        person = self.people[place]
        if person in self.model.dead:
            return
        fixed = person in self.model.paid or person in self.model.at_bank
        try:
            with self.county.work(self.county.accountant) as uow:
                change_grade(uow, person, 2025, grade_fen=grade)
        except Refusal:
            assert fixed
        else:
            assert not fixed
            self.model.grade[person] = grade

    @rule(place=st.integers(0, PEOPLE - 1))
    def take_back(self, place: int) -> None:
        person = self.people[place]
        if person not in self.model.paid:
            return
        with self.county.work(self.county.accountant) as uow:
            mine = select(Contribution.id).where(
                Contribution.account_no == person,
                Contribution.reversed_entry.is_(None),  # type: ignore[union-attr]
            )
            reverse_payment(uow, uow.session.scalars(mine).one(), reason="记错")
        self.model.income -= self.model.paid.pop(person)  # at the bank it stays until answered

    @rule(place=st.integers(0, PEOPLE - 1))
    def die(self, place: int) -> None:
        """What was paid goes to the heirs and the account is closed, whatever the bank does yet."""
        person = self.people[place]
        if person in self.model.dead:
            return
        held = self.model.paid.pop(person, 0)
        with self.county.work() as uow:
            if held:
                back = NewPosting(
                    person, VILLAGE, Source.INDIVIDUAL, Kind.REFUND, -held, DAY, DAY.year
                )
                lines = [Line(CONTROL, held), Line("income_account", -held)]
                book(uow, Entry(Head(Kind.REFUND, DAY, "case", "C", "死亡"), lines, [back]))
            close_accounts(uow, [person], on=DAY)
        self.model.dead.add(person)
        self.model.income -= held

    @rule()
    def give_back_what_is_in_doubt(self) -> None:
        with self.county.work(self.county.accountant) as uow:
            waiting = select(UnmatchedMoney).where(UnmatchedMoney.state == "open")
            item = uow.session.scalars(waiting.order_by(UnmatchedMoney.item_no)).first()
            if item is None:
                return
            propose(uow, item.item_no, Proposal(Way.REFUND, "退回"))
        with self.county.work(reviewer()) as uow:
            decide(uow, item.item_no)
        self.model.income -= item.fen
        self.model.suspense -= item.fen
        for person, (batch, line, _) in list(self.model.at_bank.items()):
            if (batch, line) == (item.batch_no, item.line_no) and item.kind == "wrong_amount":
                del self.model.at_bank[person]

    @invariant()
    def the_books_agree(self) -> None:
        with self.county.work() as uow:
            found = balances(uow, self.people)
            held = {n: sum(parts.values()) for n, parts in found.items()}
            assert held == {n: self.model.paid.get(n, 0) for n in self.people}
            for account, expected in (
                ("income_account", self.model.income),
                ("unmatched_money", -self.model.suspense),
            ):
                summed = select(func.coalesce(func.sum(journal_lines.c.fen), 0))
                mine = summed.where(journal_lines.c.gl_account == account)
                assert uow.connection.execute(mine).scalar_one() == expected

    def teardown(self) -> None:
        with self.database, closing(self.county.office), self.county.work() as uow:
            assert [finding for finding in verify(uow) if not finding.ok] == []


def played(opened: Fresh) -> Season:
    """The machine over databases of this kind, in a class of its own: the kinds never mix."""
    machine: type[Season] = type("Played", (Season,), {"opened": staticmethod(opened)})
    return machine()


def test_random_seasons_agree_with_the_model(fresh_database: Fresh) -> None:
    found = settings(max_examples=EXAMPLES or 6, stateful_step_count=14, deadline=None)
    run_state_machine_as_test(lambda: played(fresh_database), settings=found)


def test_what_a_bank_takes_from_the_dead_is_nobodys_until_given_back(fresh_database: Fresh) -> None:
    """A season that chance finds rarely, on each database."""
    season = played(fresh_database)
    season.begin()
    season.present(crashes=False)
    for act in (
        lambda: season.die(0),
        lambda: season.answer(0, OK),
        lambda: season.pay_at_the_counter(0, crashes=False),
        season.give_back_what_is_in_doubt,
        lambda: season.answer(1, OK),
        lambda: season.die(1),
        lambda: season.present(crashes=False),
    ):
        act()
        season.the_books_agree()
    assert season.model.income == season.model.suspense == 0
    season.teardown()
