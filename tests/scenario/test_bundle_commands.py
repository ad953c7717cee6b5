"""`wuji bundle` as real processes, over the stores of a township and a village."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from node.core.errors import Invalid
from node.network import sticks
from node.network.reporting import report_all
from tests.fixtures.network import places_file, wuji
from tests.fixtures.sites import Clock, Site, open_chain, with_places

COUNTY, TOWNSHIP, VILLAGE = "410122000000", "410122101000", "410122101205"
ANOTHER_TOWNSHIP = "410122102000"


class Usage(NamedTuple):
    """What `shutil.disk_usage` says, in bytes."""

    total: int
    used: int
    free: int


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def sites(template: Path, tmp_path: Path) -> Iterator[list[Site]]:
    clock = Clock(datetime(2025, 2, 17, 1, tzinfo=UTC))
    found = open_chain([COUNTY, TOWNSHIP, VILLAGE], template=template, folder=tmp_path, clock=clock)
    places_file(tmp_path)
    for site in found:
        settings = site.node.settings
        (tmp_path / f"{site.region}.toml").write_text(
            f'region = "{site.region}"\ndatabase_url = "{settings.database_url}"\n'
            f'secret_file = "{settings.secret_file}"\n'
        )
    yield found
    for site in found:
        site.close()


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder that is a USB stick."""
    folder = tmp_path / "U盘"
    folder.mkdir()
    return folder


def command(site: Site, *words: str | Path) -> subprocess.CompletedProcess[str]:
    config = site.node.settings.secret_file.with_name(f"{site.region}.toml")
    return wuji("bundle", *words, "--config", config)


def does(site: Site, *words: str | Path) -> str:
    done = command(site, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuses(site: Site, *words: str | Path) -> str:
    done = command(site, *words)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    return done.stderr


def report(site: Site) -> None:
    with site.node.work() as uow:
        report_all(uow)


def test_a_stick_goes_up_and_its_receipt_comes_back(sites: list[Site], stick: Path) -> None:
    county, township, village = sites
    report(village)
    said = does(village, "export", "--to", stick)
    [file] = stick.iterdir()
    assert file.name.startswith(f"wuji-{VILLAGE}-to-{TOWNSHIP}-")
    assert said.splitlines()[0] == str(file)
    assert "1 条记录" in said
    assert said.splitlines()[-1] == "已写完并落盘，可以拔出"
    assert "已加密，只有对方节点能打开" in does(county, "show", file)
    assert "完好：1 段，1 条记录" in does(township, "show", file)

    said = does(township, "import", stick)
    assert "共 1 条记录，这次新办理 1 条" in said
    assert "请带回对方导入" in said
    assert village.replica.verify().receipts == 0
    said = does(village, "import", stick)
    assert "这是一张回执" in said
    assert f"（{TOWNSHIP}）的，没有动" in said
    assert village.replica.verify().receipts == 1
    assert len(list(stick.iterdir())) == 2  # a receipt needs no receipt

    # The township relays to the county what came to it on a stick.
    other = stick / "county"
    other.mkdir()
    does(township, "export", "--to", other, "--no-encrypt")
    assert "这次新办理 1 条" in does(county, "import", other)
    assert "此前都已收到" in does(township, "import", file)


def test_a_stick_for_a_child_names_it(sites: list[Site], stick: Path) -> None:
    _, township, village = sites
    does(township, "export", "--to", stick, "--for", VILLAGE)
    [file] = stick.iterdir()
    assert file.name.startswith(f"wuji-{TOWNSHIP}-to-{VILLAGE}-")
    does(village, "import", file)
    assert "只在上级与直接下级之间" in refuses(
        township, "export", "--to", stick, "--for", COUNTY[:6] + "102000"
    )
    assert "没有上级" in refuses(sites[0], "export", "--to", stick)


def test_nothing_is_written_over_and_nothing_half_is_left(
    sites: list[Site], stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = sites[2].node
    first = sticks.write_bundle(village, stick).path
    content = first.read_bytes()
    second = sticks.write_bundle(village, stick).path
    assert second.name == f"{first.stem}-2.bundle"
    assert first.read_bytes() == content
    assert len(list(stick.iterdir())) == 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1000, 999, 1))
    with pytest.raises(Invalid, match="的空间不够：需要约 2 MB，只剩 0 MB"):
        sticks.write_bundle(village, stick)
    assert len(list(stick.iterdir())) == 2


def test_what_is_wrong_with_a_stick_is_said_in_words(sites: list[Site], stick: Path) -> None:
    _, township, village = sites
    assert "不存在：请检查 U 盘是否插好" in refuses(village, "export", "--to", stick / "none")
    assert "不存在：请检查 U 盘是否插好" in refuses(village, "import", stick / "none.bundle")
    assert "没有给本节点的数据包" in refuses(village, "import", stick)
    report(village)
    does(village, "export", "--to", stick)
    [file] = stick.iterdir()
    (stick / "torn.bundle").write_bytes(file.read_bytes()[:-100])
    (stick / "letter.bundle").write_bytes(b"Dear Sir or Madam")
    done = command(township, "import", stick)
    assert done.returncode == 1
    assert "这次新办理 1 条" in done.stdout
    assert "torn.bundle：数据包已损坏，或不完整" in done.stderr
    assert "letter.bundle：这不是五级网络的数据包文件" in done.stderr
    assert "不是给本节点" in refuses(village, "import", file)
    assert "这不是五级网络的数据包文件" in refuses(village, "show", stick / "letter.bundle")
