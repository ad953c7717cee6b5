"""A village node as it is deployed: `wuji run` on SQLite, joined to a parent that answers.

Cold start is from the start of the process to the first good answer of `/healthz`, with program
files the system has read before. Memory is the proportional set size (PSS): what the machine would
have free without the node.
"""

import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.measure import Measure, SkippedError, timed
from benchmarks.processes import python
from node.identity.passwords import Passwords
from node.identity.service import NewUser, add_user
from node.runtime import open_node
from node.settings import load_settings
from node.setup import prepare
from tests.fixtures.ports import LOOPBACK, free_ports
from tiers import Role

WUJI = str(Path(sys.executable).parent / "wuji")
PROVINCE = "410000000000"
VILLAGE = "410122101205"
LOGIN = "xieguanyuan"
PAGES = 100
SETTLE_SECONDS = 3.0  # the link has opened, the first jobs have run
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """A node's settings file and where it answers."""

    config: Path
    url: str


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """One village, started again and again."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise SkippedError("memory is read from /proc/PID/smaps_rollup, which only Linux has")
    started, idle, used = [], [], []
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        parent, village, password = _network(Path(name))
        with python(WUJI, "run", "--config", str(parent.config), ready=f"{parent.url}/healthz"):
            _join(village, parent)
            _add_coordinator(village, password)
            for _ in range(1 if quick else runs):
                seconds, quiet, busy = _one_start(village, password)
                started.append(seconds)
                idle.append(quiet)
                used.append(busy)
    yield Measure("village node, cold start", "s", started, (), "≤ 2.5 s")
    yield Measure("village node, idle memory", "MB", idle, (), "≤ 110 MB")
    yield Measure(f"village node, after {PAGES} pages", "MB", used)


def _one_start(village: Place, password: str) -> tuple[float, float, float]:
    command = (WUJI, "run", "--config", str(village.config))
    with ExitStack() as stopped_at_the_end:
        with timed() as watch:
            running = python(*command, ready=f"{village.url}/healthz")
            process = stopped_at_the_end.enter_context(running)
        time.sleep(SETTLE_SECONDS)
        quiet = _megabytes(process.pid)
        _work(village, password)
        return watch.seconds, quiet, _megabytes(process.pid)


def _work(village: Place, password: str) -> None:
    """What a coordinator's browser asks for in a morning."""
    with httpx.Client(base_url=village.url, trust_env=False, follow_redirects=True) as client:
        signed = {"login": LOGIN, "password": password}
        client.post("/api/identity/session", json=signed).raise_for_status()
        home = client.get("/").raise_for_status().text
        links = [link for link in re.findall(r'href="(/[^"#]*)"', home) if "static" not in link]
        for number in range(PAGES):
            client.get(links[number % len(links)]).raise_for_status()


def _network(folder: Path) -> tuple[Place, Place, str]:
    """A province that is set up, and a village's settings that name it."""
    upper, lower = free_ports(2)
    parent = _place(folder / "province", PROVINCE, upper)
    village = _place(folder / "village", VILLAGE, lower, parent=parent.url)
    _wuji("init", config=parent.config)
    return parent, village, f"Aa1-{secrets.token_urlsafe(12)}"


def _place(folder: Path, region: str, port: int, *, parent: str = "") -> Place:
    folder.mkdir()
    config = folder / "node.toml"
    config.write_text(
        f'region = "{region}"\n'
        f'database_url = "sqlite:///{folder / "node.sqlite"}"\n'
        f'secret_file = "{folder / "node.secret"}"\n'
        f'host = "{LOOPBACK}"\nport = {port}\nlog_level = "warning"\n'
        f'[sync]\nparent_url = "{parent}"\n'
    )
    return Place(config, f"http://{LOOPBACK}:{port}")


def _join(village: Place, parent: Place) -> None:
    """Straight under the province: the tiers between change nothing that is measured."""
    prepare(load_settings(village.config))
    above = open_node(load_settings(parent.config))
    below = open_node(load_settings(village.config))
    code = above.replica.issue_join_code(region=VILLAGE, level="village")
    admission = above.replica.admit(code, below.replica.apply_to_join(region=VILLAGE))
    below.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )
    for node in (above, below):
        node.engine.dispose()


def _add_coordinator(village: Place, password: str) -> None:
    node = open_node(load_settings(village.config))
    new = NewUser(login=LOGIN, name="协管员", scope=VILLAGE, roles=[Role.COORDINATOR])
    with node.work() as uow:
        add_user(uow, new, password=password, passwords=Passwords(), must_change_password=False)
    node.engine.dispose()


def _wuji(*arguments: str, config: Path) -> None:
    command = [sys.executable, WUJI, *arguments, "--config", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def _megabytes(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / MIB
