"""The test infrastructure itself: what it gives is what it says."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from node.core.migrate import schema_revision
from tests.fixtures import postgres as machinery
from tests.fixtures.browser import find_chromium, fresh_page, launched
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.presence import absent


def test_a_database_is_empty_and_takes_chinese(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
        connection.execute(text("CREATE TABLE village (name varchar(20))"))
        connection.execute(text("INSERT INTO village VALUES (:name)"), {"name": "圣佛寺村"})
        assert connection.scalar(text("SELECT name FROM village")) == "圣佛寺村"
    engine.dispose()


def test_a_database_is_copied_from_a_template_and_gone_afterwards(
    postgres: PostgresServer,
) -> None:
    template = postgres.create_database()
    _execute(postgres.url(template), "CREATE TABLE village (code text)")
    with postgres.database(template=template) as url:
        _execute(url, "INSERT INTO village VALUES ('410122')")
    postgres.drop_database(template)

    left = _names(postgres.url("postgres"))
    assert template not in left
    assert url.partition("?")[0].rpartition("/")[2] not in left


def test_a_migrated_database_is_at_the_newest_revision(migrated_url: str) -> None:
    engine = create_engine(migrated_url)
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        assert {"account", "posting", "bulletin", "sync_outbox"} <= tables
        assert connection.scalar(text("SELECT count(*) FROM account")) == 0
    assert schema_revision(engine) == _newest_revision()
    engine.dispose()


def test_folders_of_killed_runs_are_swept_and_of_living_ones_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    beyond_any_pid = 2**30
    dead = tmp_path / f"{machinery.FOLDER}{beyond_any_pid}-x"
    living = tmp_path / f"{machinery.FOLDER}1-x"
    dead.mkdir()
    living.mkdir()

    machinery.sweep()

    assert [each.name for each in tmp_path.iterdir()] == [living.name]


def test_ports_given_together_differ(loopback_ports: Callable[[int], list[int]]) -> None:
    assert len(set(loopback_ports(20))) == 20


@pytest.mark.browser
def test_a_closed_browser_leaves_the_thread_free_for_other_event_loops() -> None:
    executable = find_chromium() or absent("no Chromium: install Debian's chromium")
    with launched(executable) as browser, fresh_page(browser) as page:
        assert page.url == "about:blank"
    assert asyncio.run(asyncio.sleep(0, "free")) == "free"


@pytest.mark.parametrize(
    ("demanded", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_what_is_missing_is_skipped_or_where_all_is_required_fails(
    demanded: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ALL", demanded)
    with pytest.raises(outcome, match="no abacus"):
        absent("no abacus")


def test_a_machine_without_postgres_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TEST_PG_URL", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(()))
    with (
        pytest.raises(machinery.PostgresMissingError, match="install Debian's postgresql"),
        machinery.postgres_server(),
    ):
        pytest.fail("a server was found")


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _newest_revision() -> str | None:
    scripts = Config()
    scripts.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    return ScriptDirectory.from_config(scripts).get_current_head()


def _names(url: str) -> set[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        names = set(connection.scalars(text("SELECT datname FROM pg_database")))
    engine.dispose()
    return names
