"""Year-end interest of 500,000 accounts, two sources each, against the same arithmetic as bare SQL.

What is timed is one call, committed: closings, interest postings, the voucher, the check against
the control account, and what the other tiers are told (up and down, written to the outbox).
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlmodel import Session

from benchmarks import interest_floor as floor
from benchmarks.ledger import COUNTY, RATE_PPM, YEAR, fill
from benchmarks.measure import Measure, SkippedError, timed
from node.accounts.year_end import close_year
from node.core.db import make_engine, writing
from node.core.personal import Keyring
from node.core.work import machine, unit_of_work
from node.policy.models import Bulletin
from tests.fixtures.postgres import PostgresMissingError, postgres_server
from tests.fixtures.schema import migrated
from tiers import RegionCode

ACCOUNTS = 500_000
NEW_YEAR = datetime(YEAR + 1, 1, 2, tzinfo=UTC)

Copies = Callable[[], AbstractContextManager[str]]
"""Each call gives the URL of a fresh copy of the filled database."""


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """SQLite, then Postgres, each against both floors."""
    accounts = ACCOUNTS // 10 if quick else ACCOUNTS
    with sqlite_copies(accounts) as copies:
        yield from _compare(f"interest, {accounts:,} accounts, SQLite", copies, runs)
    try:
        with _postgres(accounts) as copies:
            yield from _compare(f"interest, {accounts:,} accounts, Postgres", copies, runs)
    except PostgresMissingError as missing:
        raise SkippedError(str(missing)) from missing


def _compare(name: str, copies: Copies, runs: int) -> Iterator[Measure]:
    ours, bare, posted = [], [], []
    for _ in range(runs):
        with _copy(copies) as engine:
            with timed() as watch:
                floor.settle_and_post(engine)
            posted.append(watch.seconds)
        with _copy(copies) as engine:
            floor.prepare(engine)
            with timed() as watch:
                floor.settle(engine)
            bare.append(watch.seconds)
            with timed() as watch:
                found = settled(engine)
            ours.append(watch.seconds)
            assert found == floor.total(engine), "the program and bare SQL differ"
    yield Measure(name, "s", ours, bare, "≤ 2.00")
    yield Measure("… against bare SQL that keeps books", "s", ours, posted)


@contextmanager
def _copy(copies: Copies) -> Iterator[Engine]:
    with copies() as url:
        engine = make_engine(url, Keyring.generate())
        yield engine
        engine.dispose()


def settled(engine: Engine) -> int:
    """Let the program close the year; all interest in fen."""
    county = RegionCode(COUNTY)
    with unit_of_work(engine, actor=machine(county), node=county, now=NEW_YEAR) as uow:
        return close_year(uow, YEAR).interest_fen


@contextmanager
def sqlite_copies(accounts: int) -> Iterator[Copies]:
    """Copies of one filled file."""
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        filled = Path(name) / "filled.sqlite"
        _fill(f"sqlite:///{filled}", accounts)

        @contextmanager
        def copies() -> Iterator[str]:
            with tempfile.TemporaryDirectory(dir=name) as place:
                copy = shutil.copyfile(filled, Path(place) / "copy.sqlite")
                yield f"sqlite:///{copy}"

        yield copies


@contextmanager
def _postgres(accounts: int) -> Iterator[Copies]:
    with postgres_server(fsync=True) as server, server.database() as url:
        _fill(url, accounts)
        template = url.partition("?")[0].rpartition("/")[2]
        yield lambda: server.database(template=template)


def _fill(url: str, accounts: int) -> None:
    migrated(url)
    engine = make_engine(url, Keyring.generate())
    with writing(engine) as connection:
        fill(connection, accounts)
    with Session(engine) as session:
        session.add(_bulletin())
        session.commit()
    if engine.dialect.name == "postgresql":  # the copies start with what autovacuum would do
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _bulletin() -> Bulletin:
    return Bulletin(
        id="bulletin-rate",
        number="示例〔2026〕1号",
        kind="account_interest_rate",
        title="记账利率",
        region="410000000000",
        effective_from=date(YEAR, 1, 1),
        body={"year": YEAR, "rate_ppm": RATE_PPM, "interest_lag_months": floor.LAG},
        status="published",
        drafted_by="bench",
        drafted_at=NEW_YEAR,
        published_by="bench",
        published_at=NEW_YEAR,
    )
