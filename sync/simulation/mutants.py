"""Bugs to be planted by hand: what the simulator would say if the engine were wrong in this way.

Each replaces one named part of the engine while a seed is played. `tests/simulation` holds that
every one of them is found.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync import apply, cutting, forks, held, intake, landing, log, outgoing, restoring
from sync.blocks import Blocks
from sync.cutting import Piece, Written
from sync.errors import Forked, OutOfOrder
from sync.landing import Verified
from sync.segment import Sealed, StreamId, read_header
from sync.simulation.application import NOVEL
from sync.store import held as held_table

Part = Callable[..., Any]


class Swap(NamedTuple):
    """A part of the engine, and how the wrong one is made out of the true one."""

    owner: Any
    part: str
    make: Callable[[Part], Part]


class Mutant(NamedTuple):
    """A bug: what it does in a word, and the parts of the engine it stands in for."""

    says: str
    swaps: tuple[Swap, ...]


_MUTANTS: dict[str, Mutant] = {}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The engine with this bug in it; without a name, as it is.

    Raises:
        KeyError: there is no such bug.
    """
    swaps = _MUTANTS[name].swaps if name else ()
    true = [(swap, getattr(swap.owner, swap.part)) for swap in swaps]
    for swap, part in true:
        setattr(swap.owner, swap.part, swap.make(part))
    try:
        yield
    finally:
        for swap, part in true:
            setattr(swap.owner, swap.part, part)


def known_mutants() -> dict[str, str]:
    """Name → what is wrong, of every bug that can be planted."""
    return {name: bug.says for name, bug in _MUTANTS.items()}


def _mutant(
    owner: Any, part: str, says: str, *, beside: tuple[Swap, ...] = ()
) -> Callable[[Callable[[Part], Part]], Callable[[Part], Part]]:
    def register(make: Callable[[Part], Part]) -> Callable[[Part], Part]:
        name = make.__name__.strip("_").replace("_", "-")
        _MUTANTS[name] = Mutant(says, (Swap(owner, part, make), *beside))
        return make

    return register


def _commit_too_early(connection: Connection) -> None:
    disk: Any = connection.connection.dbapi_connection
    disk.commit()
    disk.execute("BEGIN")


# Writing


@_mutant(
    log, "_take", "lines leave the outbox in a transaction of their own, before they are sealed"
)
def _ack_before_commit(true: Part) -> Part:
    def take(site: Any, connection: Connection) -> list[Written]:
        rows: list[Written] = true(site, connection)
        if rows:
            _commit_too_early(connection)
        return rows

    return take


@_mutant(log, "_heads", "the sealer begins one number too low")
def _reuse_a_number(true: Part) -> Part:
    def heads(connection: Connection, names: set[StreamId]) -> dict[StreamId, Any]:
        found = true(connection, names)
        return {name: head._replace(seq=head.seq - 1) for name, head in found.items()}

    return heads


@_mutant(cutting, "_transactions", "transactions are sealed in the order of their smallest number")
def _effect_before_cause(true: Part) -> Part:
    def transactions(rows: Sequence[Written]) -> list[tuple[int, list[Written]]]:
        found = true(rows)
        found.sort(key=lambda pair: min(row.id for row in pair[1]))
        return list(found)

    return transactions


@_mutant(log, "cut", "a transaction over the limits is cut without saying so")
def _half_a_transaction(true: Part) -> Part:
    def cut(rows: Sequence[Written], limits: Any) -> list[Piece]:
        return [piece._replace(cont=False) for piece in true(rows, limits)]

    return cut


# Taking


@_mutant(landing, "upsert", "a segment is kept and applied, the watermark stays")
def _skip_the_watermark(_: Part) -> Part:
    return lambda *_args, **_how: None


@_mutant(landing, "_store", "what is applied is committed before the watermark moves")
def _apply_twice(true: Part) -> Part:
    def store(site: Any, connection: Connection, *args: Any, **how: Any) -> None:
        _commit_too_early(connection)
        true(site, connection, *args, **how)

    return store


@_mutant(landing, "verifier", "signatures of segments are not looked at")
def _trust_a_relay(_: Part) -> Part:
    return lambda _alg, _key: lambda _signature, _data: True


def _never_known(_: Part) -> Part:
    return lambda _intake, _sealed, _header: False


@_mutant(
    intake,
    "land",
    "a segment that comes a second time is applied a second time",
    beside=(Swap(intake._Intake, "_is_known", _never_known),),  # noqa: SLF001  # a bug in there
)
def _forget_dedup(true: Part) -> Part:
    def land(site: Any, connection: Connection, verified: Verified, **how: Any) -> Any:
        counts = true(site, connection, verified, **how)
        if counts is None and not verified.header.cont:
            landing._apply_one(  # noqa: SLF001
                site, connection, verified, any_held=True, ours=False, known=()
            )
        return counts

    return land


@_mutant(landing, "_continues", "a segment is taken though one before it is missing")
def _cursor_past_a_gap(true: Part) -> Part:
    def continues(connection: Connection, verified: Verified, place: Any) -> bool:
        try:
            return bool(true(connection, verified, place))
        except Forked:
            raise
        except OutOfOrder:
            return True

    return continues


@_mutant(landing, "revocations", "what a revoked node wrote later is taken from a relay")
def _accept_a_revoked_key(_: Part) -> Part:
    return lambda _connection, _node, _epoch: None


@_mutant(
    apply._Work,  # noqa: SLF001  # a bug in there
    "_refusals",
    "nobody is asked whether an author may write a record",
)
def _authority_unasked(_: Part) -> Part:
    return lambda _work, _arrived, _author_of: {}


@_mutant(landing, "blocks_for", "later records do not wait behind one that is held")
def _overtake_the_held(_: Part) -> Part:
    return lambda _connection, _keys: Blocks()


@_mutant(held, "_understood", "an upgrade loses the first of the parked records")
def _drop_a_parked_record(true: Part) -> Part:
    def understood(site: Any, connection: Connection, after: int) -> Sequence[Any]:
        rows: Sequence[Any] = true(site, connection, after)
        for row in rows[:1]:
            connection.execute(held_table.delete().where(held_table.c.id == row.id))
        return rows[1:]

    return understood


@_mutant(outgoing, "_load", "a relay keeps back what its program does not know")
def _relay_narrows(true: Part) -> Part:
    def load(*args: Any) -> list[Sealed]:
        found: list[Sealed] = true(*args)
        return [each for each in found if NOVEL not in read_header(each.header).types]

    return load


# Disks put back


@_mutant(forks, "needs_successor", "a fork goes on under the old epoch")
def _restore_without_new_epoch(_: Part) -> Part:
    return lambda _connection, _me: False


@_mutant(landing, "withdraw_written", "what comes back is applied though the tables have it")
def _forget_own_lines(_: Part) -> Part:
    return lambda _site, _connection, _header, _lines: frozenset()


@_mutant(restoring, "_unseal", "what only a forked node had is dropped silently")
def _drop_the_fork(_: Part) -> Part:
    return lambda _site, _connection, _row: 0
