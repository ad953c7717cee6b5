"""Copies made by deploy/backup.sh bring a node back, on both databases."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the copies go."""
    return tmp_path / "copies"


def test_a_copy_taken_while_the_node_writes_holds_what_was_committed(
    database_url: str, folder: Path
) -> None:
    _execute(database_url, "CREATE TABLE village (name text)", "INSERT INTO village VALUES ('早')")
    engine = create_engine(database_url)
    with engine.connect() as writer:
        writer.execute(text("INSERT INTO village VALUES ('未提交')"))
        copy = _backup(database_url, folder)
        writer.rollback()
    engine.dispose()

    assert copy.stat().st_mode & 0o077 == 0
    assert [each.name for each in folder.iterdir()] == [copy.name]
    _execute(database_url, "DROP TABLE village")
    _run("restore.sh", database_url, copy)
    assert _names(database_url) == ["早"]


def test_sqlite_comes_back_and_what_stood_there_is_kept(sqlite_url: str, folder: Path) -> None:
    _execute(sqlite_url, "PRAGMA journal_mode=WAL", "CREATE TABLE village (name text)")
    _execute(sqlite_url, "INSERT INTO village VALUES ('备份前')")
    copy = _backup(sqlite_url, folder)
    _execute(sqlite_url, "INSERT INTO village VALUES ('备份后')")

    _run("restore.sh", sqlite_url, copy)

    assert _names(sqlite_url) == ["备份前"]
    [kept] = Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("*.sqlite.before-*")
    assert _names(f"sqlite:///{kept}") == ["备份前", "备份后"]


def test_a_copy_is_never_laid_over_a_postgres_database_in_use(
    postgres_url: str, folder: Path
) -> None:
    _execute(postgres_url, "CREATE TABLE village (name text)")
    _execute(postgres_url, "INSERT INTO village VALUES ('备份前')")
    copy = _backup(postgres_url, folder)

    _execute(postgres_url, "INSERT INTO village VALUES ('备份后')")

    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run("restore.sh", postgres_url, copy)
    assert "not empty" in refused.value.stderr
    assert len(_names(postgres_url)) == 2


def test_a_mistyped_path_fails_and_leaves_no_copy(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        _backup(f"sqlite:///{tmp_path / 'nowhere.sqlite'}", folder)
    assert not list(folder.glob("*.sqlite"))


def test_old_copies_are_removed_and_other_files_are_not(sqlite_url: str, folder: Path) -> None:
    _execute(sqlite_url, "CREATE TABLE village (name text)")
    folder.mkdir()
    old, foreign = folder / "wuji-20200101T000000Z.sqlite", folder / "重要文件.sqlite"
    for file in (old, foreign):
        file.touch()
        os.utime(file, (0, 0))

    copy = _backup(sqlite_url, folder)

    assert {each.name for each in folder.iterdir()} == {copy.name, foreign.name}


def _backup(url: str, folder: Path) -> Path:
    return Path(_run("backup.sh", url, folder).strip())


def _run(script: str, url: str, argument: Path) -> str:
    assert shutil.which("bash")
    done = subprocess.run(
        ["bash", DEPLOY / script, "settings-are-overruled.toml", argument],
        env={**os.environ, "WUJI_DATABASE_URL": url, "WUJI_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _names(url: str) -> list[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        names = list(connection.scalars(text("SELECT name FROM village ORDER BY name")))
    engine.dispose()
    return names
