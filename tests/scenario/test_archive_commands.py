"""`wuji archive`, `verify --archive` and `trace` of what was archived, as operators type them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli import app
from node.network.reporting import report_all
from tests.fixtures.sites import Clock, Site, open_chain

COUNTY = "410122000000"


@pytest.fixture
def county(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    clock = Clock(datetime(2025, 2, 17, 1, tzinfo=UTC))
    [site] = open_chain([COUNTY], template=migrated_sqlite, folder=tmp_path, clock=clock)
    with site.node.work() as uow:
        report_all(uow)
    site.replica.seal()
    yield site
    site.close()


def command(site: Site, *words: str | Path) -> tuple[int, str]:
    """Exit code and what was said."""
    settings = site.node.settings
    config = settings.secret_file.with_name("county.toml")
    config.write_text(
        f'region = "{site.region}"\ndatabase_url = "{settings.database_url}"\n'
        f'secret_file = "{settings.secret_file}"\n'
        f'archive_folder = "{settings.secret_file.with_name("archive")}"\n'
    )
    done = CliRunner().invoke(app, [*map(str, words), "--config", str(config)])
    return done.exit_code, done.output


def test_an_operator_archives_proves_the_file_and_finds_a_record_in_it(
    county: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    assert "可归档 0 段" in command(county, "archive", "--days", "36500")[1]
    code, said = command(county, "archive", "--days", "0", "--dry-run")
    assert (code, "可归档 1 段" in said, list(folder.iterdir())) == (0, True, [])
    code, said = command(county, "archive", "--days", "0")
    assert (code, "1 段" in said, "已核验" in said) == (0, True, True)
    [file] = folder.iterdir()
    code, said = command(county, "verify", "--archive", file)
    assert (code, "✓ 1 段、1 条记录" in said) == (0, True)
    code, said = command(county, "trace", "node.reported", COUNTY)
    assert (code, "✓ 记录、默克尔路径、段签名、证书链逐项成立" in said) == (0, True)
    away = file.rename(tmp_path / file.name)
    code, said = command(county, "trace", "node.reported", COUNTY)
    assert (code == 0, f"没有查归档 {file.name}" in said) == (False, True)
    data = bytearray(away.read_bytes())
    data[-200] ^= 1
    away.write_bytes(data)
    assert command(county, "verify", "--archive", away)[0] != 0
