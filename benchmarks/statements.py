"""A village's statements as one PDF: when the first page is there, all pages, and the memory.

The floor is what one would write first: the same sheets through fpdf2, which puts the document out
when the last page is drawn. It draws a tenth of the people, for it takes its time.
"""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

from sqlmodel import select

from benchmarks.measure import Measure
from node.accounts.models import Account
from node.accounts.statement import statement
from node.accounts.statement_paper import Letterhead, draw, village_statements
from node.accounts.year_end import close_year
from node.core.divisions import Places
from node.core.paper import Paper
from node.registry.models import Person
from tests.fixtures.county import VILLAGE as PLACE
from tests.fixtures.county import County, closing, confirm_years, open_county, payment, publish_rate
from tests.fixtures.schema import migrated
from tiers import RegionCode

PEOPLE = 1_000
YEAR = 2025
VILLAGE = RegionCode(PLACE)
HEAD = Letterhead("示例县城乡居保中心", "2026-01-05", Places({}, {}))
MIB = 1_024


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """First page, all pages, peak memory; then against fpdf2."""
    people = PEOPLE // 10 if quick else PEOPLE
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        url = f"sqlite:///{Path(name) / 'county.sqlite'}"
        migrated(url)
        county = open_county(url)
        with closing(county.office):
            _fill(county, people)
            first, whole, few, floor = [], [], [], []
            for _ in range(runs):
                started = time.perf_counter()
                sent = _sent(county)
                next(sent), next(sent)
                first.append(1_000 * (time.perf_counter() - started))
                for _more in sent:
                    pass
                whole.append(time.perf_counter() - started)
                few.append(_timed_streamed(county, people // 10))
                floor.append(_timed_fpdf(county, people // 10))
            peaks = [_peak(county) for _ in range(runs)]
    yield Measure(f"statements of {people:,} people, first page", "ms", first, target="≤ 500 ms")
    yield Measure("… all pages", "s", whole)
    yield Measure("… memory of the process at its peak", "MiB", peaks, target="≤ 300 MiB")
    yield Measure(f"drawing {people // 10:,} of them, floor: fpdf2", "s", few, floor, "≤ 1.00")


def _fill(county: County, people: int) -> None:
    accounts = county.enrol(*[date(1970, 1 + n % 12, 1 + n % 28) for n in range(people)])
    county.on(date(2026, 1, 5))
    publish_rate(county, YEAR)
    for year in range(2016, YEAR + 1):
        paid = [payment(n, for_year=year, paid_on=date(YEAR, year - 2014, 5)) for n in accounts]
        with county.work(county.accountant) as uow:
            confirm_years(uow, paid)
    with county.work() as uow:
        close_year(uow, YEAR)


def _sent(county: County) -> Iterator[bytes]:
    return village_statements(lambda: county.work(writing=False), HEAD, VILLAGE, YEAR)


def _timed_streamed(county: County, people: int) -> float:
    sent = _sent(county)
    started = time.perf_counter()
    for _ in range(people):
        next(sent)
    return time.perf_counter() - started


def _timed_fpdf(county: County, people: int) -> float:
    started = time.perf_counter()
    paper = Paper("对账单")
    sheets = cast("Any", paper)
    sheets.begin = paper.new_page
    with county.work(writing=False) as uow:
        accounts = select(Account).where(Account.village == PLACE).limit(people)
        for account in uow.session.exec(accounts):
            person = uow.get(Person, account.county_code, account.person_id)
            draw(sheets, HEAD, person, statement(uow, account, YEAR))
    paper.bytes()
    return time.perf_counter() - started


def _peak(county: County) -> float:
    """The peak of a process that does nothing else, with what it was born with, in MiB."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        county.office.engine.dispose(close=False)
        for _page in _sent(county):
            pass
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
        os.write(writing, f"{peak}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = float(pipe.read())
    os.waitpid(child, 0)
    return found
