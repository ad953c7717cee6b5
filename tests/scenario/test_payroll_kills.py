"""Power cuts in the middle of a month: whatever step dies, done again it is done once.

The process that dies is a fork of this one with a connection of its own; it ends by SIGKILL after
some statements of the step, or when all is done and only the commit is missing.
"""

import os
import signal
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import event, func, select

from node.accounts.verify import verify
from node.core.db import make_engine
from node.payroll import service
from node.payroll.tables import lines, paid_lines, payments, runs
from tests.fixtures.county import closing, open_county
from tests.fixtures.payroll import Payers, open_payers

SEPTEMBER = date(2025, 9, 1)
SOON = 6
"""So many statements into a step: something is written, not everything."""


def dies(payers: Payers, url: str, act: Callable[[], object], *, at_commit: bool) -> None:
    """Let a fork do something and die of it."""
    child = os.fork()
    if not child:
        _do_and_die(payers, url, act, at_commit=at_commit)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def _do_and_die(payers: Payers, url: str, act: Callable[[], object], *, at_commit: bool) -> None:
    """Never returns: killed, or ended with a code the test does not expect."""
    try:
        keyring = payers.county.office.engine.dialect.wuji_keyring  # type: ignore[attr-defined]
        engine = payers.county.office.engine = make_engine(url, keyring)
        seen = iter(range(1, 10_000))

        def cut(*_args: object) -> None:
            if at_commit or next(seen) == SOON:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(engine, "commit" if at_commit else "before_cursor_execute", cut)
        act()
    finally:
        os._exit(3)


@pytest.mark.parametrize("at_commit", [False, True], ids=["midway", "at-the-commit"])
def test_a_month_survives_a_power_cut_at_every_step(migrated_url: str, at_commit: bool) -> None:
    county = open_county(migrated_url)
    with closing(county.office):
        payers = open_payers(county)
        county.on(date(2025, 8, 20))
        payers.pensioners(date(1950, 1, 1), date(1951, 1, 1))
        payers.pensioners(date(1965, 8, 10), years=15)
        county.on(date(2025, 9, 3))
        steps: list[Callable[[], object]] = [
            lambda: payers.compute(SEPTEMBER),
            lambda: _reviewed(payers),
            lambda: _approved(payers),
            lambda: payers.fund(1),
            lambda: payers.send(1),
            payers.answer,
            lambda: _settled(payers),
        ]
        for act in steps:
            payers.county.office.engine.dispose()  # a fork must not share a connection
            dies(payers, migrated_url, act, at_commit=at_commit)
            act()
        _is_whole(payers)


def _reviewed(payers: Payers) -> None:
    with payers.county.work(payers.reviewer) as uow:
        service.review(uow, 1)


def _approved(payers: Payers) -> None:
    with payers.county.work(payers.county.approver) as uow:
        service.approve(uow, 1)


def _settled(payers: Payers) -> None:
    with payers.county.work(payers.county.accountant) as uow:
        service.settle(uow, 1)


def _is_whole(payers: Payers) -> None:
    with payers.county.work() as uow:
        counts = [
            uow.connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (runs, payments, lines, paid_lines)
        ]
        assert counts == [1, 3, 17, 17]
        states = uow.connection.execute(select(payments.c.state).distinct()).scalars().all()
        assert states == ["paid"]
        assert all(each.ok for each in verify(uow))
