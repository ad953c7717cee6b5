"""The power fails while a bank's file is booked: taken again, the books are as if it had not."""

import shutil
import signal
import subprocess
import sys
from datetime import date
from io import BytesIO
from pathlib import Path

from sqlalchemy import Engine, text

from node.banking.service import Totals, take_result
from node.core.db import make_engine
from node.core.personal import Keyring
from tests.fixtures.banking import SUCCESS, TEXT, text_file
from tests.fixtures.collecting import ordered, presented, said, with_cards
from tests.fixtures.county import COUNTY, County, closing, open_county
from tests.fixtures.offices import Office
from tiers import RegionCode

PEOPLE = 40
TABLES = {
    "contribution": "account_no, for_year, fen, reference, paid_on, entry_no, line_no",
    "posting": "entry_no, line_no, account_no, source, kind, fen, year, month",
    "journal_line": "entry_no, line_no, gl_account, fen",
    "bank_line": "batch_no, line_no, state, code, bank_reference",
    "bank_result": "result_no, content_hash, lines, fen",
    "unmatched_money": "item_no, kind, origin, fen, entry_no",
    "counter": "name, value",
}

CHILD = """
import sys
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from node.banking.events import RESULT_TAKEN
from node.banking.service import Totals, take_result
from node.contributions.capability import CAPABILITY
from node.core.db import make_engine
from node.core.personal import Keyring
from node.core.work import machine, unit_of_work
from tiers import RegionCode

url, file, lines, fen = sys.argv[1:]
book = RESULT_TAKEN[CAPABILITY.name]

def book_and_wait(uow, number):
    book(uow, number)
    uow.session.flush()
    print("booked", flush=True)
    time.sleep(60)

RESULT_TAKEN[CAPABILITY.name] = book_and_wait
county = RegionCode("410122000000")
now = datetime(2025, 9, 1, 2, tzinfo=UTC)
with unit_of_work(
    make_engine(url, Keyring.generate()), actor=machine(county), node=county, now=now
) as uow:
    totals = Totals(int(lines), int(fen))
    content = BytesIO(Path(file).read_bytes())
    take_result(uow, "rural_credit", content, file_name=sys.argv[2].split("/")[-1], totals=totals)
"""


def books(engine: Engine) -> dict[str, list[object]]:
    """What the books say, without when it was said."""
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT {names} FROM {table}"))))
            for table, names in TABLES.items()
        }


def take(engine: Engine, content: bytes, totals: Totals) -> None:
    county = County(Office(RegionCode(COUNTY), engine)).on(date(2025, 9, 1))
    with county.work() as uow:
        take_result(uow, TEXT, BytesIO(content), file_name=SUCCESS, totals=totals)


def test_a_kill_in_a_bank_file_leaves_nothing(migrated_sqlite_url: str, tmp_path: Path) -> None:
    county = open_county(migrated_sqlite_url).on(date(2025, 9, 1))
    with_cards(county, PEOPLE)
    ordered(county)
    rows = said(county, presented(county))
    rows.append((1, 99, "过路人", 123, "AAAAAAA"))
    content, totals = text_file(rows), Totals(len(rows), sum(row[3] for row in rows))
    with county.office.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(county.office):
        before = books(county.office.engine)
    file = Path(migrated_sqlite_url.removeprefix("sqlite:///"))
    calm = tmp_path / "calm.sqlite"
    shutil.copyfile(file, calm)

    result = tmp_path / SUCCESS
    result.write_bytes(content)
    arguments = [migrated_sqlite_url, str(result), str(totals.lines), str(totals.fen)]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "booked\n"
        child.send_signal(signal.SIGKILL)
        child.wait(30)

    disturbed = make_engine(migrated_sqlite_url, Keyring.generate())
    undisturbed = make_engine(f"sqlite:///{calm}", Keyring.generate())
    assert books(disturbed) == before
    take(disturbed, content, totals)
    take(undisturbed, content, totals)
    assert books(disturbed) == books(undisturbed) != before
    disturbed.dispose()
    undisturbed.dispose()
