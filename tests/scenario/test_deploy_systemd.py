"""The systemd units are ones systemd accepts, and shut the node in as far as they say."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.presence import absent

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
EXPOSED_TENTHS = 20  # systemd's own scale from 0 (shut in) to 100; an ordinary service has 96


@pytest.fixture
def analyze() -> str:
    """The program that judges units; it needs no running systemd."""
    return shutil.which("systemd-analyze") or absent("no systemd-analyze: install Debian's systemd")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units of one node, with programs that exist on this machine."""
    for unit in UNITS.glob("wuji*@.*"):
        text = unit.read_text()
        for program in ("/opt/wuji/bin/wuji", "/opt/wuji/share/deploy/backup.sh"):
            text = text.replace(program, "/bin/true")
        (tmp_path / unit.name.replace("@.", "@village.")).write_text(text)
    dropin = tmp_path / "wuji@village.service.d"
    dropin.mkdir()
    shutil.copy(UNITS / "village.conf", dropin)
    return tmp_path


def test_systemd_accepts_every_unit(analyze: str, installed: Path) -> None:
    units = sorted(str(each) for each in installed.glob("wuji*@village.*") if each.is_file())
    assert len(units) == 5
    done = subprocess.run(
        [analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "wuji" in line or "village" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", ["wuji", "wuji-verify"])
def test_a_node_that_is_broken_into_can_reach_little(
    analyze: str, installed: Path, unit: str
) -> None:
    command = [analyze, "security", "--offline=true", f"--threshold={EXPOSED_TENTHS}"]
    done = subprocess.run(
        [*command, str(installed / f"{unit}@village.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_a_village_node_cannot_take_the_machine_from_its_user() -> None:
    assert "MemoryMax=" in (UNITS / "village.conf").read_text()
