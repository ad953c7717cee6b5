"""A roll of 10,000 applicants, from the file to cases in the outbox of a village's store.

What is timed: a CSV in GBK is read, every row checked by the rules of the form, compared with who
is known and what is under way, numbered, stored encrypted and written to the outbox, in parts of a
thousand rows, each committed. Floor: the same file read by the `csv` module and put into one plain
table with `executemany`, as many rows a transaction; it checks nothing and encrypts nothing.
"""

import csv
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

from benchmarks.measure import Measure, timed
from node.core.work import UnitOfWork
from node.registry.citizen_number import check_character
from node.registry.roll_kept import PART, import_kept, keep_roll
from tests.fixtures.offices import VILLAGE, open_office, person
from tests.fixtures.schema import sqlite_copy, sqlite_template
from tiers import Role

HEAD = ("姓名", "公民身份号码", "户籍地址", "联系电话", "缴费档次")
FIRST_BORN, DAYS = date(1970, 1, 1), 9_000
HAN = 0x4E00


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Floor and import in turn, so that a noisy minute hits both."""
    count = 1_000 if quick else 10_000
    content = roll(count)
    taken, floors = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = sqlite_template(folder)
        for run in range(runs):
            floors.append(_floor(folder / f"floor-{run}.sqlite", content))
            taken.append(_import(sqlite_copy(template, folder / f"{run}.sqlite"), content, count))
    yield Measure(f"roll of {count:,} rows → cases", "s", taken, floors, "< 20 s")


def roll(count: int) -> bytes:
    """A CSV as a village's spreadsheet saves it: GBK, invented people."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    for number in range(count):
        born = FIRST_BORN + timedelta(number % DAYS)
        first = f"410199{born:%Y%m%d}{number // DAYS * 2 + 1:03d}"
        name = f"赵{chr(HAN + number % 5_000)}{chr(HAN + number // 5_000)}"
        row = (name, first + check_character(first), "中牟县韩寺镇荣庄村", "15412345678", "200")
        writer.writerow(row)
    return text.getvalue().encode("gb18030")


def _import(url: str, content: bytes, count: int) -> float:
    office = open_office(url, VILLAGE)
    coordinator = person("张协办", VILLAGE, Role.COORDINATOR)

    def work() -> AbstractContextManager[UnitOfWork]:
        return office.work(coordinator)

    with timed() as watch:
        with work() as uow:
            kept = keep_roll(uow, content, filename="roll.csv", village=VILLAGE)
        done = import_kept(work, kept.id, consent=True)
    office.engine.dispose()
    if done.accepted != count:
        raise AssertionError(f"{done.accepted} of {count} rows were accepted")
    return watch.seconds


def _floor(path: Path, content: bytes) -> float:
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("PRAGMA synchronous=FULL")
        store.execute("CREATE TABLE plain (name, number PRIMARY KEY, address, phone, grade)")
    with timed() as watch:
        rows = csv.reader(io.StringIO(content.decode("gb18030"), newline=""))
        next(rows)
        while part := list(islice(rows, PART)):
            with store:
                store.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?)", part)
    store.close()
    return watch.seconds
