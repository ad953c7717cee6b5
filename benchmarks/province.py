"""What a director sees, and what is done at night, on a Postgres that holds a province's facts.

The real application answers (`benchmarks.province_facts` says what it holds); a page is timed from
the request to the last byte. `python -m benchmarks.province PEOPLE` measures another size.
"""

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.measure import Measure, SkippedError, machine, row, table, timed
from benchmarks.province_facts import LARGE, POSTINGS_EACH, fill
from node.core.db import writing
from node.core.divisions import store_divisions
from node.quality.check import check
from node.scaling import partition_by_county
from node.statistics.cells import counties_held, refresh
from node.statistics.stale import mark_everything
from tests.fixtures.postgres import PostgresMissingError, private_server
from tests.fixtures.schema import migrated
from tests.fixtures.sites import Browser, Clock, Site, open_site
from tiers import RegionCode, Role

PEOPLE = 200_000
PROVINCE = "410000000000"
CITY, TOWNSHIP = "410100000000", "410122101000"
MIB = 1_024
PAGE = "≤ 300 ms"
TURNS = 5
IN_PARTS_PER_HUNDRED = 100
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """The whole life of one province: loaded, counted, looked at, checked."""
    yield from of_size(PEOPLE // 10 if quick else PEOPLE, runs)


def of_size(people: int, runs: int) -> Iterator[Measure]:
    """The same for so many people."""
    try:
        with _province(people) as (site, took):
            named = f"{people:,} people, {people * POSTINGS_EACH:,} postings"
            yield Measure(f"province of {named}, loaded", "s", [took])
            yield from _counted(site, people, runs)
            director = site.browser("director", Role.STATISTICIAN, Role.QUALITY_SUPERVISOR)
            yield from _checked(site, people)  # first: pages show what it found
            yield from _pages(site, director, runs, "page: ")
            with timed() as watch:
                rows = sum(moved for _, moved in partition_by_county(site.node))
            _vacuum(site.node.engine)
            yield Measure(f"partitioned by county, {rows:,} rows", "s", [watch.seconds])
            yield from _pages(site, director, runs, "partitioned: ")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
            yield Measure("… memory of the program at its peak", "MiB", [peak])
    except PostgresMissingError as missing:
        raise SkippedError(str(missing)) from missing


@contextmanager
def _province(people: int) -> Iterator[tuple[Site, float]]:
    clock = Clock(datetime(2027, 1, 10, 1, tzinfo=UTC))
    with (
        private_server(fsync=True, **SETTINGS) as server,
        server.database() as url,
        tempfile.TemporaryDirectory(prefix="wuji-bench-") as folder,
    ):
        migrated(url)
        site = open_site(PROVINCE, url=url, folder=Path(folder), clock=clock)
        site.replica.found(node=PROVINCE, level="province")
        store_divisions(site.node.engine, RegionCode(PROVINCE))
        site.node.refresh_places()
        with timed() as watch:
            with writing(site.node.engine) as connection:
                fill(connection, site.node.places, site.node.keyring, people)
            _vacuum(site.node.engine)
        try:
            yield site, watch.seconds
        finally:
            site.close()


def _vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _counted(site: Site, people: int, runs: int) -> Iterator[Measure]:
    """From nothing; all again; what a hundredth of the counties changed; what one batch changed."""
    whole = _refreshed(site, lambda counties: counties)
    _vacuum(site.node.engine)
    yield Measure("statistics of everything, from nothing", "s", [whole])
    yield Measure("… a million people", "s", [whole / people * 1e6])
    again = [_refreshed(site, lambda counties: counties)]
    _vacuum(site.node.engine)
    some = [_refreshed(site, _a_hundredth) for _ in range(runs)]
    yield Measure("statistics again, of 1 % of the counties", "s", some, again, "≤ 0.05")
    one = [_refreshed(site, lambda _counties: [RegionCode(LARGE)]) for _ in range(runs)]
    yield Measure("statistics again, of the large county", "s", one)


def _a_hundredth(counties: list[RegionCode]) -> list[RegionCode]:
    small = [county for county in counties if str(county) != LARGE]
    return small[: max(1, len(counties) // IN_PARTS_PER_HUNDRED)]


def _refreshed(site: Site, chosen: Callable[[list[RegionCode]], list[RegionCode]]) -> float:
    with site.node.work() as uow:
        mark_everything(uow, chosen(counties_held(uow)))
    with timed() as watch, site.node.work() as uow:
        refresh(uow)
    return watch.seconds


def _pages(site: Site, director: Browser, runs: int, said: str) -> Iterator[Measure]:
    """Down from the province to the postings of one account, as a statistician clicks."""
    with site.node.engine.connect() as connection:
        village, account = connection.execute(
            text("SELECT village, account_no FROM account WHERE county_code = :c LIMIT 1"),
            {"c": LARGE},
        ).one()
    period = "year=2026&month=3"
    below = f"/statistics/behind?region={village}&{period}"
    for name, path in (
        ("overview of the province", f"/statistics?{period}&measure=balance_fen"),
        ("… its year", "/statistics?year=2026"),
        ("… by age", "/statistics/shares?year=2026&dimension=born"),
        ("a city", f"/statistics?region={CITY}&{period}"),
        ("the large county", f"/statistics?region={LARGE}&{period}"),
        ("a township of it", f"/statistics?region={TOWNSHIP}&{period}"),
        ("a village of it", f"/statistics?region={village}&{period}"),
        ("people behind its enrolled", f"{below}&measure=enrolled"),
        ("pensions behind its monthly sum", f"{below}&measure=monthly_fen"),
        ("payers behind its payers", f"{below}&measure=payers"),
        ("postings behind its contributions", f"{below}&measure=contributions_fen"),
        ("accounts behind its balances", f"{below}&measure=balance_fen"),
        ("postings of one account", f"{below}&measure=balance_fen&account={account}"),
        ("findings of the province", "/quality"),
        ("assessment of the province", "/assessment"),
    ):
        yield Measure(f"{said}{name}", "ms", _timed_page(director, path, runs), target=PAGE)


def _timed_page(browser: Browser, path: str, runs: int) -> list[float]:
    taken = []
    for _ in range(TURNS if runs > 1 else 1 + runs):
        with timed() as watch:
            answer = browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        taken.append(1_000 * watch.seconds)
    return taken


def _checked(site: Site, people: int) -> Iterator[Measure]:
    with timed() as watch, site.node.work() as uow:
        found = check(uow)
    assert found == 0, f"the facts contradict each other: {found} findings"
    yield Measure("nightly check of quality, every rule", "s", [watch.seconds])
    per_million = watch.seconds / people * 1e6
    yield Measure("… 5 million people, by that", "s", [5 * per_million], target="≤ 600 s")


def main() -> None:
    """Measure one size, and say where."""
    print(machine())
    found = of_size(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE, 3)
    rows = []
    for each in found:
        rows.append(row(each))
        print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
