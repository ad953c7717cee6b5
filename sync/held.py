"""Records that were not applied, and what becomes of them.

Nothing here is forced or skipped by a timer. Waiting records are tried again when something
arrived, parked ones after an upgrade, refused ones when a person has released or rejected them;
whatever waited behind them follows in order.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select

from sync.apply import AuthorOf, Outcome, Unapplied, apply_records
from sync.blocks import BEHIND, NEWER, REFUSED, UNKNOWN, WAITING, Blocks, stopped_among
from sync.certificate import Author
from sync.database import writing
from sync.errors import NothingHeld, Refused
from sync.handlers import Notice
from sync.incidents import UNAUTHORISED, note_incident
from sync.record import Arrived, parse_line
from sync.segment import StreamId
from sync.site import Site
from sync.store import held
from sync.trust import Setup, certificate_for

RELEASED, REJECTED, APPLIED = "released", "rejected", "applied"
_ENGINE = "sync"
_PARKED_AT_ONCE = 500

Place = tuple[str, str, str, int]


def hold(
    site: Site,
    connection: Connection,
    unapplied: Sequence[Unapplied],
    line_of: Callable[[Arrived], bytes],
) -> None:
    """Keep records that could not be applied; refused ones are made known to their author."""
    if not unapplied:
        return
    now = site.now()
    rows = [
        {
            "origin": one.origin,
            "epoch": one.epoch,
            "route": one.route,
            "seq": one.seq,
            "type": one.record.type,
            "version": one.record.version,
            "key": one.record.key,
            "region": one.record.region,
            "line": site.vault.seal(line_of(one)),
            "kind": kind,
            "reason": reason,
            "held_at": now,
            "tried_at": now,
        }
        for one, kind, reason in sorted(unapplied, key=lambda item: item.arrived.seq)
    ]
    connection.execute(held.insert(), rows)
    for refused in (one for one in unapplied if one.kind == REFUSED):
        _tell(site, connection, refused)


def retry_waiting(site: Site, connection: Connection, *, keys: Iterable[str] = ()) -> Outcome:
    """Try records that wait, those of the given keys or else the longest untried, once more."""
    open_waiting = and_(held.c.decided_at.is_(None), held.c.kind == WAITING)
    wanted = set(keys)
    if not wanted:
        oldest = (
            select(held.c.key)
            .where(open_waiting)
            .order_by(held.c.tried_at, held.c.id)
            .limit(site.limits.retry_rows)
        )
        wanted = set(connection.scalars(oldest))
    rows = _open_rows(connection, held.c.key.in_(sorted(wanted)), kinds=(WAITING, BEHIND))
    return _retry(site, connection, rows)


def retry_parked(site: Site) -> int:
    """After an upgrade: apply, in order, what was parked and is now understood."""
    applied = 0
    after = 0
    while True:
        with writing(site.engine) as connection:
            rows = _understood(site, connection, after)
            if not rows:
                return applied
            after = rows[-1].id
            keys = {row.key for row in rows}
            following = _open_rows(
                connection,
                and_(held.c.key.in_(sorted(keys)), held.c.id > rows[0].id, held.c.id <= after),
                kinds=(WAITING, BEHIND),
            )
            ordered = sorted([*rows, *following], key=lambda row: row.id)
            applied += len(_retry(site, connection, ordered).applied)
            applied += len(retry_waiting(site, connection, keys=keys).applied)


def release(site: Site, number: int, *, by: str, note: str = "") -> None:
    """A person says: try this record again, what stood in its way is mended.

    Raises:
        NothingHeld: no refused record of that number is open.
        Refused: it is refused again, or an earlier one is still open; nothing was changed.
    """
    with writing(site.engine) as connection:
        row = _refused_row(connection, number)
        outcome = _retry(site, connection, [row])
        if not outcome.applied:
            reasons = [each.reason for each in outcome.unapplied]
            raise Refused(*(reasons or ["同一事项有较早的记录尚未处理，请先处理较早的"]))
        _decide(site, connection, row, RELEASED, by=by, note=note)
        retry_waiting(site, connection, keys=[row.key])


def reject(site: Site, number: int, *, by: str, note: str) -> None:
    """A person says: this record shall not be applied here; what waited behind it goes on.

    Raises:
        NothingHeld: no refused record of that number is open.
    """
    with writing(site.engine) as connection:
        row = _refused_row(connection, number)
        _decide(site, connection, row, REJECTED, by=by, note=note)
        retry_waiting(site, connection, keys=[row.key])


def is_open(connection: Connection, place: Place) -> bool:
    """Is this record held, and nobody has decided yet?"""
    names = held.c
    origin, epoch, route, seq = place
    found = select(names.id).where(
        names.origin == origin,
        names.epoch == epoch,
        names.route == route,
        names.seq == seq,
        names.decided_at.is_(None),
    )
    return connection.execute(found).first() is not None


def forget_open(connection: Connection, name: StreamId, *, first: int) -> set[int]:
    """Drop what is held of a stream from a number on, and undecided; returns the numbers."""
    names = held.c
    gone = held.delete().where(
        names.origin == name.origin,
        names.epoch == name.epoch,
        names.route == name.route,
        names.seq >= first,
        names.decided_at.is_(None),
    )
    return set(connection.scalars(gone.returning(names.seq)))


def forget_line(site: Site, connection: Connection, place: Place, *, left: bytes) -> None:
    """What was decided of a record stays known; its line does not."""
    names = held.c
    origin, epoch, route, seq = place
    connection.execute(
        held.update()
        .where(
            names.origin == origin,
            names.epoch == epoch,
            names.route == route,
            names.seq == seq,
        )
        .values(line=site.vault.seal(left))
    )


def any_waiting(connection: Connection) -> bool:
    waiting = select(held.c.id).where(held.c.decided_at.is_(None), held.c.kind == WAITING)
    return connection.execute(waiting.limit(1)).first() is not None


def _retry(site: Site, connection: Connection, rows: Sequence[Row[Any]]) -> Outcome:
    """Apply held records in the order of `rows`, and write down what became of each."""
    now = site.now()
    stopped = stopped_among(connection, {row.id: row.key for row in rows})
    _update(connection, [{"number": number, "tried_at": now} for number in sorted(stopped)])
    by_place = {_place(row): row for row in rows if row.id not in stopped}
    arrived = [
        Arrived(parse_line(site.vault.open(bytes(row.line))), *place)
        for place, row in by_place.items()
    ]
    outcome = apply_records(
        site, connection, arrived, author_of=authors(connection), blocks=Blocks()
    )
    decided = {"decided_at": now, "decision": APPLIED, "decided_by": _ENGINE}
    _update(connection, [{"number": by_place[one[1:]].id} | decided for one in outcome.applied])
    again = [
        {"number": by_place[arrived[1:]].id, "kind": kind, "reason": reason, "tried_at": now}
        for arrived, kind, reason in outcome.unapplied
    ]
    _update(connection, again)
    for one in outcome.unapplied:
        if one.kind == REFUSED != by_place[one.arrived[1:]].kind:
            _tell(site, connection, one)
    return outcome


def authors(connection: Connection) -> AuthorOf:
    """Look authors up by the certificate of the stream's set-up, each once."""
    known: dict[Setup, Author | None] = {}

    def author_of(one: Arrived) -> Author | None:
        setup = (one.origin, one.epoch)
        if setup not in known:
            found = certificate_for(connection, *setup)
            known[setup] = found.author if found else None
        return known[setup]

    return author_of


def _understood(site: Site, connection: Connection, after: int) -> Sequence[Row[Any]]:
    readable = [
        and_(held.c.type == name, held.c.version <= handler.version)
        for name, handler in site.handlers.items()
    ]
    if not readable:
        return []
    return _open_rows(
        connection,
        and_(held.c.id > after, or_(*readable)),
        kinds=(UNKNOWN, NEWER),
        limit=_PARKED_AT_ONCE,
    )


def _open_rows(
    connection: Connection,
    condition: ColumnElement[bool],
    *,
    kinds: tuple[str, ...],
    limit: int | None = None,
) -> Sequence[Row[Any]]:
    return connection.execute(
        select(held)
        .where(held.c.decided_at.is_(None), held.c.kind.in_(kinds), condition)
        .order_by(held.c.id)
        .limit(limit)
    ).all()


def _refused_row(connection: Connection, number: int) -> Row[Any]:
    rows = _open_rows(connection, held.c.id == number, kinds=(REFUSED,))
    if not rows:
        raise NothingHeld("没有这条待处理的隔离记录", id=number)
    return rows[0]


def _decide(
    site: Site, connection: Connection, row: Row[Any], decision: str, *, by: str, note: str
) -> None:
    values = {"decided_at": site.now(), "decision": decision, "decided_by": by, "note": note}
    _update(connection, [{"number": row.id} | values])
    record = parse_line(site.vault.open(bytes(row.line)))
    notice = Notice(row.id, record, *_place(row), row.reason, decision, by, note)
    site.on_notice(connection, notice)


def _tell(site: Site, connection: Connection, refused: Unapplied) -> None:
    one = refused.arrived
    row = connection.execute(
        select(held.c.id, held.c.reason).where(
            held.c.origin == one.origin,
            held.c.epoch == one.epoch,
            held.c.route == one.route,
            held.c.seq == one.seq,
        )
    ).one()
    site.on_notice(connection, Notice(row.id, *one, refused.reason))
    author = authors(connection)(one)
    if author is None or site.authority(author, one.route, one.record.type, one.record.region):
        name = StreamId(one.origin, one.epoch, one.route)
        note_incident(site, connection, UNAUTHORISED, name, seq=one.seq, detail=refused.reason)


def _update(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Change held records; each row names the same columns, and its record as `number`."""
    if rows:
        names = [name for name in rows[0] if name != "number"]
        statement = held.update().where(held.c.id == bindparam("number"))
        connection.execute(statement.values({name: bindparam(name) for name in names}), rows)


def _place(row: Row[Any]) -> Place:
    return row.origin, row.epoch, row.route, row.seq
