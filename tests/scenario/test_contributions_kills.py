"""`kill -9` while a bank's file is booked: taken again, the books are as if it had never been."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from node.banking.service import Totals, take_result
from node.core.db import make_engine
from node.core.personal import Keyring
from tests.fixtures.banking import SUCCESS, TEXT, text_file
from tests.fixtures.collecting import ordered, presented, said, with_cards
from tests.fixtures.county import COUNTY, County, closing, open_county
from tests.fixtures.offices import Office
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode

PEOPLE = 40
AUTUMN = date(2025, 9, 1)
TABLES = {
    "contribution": "account_no, for_year, fen, reference, paid_on, entry_no, line_no",
    "posting": "entry_no, line_no, account_no, source, kind, fen, year, month",
    "journal_line": "entry_no, line_no, gl_account, fen",
    "bank_line": "batch_no, line_no, state, code, bank_reference",
    "bank_result": "result_no, content_hash, lines, fen",
    "bank_result_line": "result_no, row_no, outcome",
    "unmatched_money": "item_no, kind, origin, fen, entry_no",
    "counter": "name, value",
}
STEPS = (
    "INSERT INTO bank_result_line",
    "INSERT INTO bank_result ",
    "UPDATE bank_line",
    "INSERT INTO contribution ",
    "INSERT INTO posting",
    "INSERT INTO journal_entry",
    "INSERT INTO unmatched_money",
    "INSERT INTO sync_outbox",
)


@dataclass(frozen=True)
class Answered:
    """Two copies of a county whose bank has answered, and what it says."""

    killed: str
    undisturbed: str
    content: bytes
    totals: Totals


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def answer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answered]:
    url = str(request.getfixturevalue(f"migrated_{request.param}_url"))
    county = open_county(url).on(AUTUMN)
    with closing(county.office):
        with_cards(county, PEOPLE)
        ordered(county)
        rows = said(county, presented(county))
    rows.append((1, 99, "过路人", 123, "AAAAAAA"))
    content, totals = text_file(rows), Totals(len(rows), sum(row[3] for row in rows))
    if request.param == "sqlite":
        copy = sqlite_copy(Path(url.removeprefix("sqlite:///")), tmp_path / "calm.sqlite")
        yield Answered(url, copy, content, totals)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(template=url.partition("?")[0].rpartition("/")[2]) as copy:
        yield Answered(url, copy, content, totals)


def books(engine: Engine) -> dict[str, list[object]]:
    """What the books say, without when it was said."""
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT {names} FROM {table}"))))
            for table, names in TABLES.items()
        }


def take(engine: Engine, answer: Answered) -> None:
    county = County(Office(RegionCode(COUNTY), engine)).on(AUTUMN)
    with county.work() as uow:
        content = BytesIO(answer.content)
        take_result(uow, TEXT, content, file_name=SUCCESS, totals=answer.totals)


def take_and_die(answer: Answered, step: str) -> int:
    """Take the file in a child that kills itself right after a statement; its exit signal."""
    child = os.fork()
    if child:
        return os.WTERMSIG(os.waitpid(child, 0)[1])
    engine = make_engine(answer.killed, Keyring.generate())

    def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.strip().startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "after_cursor_execute", die)
    take(engine, answer)
    os._exit(0)  # never reached when the step exists


def test_a_bank_file_killed_again_and_again_is_booked_as_an_undisturbed_one(
    answer: Answered,
) -> None:
    disturbed = make_engine(answer.killed, Keyring.generate())
    before = books(disturbed)
    disturbed.dispose()
    for step in STEPS:
        assert take_and_die(answer, step) == signal.SIGKILL, step
        assert books(disturbed) == before, step
        disturbed.dispose()
    undisturbed = make_engine(answer.undisturbed, Keyring.generate())
    for engine in (disturbed, undisturbed):
        take(engine, answer)
    assert books(disturbed) == books(undisturbed) != before
    for engine in (disturbed, undisturbed):
        engine.dispose()
