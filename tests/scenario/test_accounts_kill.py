"""`kill -9` in the middle of a year end, or of a settled year's correction to another rate: started
again, the books are as if it had never been.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event, select

from node.accounts.models import (
    AccountClosing,
    InterestCorrection,
    InterestRun,
    JournalEntry,
    JournalLine,
    Posting,
    RateCorrection,
)
from node.accounts.rate_corrections import correct_rate
from node.accounts.year_end import close_year
from node.contributions.service import confirm_payments
from node.core.db import make_engine
from node.core.errors import Conflict
from node.core.personal import Keyring
from node.core.work import UnitOfWork
from tests.fixtures.county import COUNTY, County, closing, open_county, payment, publish_rate
from tests.fixtures.offices import Office
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode

NEW_YEAR = date(2026, 1, 5)
BOOKS = (
    AccountClosing,
    InterestRun,
    InterestCorrection,
    RateCorrection,
    JournalEntry,
    JournalLine,
    Posting,
)

STEPS = (
    "INSERT INTO account_closing",
    "INSERT INTO posting",
    "INSERT INTO sync_outbox",
    "INSERT INTO journal_entry",
)
CORRECTING = (
    "INSERT INTO interest_correction",
    "INSERT INTO posting",
    "INSERT INTO rate_correction",
    "INSERT INTO sync_outbox",
    "INSERT INTO journal_entry",
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def paid(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A county whose people have paid and whose year is over: the kind of database, its URL."""
    url = str(request.getfixturevalue(f"migrated_{request.param}_url"))
    county = open_county(url)
    with closing(county.office):
        accounts = county.enrol(*[date(1970 + n, 1, 1) for n in range(5)])
        county.on(NEW_YEAR)
        publish_rate(county, 2025)
        with county.work(county.accountant) as uow:
            confirm_payments(
                uow,
                [
                    payment(number, reference=f"R{number}", paid_on=date(2025, number, 5))
                    for number in accounts
                ],
            )
    return str(request.param), url


@contextmanager
def with_copy(request: pytest.FixtureRequest, kind: str, url: str) -> Iterator[tuple[str, str]]:
    """Two copies of one county: to be killed, and undisturbed."""
    if kind == "sqlite":
        file = Path(url.removeprefix("sqlite:///"))
        yield url, sqlite_copy(file, file.with_name("undisturbed.sqlite"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(template=url.partition("?")[0].rpartition("/")[2]) as copy:
        yield url, copy


def opened(url: str) -> County:
    office = Office(RegionCode(COUNTY), make_engine(url, Keyring.generate()))
    return County(office).on(NEW_YEAR)


def books(county: County) -> list[list[tuple[object, ...]]]:
    found = []
    with county.work(writing=False) as uow:
        for table in BOOKS:
            columns = table.__table__  # type: ignore[attr-defined]
            rows = select(*columns.c).order_by(*columns.primary_key)
            found.append([tuple(row) for row in uow.connection.execute(rows)])
    return found


def run_and_die(url: str, step: str, act: Callable[[UnitOfWork], object]) -> int:
    """Begin in a child that kills itself right after a statement; its exit signal."""
    child = os.fork()
    if child:
        return os.WTERMSIG(os.waitpid(child, 0)[1])
    county = opened(url)

    def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.strip().startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(county.office.engine, "after_cursor_execute", die)
    with county.work() as uow:
        act(uow)
    os._exit(0)  # never reached when the step exists


def test_a_year_end_killed_again_and_again_ends_as_an_undisturbed_one(
    request: pytest.FixtureRequest, paid: tuple[str, str]
) -> None:
    with with_copy(request, *paid) as (killed, undisturbed):
        for step in STEPS:
            signalled = run_and_die(killed, step, lambda uow: close_year(uow, 2025))
            assert signalled == signal.SIGKILL, step
        found = []
        for url in (killed, undisturbed):
            county = opened(url)
            with closing(county.office):
                before = books(county)
                for _ in range(2):
                    with county.work() as uow:
                        close_year(uow, 2025)
                found.append((before, books(county)))
    assert found[0] == found[1]
    assert len(found[0][1][0]) == 5  # a closing for each of the five


def test_a_rate_correction_killed_again_and_again_ends_as_an_undisturbed_one(
    request: pytest.FixtureRequest, paid: tuple[str, str]
) -> None:
    county = opened(paid[1])
    with closing(county.office):
        with county.work() as uow:
            close_year(uow, 2025)
        publish_rate(county, 2025, ppm=31_300)
    with with_copy(request, *paid) as (killed, undisturbed):
        for step in CORRECTING:
            signalled = run_and_die(killed, step, lambda uow: correct_rate(uow, 2025))
            assert signalled == signal.SIGKILL, step
        found = []
        for url in (killed, undisturbed):
            county = opened(url)
            with closing(county.office):
                before = books(county)
                with county.work() as uow:
                    assert correct_rate(uow, 2025).accounts == 5
                with county.work() as uow, pytest.raises(Conflict, match="没有变动"):
                    correct_rate(uow, 2025)
                found.append((before, books(county)))
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
