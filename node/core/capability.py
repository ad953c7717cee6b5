"""The contract every capability fulfils: one value that says what it brings to a node.

`node/<name>/capability.py` holds `CAPABILITY`. A profile names the capabilities of its tier, and
`app` assembles the node from them. Routers are given as functions, so that a command line or a
sync run does not import web pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from node.core.replica_table import ReplicaTable
from node.core.work import Observer, RecordType, UnitOfWork
from node.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter


@dataclass(frozen=True, slots=True)
class Job:
    """Work that runs on a schedule. `every_minutes` after the last run; also by hand."""

    name: str
    title: str
    every_minutes: float
    run: Callable[["UnitOfWork"], str]


def _no_jobs(_settings: Settings) -> Sequence[Job]:
    """No work that depends on how this node is set up."""
    return ()


def _nothing(_uow: UnitOfWork) -> None:
    """Nothing follows from a snapshot."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What one folder of the business brings.

    `replicas` are the tables that hold what other nodes have told, for a node that begins with a
    snapshot of them; `after_snapshot` does what else follows when their rows have been set down.
    `jobs_of` gives jobs that depend on how the node is set up.
    `observers` hear of facts of other capabilities, in the transaction that writes them.
    `calls` count what calls for somebody at a place of the navigation, for the head of every page.
    """

    name: str
    record_types: Sequence[RecordType] = ()
    matters: Callable[[], Sequence[Any]] = tuple
    routers: Callable[[], Sequence["APIRouter"]] = tuple
    jobs: Sequence[Job] = field(default=())
    jobs_of: Callable[[Settings], Sequence[Job]] = _no_jobs
    replicas: Sequence[ReplicaTable] = ()
    after_snapshot: Callable[[UnitOfWork], None] = _nothing
    observers: Sequence[Observer] = ()
    calls: Mapping[str, Callable[[UnitOfWork], int]] = field(default_factory=dict)
