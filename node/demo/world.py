"""The demo's nodes as real processes: set up, joined, started, stopped, each with its own files."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx

from node.core.clock import SHANGHAI, system_clock
from node.core.errors import Unavailable
from node.demo.plan import Plan, Post
from node.identity import service as identity
from node.identity.passwords import Passwords
from node.runtime import Node, open_node
from node.settings import Settings, load_settings
from node.setup import prepare
from tiers import Level, RegionCode

START_SECONDS = 40
STOP_SECONDS = 10
CHECK_SECONDS = 0.05


class Process(Protocol):
    """What is asked of a process that was started here."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass
class World:
    """Every process of the demo and the files they live in."""

    plan: Plan
    running: dict[RegionCode, Process] = field(default_factory=dict)
    banks: list[Process] = field(default_factory=list)

    @property
    def clock_file(self) -> Path:
        """The seconds by which every node's clock is ahead."""
        return self.plan.folder / "clock"

    def set_day(self, year: int, month: int, day: int, hour: int = 9) -> None:
        """Move every node to a day of the year that is played."""
        wanted = datetime(year, month, day, hour, tzinfo=SHANGHAI)
        shift = (wanted - system_clock()).total_seconds()
        scratch = self.clock_file.with_suffix(".new")
        scratch.write_text(f"{shift:.0f}")
        scratch.replace(self.clock_file)

    def now(self) -> datetime:
        """The instant all nodes agree on."""
        return system_clock() + timedelta(seconds=float(self.clock_file.read_text()))

    def config(self, post: Post) -> Path:
        """The configuration file of a node."""
        return self.plan.folder / f"{post.code}.toml"

    def settings(self, post: Post) -> Settings:
        """A node's settings, as its process reads them."""
        return load_settings(self.config(post))

    def open(self, post: Post) -> Node:
        """A node's store, opened beside its process."""
        return open_node(self.settings(post))

    def write_configs(self) -> None:
        """Start from an empty folder."""
        shutil.rmtree(self.plan.folder, ignore_errors=True)
        self.plan.folder.mkdir(parents=True)
        for post in self.plan.posts:
            self.config(post).write_text(self._config_text(post), encoding="utf-8")

    def _config_text(self, post: Post) -> str:
        folder = self.plan.folder.resolve()
        parent = self.plan.post(post.parent).url if post.parent else ""
        return "\n".join(
            (
                f'region = "{post.code}"',
                f'database_url = "sqlite:///{folder}/{post.code}.sqlite"',
                f'secret_file = "{folder}/{post.code}.keys.json"',
                f'clock_file = "{folder}/clock"',
                f"port = {post.port}",
                *self._bank_folder(post),
                'log_level = "warning"',
                "allow_unassigned_prefixes = true",
                "[sync]",
                f'parent_url = "{parent}"',
                "wait_seconds = 20",
                "seal_seconds = 0.3",
                "[login]",
                "cheap_passwords = true",
                "session_hours = 20000",
                "idle_minutes = 1200000",
                "",
            )
        )

    def _bank_folder(self, post: Post) -> tuple[str, ...]:
        """A county exchanges files with its bank through a folder."""
        if post.code.level is not Level.COUNTY:
            return ()
        return (f'bank_folder = "{self.plan.folder.resolve()}/{post.code}.bank"',)

    def start_bank(self, post: Post, *, seed: int) -> None:
        """The bank of a county, a process of its own that knows only the folder."""
        folder = self.plan.folder / f"{post.code}.bank"
        folder.mkdir(exist_ok=True)
        arguments = (str(folder), "--seed", str(seed), "--every", "0.05")
        log = self.plan.folder / f"{post.code}.bank.log"
        self.banks.append(self.launch("node.demo.bank", *arguments, log=log, env=os.environ))

    def launch(self, module: str, *arguments: str, log: Path, env: Mapping[str, str]) -> Process:
        """A process of our own program."""
        command = [sys.executable, "-m", module, *arguments]
        with log.open("ab") as kept:
            return subprocess.Popen(command, stdout=kept, stderr=kept, env=dict(env))  # noqa: S603  # our own program

    def prepare(self, post: Post) -> None:
        """Keys, tables, places and people of one node."""
        settings = self.settings(post)
        prepare(settings)
        node = open_node(settings)
        passwords = Passwords(cheap=True)
        with node.work() as uow:
            for person in post.people:
                new = identity.NewUser(
                    login=person.login,
                    name=person.name,
                    scope=str(person.scope),
                    roles=[str(role) for role in person.roles],
                )
                identity.add_user(
                    uow,
                    new,
                    password=self.plan.password,
                    passwords=passwords,
                    must_change_password=False,
                )
        node.engine.dispose()

    def join(self, post: Post) -> None:
        """Found the root, or join the (running) parent with a one-time code; then host villages."""
        from sync.client import join  # noqa: PLC0415

        node = self.open(post)
        if post.parent is None:
            node.replica.found(node=post.code, level=str(post.code.level))
        else:
            parent = self.open(self.plan.post(post.parent))
            code = parent.replica.issue_join_code(region=str(post.code), level=str(post.code.level))
            expected = parent.fingerprint
            parent.engine.dispose()
            url = self.plan.post(post.parent).url
            join(node.replica, url, code, region=str(post.code), confirm=lambda f: f == expected)
        for village in post.hosts:
            node.replica.host(region=str(village), level=str(village.level))
        node.engine.dispose()

    def start(self, post: Post, *, offline: bool = False) -> None:
        """Start a node's process; `offline` cuts its line to the parent."""
        environment = dict(os.environ)
        if offline:
            environment["WUJI_SYNC__PARENT_URL"] = ""
        log = self.plan.folder / f"{post.code}.log"
        run = ("run", "--config", str(self.config(post)))
        self.running[post.code] = self.launch("node", *run, log=log, env=environment)

    def wait_ready(self, post: Post) -> None:
        """Wait until a started node answers.

        Raises:
            Unavailable: it ended or did not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.running[post.code].poll() is not None:
                break
            try:
                if httpx.get(f"{post.url}/healthz", timeout=2).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(CHECK_SECONDS)
        log = (self.plan.folder / f"{post.code}.log").read_text(errors="replace")[-2_000:]
        raise Unavailable(f"{post.code} 没有启动：\n{log}")

    def stop(self, post: Post) -> None:
        """End a node's process the way an administrator does."""
        process = self.running.pop(post.code, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        """End everything that was started here."""
        for process in (*self.running.values(), *self.banks):
            process.terminate()
        for bank in self.banks:
            bank.wait(STOP_SECONDS)
        self.banks.clear()
        for post in self.plan.posts:
            self.stop(post)


def free_ports(first: int, count: int) -> int:
    """The first port of a run of free ones on loopback, at or after `first`."""
    while not all(_is_free(first + offset) for offset in range(count)):
        first += count
    return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def living(world: World) -> Iterator[World]:
    """The world, stopped at the end whatever happens."""
    try:
        yield world
    finally:
        world.stop_all()
