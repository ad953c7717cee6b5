"""A year of pensions against a model of a few lines that knows nothing of runs.

Whatever comes in whatever order (claims, standards raised backwards, suspensions, deaths reported
late, failed and unclear lines, files that come twice, money that comes back, crashes), every month
of everybody is paid once and in full, and the books balance.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path

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
from sqlalchemy import func, select

from node.accounts.verify import verify
from node.banking.rules import LineState
from node.banking.service import take_result
from node.benefits.codes import SuspensionReason
from node.benefits.life import Pause, resume, suspend
from node.benefits.rates import redetermine
from node.benefits.rules import months_back, next_month
from node.core.errors import Invalid
from node.payroll import service
from node.payroll.bank import prepare_again
from node.payroll.death import Death, end_by_death
from node.payroll.tables import paid_lines
from tests.fixtures.banking import WORKBOOK
from tests.fixtures.county import closing, open_county, publish
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy

FIRST = date(2025, 9, 1)
BASE = 11_300


class _PowerCutError(Exception):
    """The machine has lost power."""


def _cut() -> None:
    raise _PowerCutError


@dataclass
class Life:
    """What the model knows of one pension."""

    due_from: date
    paid: dict[date, int] = field(default_factory=dict)
    stopped: list[tuple[date, date | None, bool]] = field(default_factory=list)
    last: date | None = None

    def is_due(self, month: date) -> bool:
        if month < self.due_from or (self.last and month > self.last):
            return False
        for begun, ended, pays_back in self.stopped:
            if ended is None and month >= begun:
                return False
            if ended is not None and not pays_back and begun <= month <= ended:
                return False
        return True

    @property
    def is_stopped(self) -> bool:
        return any(ended is None for _, ended, _ in self.stopped)


class PensionYear(RuleBasedStateMachine):
    """The county does everything through its services; the model keeps two dictionaries."""

    template: Path
    folder: Path
    made = 0

    @initialize()
    def open(self) -> None:
        PensionYear.made += 1
        county = open_county(sqlite_copy(self.template, self.folder / f"{self.made}.sqlite"))
        self.payers: Payers = open_payers(county)
        self.held = closing(county.office)
        self.held.__enter__()
        self.month = FIRST
        self.payers.county.on(date(2025, 8, 20))
        self.lives: dict[str, Life] = {}
        self.bases: list[tuple[date, int]] = [(date(2024, 1, 1), BASE)]
        self.last_file = b""
        self.claim()

    def teardown(self) -> None:
        if hasattr(self, "held"):
            self.held.__exit__(None, None, None)

    def base(self, month: date) -> int:
        return max(
            (begin, -place, fen)
            for place, (begin, fen) in enumerate(self.bases, 0)
            if begin <= month
        )[2]

    def due(self, life: Life, month: date) -> int:
        return self.base(month) if life.is_due(month) else 0

    @rule()
    def claim(self) -> None:
        (one,) = self.payers.pensioners(date(1950, 1, 1))
        self.lives[one] = Life(date(2025, 2, 1))

    @rule(back=st.integers(0, 4), more=st.integers(1, 900))
    def raise_standard(self, back: int, more: int) -> None:
        begin = months_back(self.month, back)
        fen = max(fen for _, fen in self.bases) + more
        self.bases = [(b, f) for b, f in self.bases if b != begin]
        self.bases.append((begin, fen))
        publish(self.payers.county, "base_pension", {"monthly_fen": fen}, effective_from=begin)
        with self.payers.county.work(self.payers.county.approver) as uow:
            redetermine(uow, from_month=begin, through_month=self.month, reason="调标")

    @precondition(lambda self: any(not x.is_stopped and not x.last for x in self.lives.values()))
    @rule(data=st.data(), reason=st.sampled_from(list(SuspensionReason)))
    def suspend(self, data: st.DataObject, reason: SuspensionReason) -> None:
        able = [key for key, x in self.lives.items() if not x.is_stopped and not x.last]
        one = data.draw(st.sampled_from(able))
        with self.payers.county.work(self.payers.county.approver) as uow:
            suspend(uow, [Pause(one, reason, self.month)])
        self.lives[one].stopped.append((self.month, None, reason.pays_back))

    @precondition(lambda self: any(x.is_stopped and not x.last for x in self.lives.values()))
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        able = [key for key, x in self.lives.items() if x.is_stopped and not x.last]
        one = data.draw(st.sampled_from(able))
        with self.payers.county.work(self.payers.county.approver) as uow:
            resume(uow, one, from_month=self.month)
        begun, _, back = self.lives[one].stopped.pop()
        if begun < self.month:
            self.lives[one].stopped.append((begun, months_back(self.month, 1), back))

    @precondition(lambda self: any(not x.last for x in self.lives.values()))
    @rule(data=st.data(), back=st.integers(0, 2))
    def die(self, data: st.DataObject, back: int) -> None:
        able = [key for key, x in self.lives.items() if not x.last]
        one = data.draw(st.sampled_from(able))
        life = self.lives[one]
        on = max(months_back(self.month, back + 1), date(2025, 3, 1)).replace(day=14)
        with self.payers.county.work(self.payers.county.approver) as uow:
            found = end_by_death(uow, Death(one, on, "继承人", "6217000099990001"))
        life.last = on.replace(day=1)
        life.stopped = [
            (begun, ended or max(life.last, begun), back_) for begun, ended, back_ in life.stopped
        ]
        over = sum(fen for month, fen in life.paid.items() if month > life.last)
        assert found.set_off_account + found.set_off_funeral + found.claim_left == over

    @rule(data=st.data(), crash=st.booleans())
    def run_month(self, data: st.DataObject, crash: bool) -> None:
        self.payers.county.on(self.month.replace(day=3))
        if crash:
            self._crash()
        said = {
            one: data.draw(st.sampled_from([*LineState][2:]), label="bank") for one in self.lives
        }
        try:
            run = self.payers.approve(self.month)
        except Invalid:
            self.month = next_month(self.month)
            return
        self.payers.fund(run.run_no)
        self.payers.send(run.run_no)
        returned = [one for one, state in said.items() if state is LineState.RETURNED]
        first = {one: s for one, s in said.items() if s is not LineState.RETURNED}
        self.last_file = self.payers.answer(first)
        if returned and not self.payers.bounce(*returned):
            returned = []  # they were not in this run
        self.payers.answer()  # what was unclear is settled
        self._again(run.run_no, returned)
        with self.payers.county.work(self.payers.county.accountant) as uow:
            service.settle(uow, run.run_no)
        failed = {one for one, state in said.items() if state is LineState.FAILED}
        for one, life in self.lives.items():
            if returned or one not in failed:  # whoever failed is tried again with those
                self._paid(life)
        self.month = next_month(self.month)

    def _again(self, run_no: int, returned: list[str]) -> None:
        """What came back is paid again; what failed stays failed until it is carried."""
        if not returned:
            return
        with self.payers.county.work(self.payers.county.accountant) as uow:
            try:
                prepare_again(uow, run_no)
            except Invalid:
                return
        self.payers.send(run_no)
        self.payers.answer()

    def _paid(self, life: Life) -> None:
        month = life.due_from
        while month <= self.month:
            life.paid[month] = max(life.paid.get(month, 0), self.due(life, month))
            month = next_month(month)

    def _crash(self) -> None:
        """The machine dies after everything was done and before it was committed."""
        with suppress(_PowerCutError, Invalid), self.payers.county.work(self.payers.officer) as uow:
            service.compute(uow, self.month)
            _cut()

    @precondition(lambda self: self.last_file)
    @rule()
    def the_file_comes_again(self) -> None:
        with self.payers.county.work(self.payers.county.accountant) as uow:
            name = "代发回盘009999-01-1.xlsx"
            again = take_result(uow, WORKBOOK, BytesIO(self.last_file), file_name=name)
            assert again.is_duplicate

    @invariant()
    def every_month_is_paid_once_and_in_full(self) -> None:
        if not hasattr(self, "lives"):
            return
        with self.payers.county.work() as uow:
            rows = uow.connection.execute(
                select(paid_lines.c.entitlement_id, paid_lines.c.month, func.sum(paid_lines.c.fen))
                .where(paid_lines.c.kind == "pension", paid_lines.c.bounced_on.is_(None))
                .group_by(paid_lines.c.entitlement_id, paid_lines.c.month)
            ).all()
            assert all(each.ok for each in verify(uow))
        actual = {(one, month): int(fen) for one, month, fen in rows}
        expected = {
            (one, month): fen
            for one, life in self.lives.items()
            for month, fen in life.paid.items()
            if fen
        }
        assert actual == expected


def test_any_year_pays_every_month_once_and_in_full(migrated_sqlite: Path, tmp_path: Path) -> None:
    PensionYear.template, PensionYear.folder = migrated_sqlite, tmp_path
    run_state_machine_as_test(
        PensionYear, settings=settings(max_examples=3, stateful_step_count=8, deadline=None)
    )
