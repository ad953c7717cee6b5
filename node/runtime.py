"""One node in memory: its settings, its store, its end of the sync protocol, its capabilities.

The web application, the command line and the demo all open a node the same way.
"""

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Connection, Engine, select
from sqlmodel import Session

import sync
from node.cases.matter import register
from node.core.capability import Capability, Job
from node.core.clock import Clock, shifted_clock, system_clock
from node.core.db import make_engine
from node.core.divisions import PLACES_CHANGED, Places, read_places
from node.core.personal import Keyring, read_keyring
from node.core.serials import counters
from node.core.work import (
    Actor,
    RecordType,
    UnitOfWork,
    machine,
    observe,
    tell_observers,
    unit_of_work,
)
from node.network.held_notices import Teller
from node.registry.prefixes import accept_unassigned_prefixes
from node.settings import Settings
from sync.archive_file import NO_ARCHIVES, Folder
from sync.store import private_key
from tiers import PROFILES, Profile, RegionCode, refusal

HOSTED_SECONDS = 5  # `wuji host` works beside a running node, which must hear of it
PLACES_SECONDS = 60
HOSTED_KIND = "hosted"


def load_capabilities(names: Sequence[str]) -> tuple[Capability, ...]:
    """The capabilities a profile names, each from `node.<name>.capability`, and their matters."""
    found = []
    for name in names:
        module = importlib.import_module(f"node.{name}.capability")
        found.append(module.CAPABILITY)
    for capability in found:
        for matter in capability.matters():
            register(matter)
        for observer in capability.observers:
            observe(observer)
    return tuple(found)


def authority(author: "sync.Author", route: str, record_type: str, region: str) -> str | None:
    """The house's constitution in the shape sync asks for it."""
    return refusal(author.node, record_type, route, region)


@dataclass
class Node:
    """A node opened over its store."""

    settings: Settings
    keyring: Keyring
    engine: Engine
    capabilities: tuple[Capability, ...]
    clock: Clock = system_clock
    _places: Places = field(init=False)
    _places_seen: tuple[float, int] = (float("-inf"), 0)
    _hosted: tuple[float, frozenset[RegionCode]] = (float("-inf"), frozenset())

    def __post_init__(self) -> None:
        self.refresh_places()

    def refresh_places(self) -> None:
        """Read the division tree again, after it was loaded or changed."""
        self._places = read_places(self.engine)

    @property
    def places(self) -> Places:
        """The division tree; read again when a bulletin has changed it, in any process."""
        seen, version = self._places_seen
        if time.monotonic() - seen > PLACES_SECONDS:
            now = read_places_version(self.engine, self.code)
            if now != version:
                self.refresh_places()
            self._places_seen = (time.monotonic(), now)
        return self._places

    @property
    def code(self) -> RegionCode:
        """This node's region."""
        return self.settings.code

    @property
    def profile(self) -> Profile:
        """What this node's tier is made of."""
        return PROFILES[self.settings.level]

    @property
    def title(self) -> str:
        """The name on the letterhead."""
        return self.settings.name or self.places.name(self.code)

    @cached_property
    def replica(self) -> "sync.Replica":
        """This node's end of the sync protocol."""
        seal = self.profile.seal
        folder = self.settings.archive_folder
        return sync.Replica(
            self.engine,
            authority=authority,
            handlers=self._handlers(),
            limits=sync.Limits(seal_records=seal.records, seal_bytes=seal.size_bytes),
            clock=self.clock,
            vault=self.keyring,
            on_notice=Teller(self.code, self.clock),
            archives=Folder(folder) if folder else NO_ARCHIVES,
        )

    @property
    def hosted(self) -> frozenset[RegionCode]:
        """Villages without a machine whose streams this node keeps."""
        seen, found = self._hosted
        if time.monotonic() - seen > HOSTED_SECONDS:
            found = read_hosted(self.engine)
            self._hosted = (time.monotonic(), found)
        return found

    @property
    def fingerprint(self) -> str:
        """The root's fingerprint this node joined under; empty before it has joined."""
        me = self.replica.identity()
        return me.root_fingerprint if me else ""

    @property
    def record_types(self) -> tuple[RecordType, ...]:
        """Every kind of record this program speaks at this tier."""
        return tuple(kind for cap in self.capabilities for kind in cap.record_types)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Scheduled work of this tier."""
        wanted = set(self.profile.jobs)
        settings = self.settings
        brought = [(*cap.jobs, *cap.jobs_of(settings)) for cap in self.capabilities]
        return tuple(job for jobs in brought for job in jobs if job.name in wanted)

    def work(
        self, actor: Actor | None = None, *, writing: bool = True
    ) -> AbstractContextManager[UnitOfWork]:
        """A unit of work; the node itself acts when nobody is named."""
        return unit_of_work(
            self.engine,
            actor=actor or machine(self.code),
            node=self.code,
            now=self.clock(),
            hosted=self.hosted,
            writing=writing,
        )

    def _handlers(self) -> Mapping[str, "sync.Handler"]:
        return {kind.name: self._handler(kind) for kind in self.record_types}

    def _handler(self, kind: RecordType) -> "sync.Handler":
        return sync.Handler(
            version=kind.version,
            apply=self._applier(kind),
            upcasts=dict(kind.upcasts),
            independent=kind.independent,
        )

    def _applier(self, kind: RecordType) -> Callable[[Connection, Sequence["sync.Arrived"]], None]:
        """A handler on a connection of sync's: its own session inside sync's transaction."""

        def apply(connection: Connection, arrived: Sequence["sync.Arrived"]) -> None:
            if kind.apply is None:
                return
            # Inside sync's savepoint a session would open one more and roll it back when it closes.
            with Session(
                connection, expire_on_commit=False, join_transaction_mode="rollback_only"
            ) as session:
                uow = UnitOfWork(
                    session, machine(self.code, "同步"), self.code, self.clock(), self.hosted
                )
                kind.apply(uow, arrived)
                tell_observers(uow, [item.record for item in arrived])
                uow.flush_records()
                session.flush()

        return apply


def read_hosted(engine: Engine) -> frozenset[RegionCode]:
    """The places whose keys are held here for them."""
    hosted = select(private_key.c.node).where(private_key.c.kind == HOSTED_KIND)
    with engine.connect() as connection:
        return frozenset(RegionCode(code) for code in connection.execute(hosted).scalars())


def read_places_version(engine: Engine, region: RegionCode) -> int:
    """How often the stored tree was changed by bulletins."""
    found = select(counters.c.value).where(
        counters.c.county_code == str(region), counters.c.name == PLACES_CHANGED
    )
    with engine.connect() as connection:
        return int(connection.scalar(found) or 0)


def open_node(settings: Settings, *, clock: Clock | None = None) -> Node:
    """Open a node over an existing, migrated store.

    Raises:
        Invalid: it has not been set up yet (`wuji init` or `wuji join`).
    """
    keyring = read_keyring(settings.secret_file)
    engine = make_engine(settings.database_url, keyring)
    accept_unassigned_prefixes(engine, accepted=settings.allow_unassigned_prefixes)
    capabilities = load_capabilities(PROFILES[settings.level].capabilities)
    if clock is None:
        clock = shifted_clock(settings.clock_file) if settings.clock_file else system_clock
    return Node(settings, keyring, engine, capabilities, clock)
