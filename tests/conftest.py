"""Fixtures every test may ask for. The machinery is in `tests/fixtures`, free of pytest."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Page

from tests.fixtures.browser import find_chromium, fresh_page, launched
from tests.fixtures.ports import free_ports
from tests.fixtures.postgres import PostgresMissingError, PostgresServer, postgres_server
from tests.fixtures.presence import absent
from tests.fixtures.schema import (
    Fresh,
    postgres_template,
    sqlite_copy,
    sqlite_database,
    sqlite_template,
)

if TYPE_CHECKING:
    from tests.fixtures.network import Played

# No deadline: two cores are shared, and a slow example is no wrong example.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, max_examples=100, print_blob=True
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)

NEEDS = {"postgres": "postgres", "browser": "browser"}  # fixture: marker


MEMORY = Path("/dev/shm")  # noqa: S108  # where Linux keeps files in memory
ROOM = 6 * 2**30  # bytes; a whole run leaves some 3 GB


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """A run that left something out says what and why, whatever flags it was given."""
    if "s" not in config.option.reportchars:
        config.option.reportchars += "s"
    if not hasattr(config, "workerinput"):  # workers inherit it
        _work_in_memory(config)


def _work_in_memory(config: pytest.Config) -> None:
    """Let databases of tests lie in memory, where there is room: every commit of a node waits for
    its disk, which is a quarter of the time of a run. Processes that are killed lose nothing there.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free < ROOM:
        return
    folder = tempfile.mkdtemp(prefix="wuji-", dir=MEMORY)
    Path(folder).chmod(0o755)  # Postgres runs as somebody else
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for the server or the browser carries its marker, so that `-m` is never wrong."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        for fixture, marker in NEEDS.items():
            if fixture in asked:
                item.add_marker(marker)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One private server for this worker; `postgres.database()` gives further databases."""
    try:
        with postgres_server() as server:
            yield server
    except PostgresMissingError as unavailable:
        absent(str(unavailable))


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty Postgres database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite file of this test's own, not yet there."""
    return f"sqlite:///{tmp_path / 'node.sqlite'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind: what must hold on both asks for this one."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    return sqlite_template(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> Iterator[str]:
    """The name of a migrated Postgres database, to be copied."""
    name = postgres_template(postgres)
    yield name
    postgres.drop_database(name)


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """An SQLite database at the newest migration, of this test's own."""
    return sqlite_copy(migrated_sqlite, tmp_path / "node.sqlite")


@pytest.fixture
def migrated_postgres_url(postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """A Postgres database at the newest migration, of this test's own."""
    with postgres.database(template=migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """A database at the newest migration, once of each kind."""
    return str(request.getfixturevalue(f"migrated_{request.param}_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def fresh_database(request: pytest.FixtureRequest) -> Fresh:
    """Opens migrated databases, one for each random example, once of each kind."""
    if request.param == "sqlite":
        return partial(sqlite_database, request.getfixturevalue("migrated_sqlite"))
    server: PostgresServer = request.getfixturevalue("postgres")
    return partial(server.database, template=request.getfixturevalue("migrated_postgres"))


@pytest.fixture
def loopback_ports() -> Callable[[int], list[int]]:
    """As many ports on 127.0.0.1 as asked for, all free and different."""
    return free_ports


def _shared_by_workers(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def founded_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five nodes that have joined and know the policy of the year, at rest, to be copied."""
    from tests.fixtures.network import founded  # noqa: PLC0415  # the whole program: 1 s

    return founded(_shared_by_workers(tmp_path_factory))


@pytest.fixture(scope="session")
def played_year(tmp_path_factory: pytest.TempPathFactory) -> "Played":
    """The demo's ten nodes after their year, at rest, to be copied."""
    from tests.fixtures.network import played  # noqa: PLC0415  # the whole program: 1 s

    return played(_shared_by_workers(tmp_path_factory))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests.

    Not for the session: while it is open, Playwright's event loop occupies the thread, and any
    later test that says `asyncio.run` would fail on that worker.
    """
    executable = find_chromium()
    if executable is None:
        absent("no Chromium: install Debian's chromium")
    with launched(executable) as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, 1366×768, in Chinese."""
    with fresh_page(browser) as fresh:
        yield fresh


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """The same with JavaScript off: every page must work so."""
    with fresh_page(browser, java_script=False) as fresh:
        yield fresh
