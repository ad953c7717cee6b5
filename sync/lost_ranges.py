"""Ranges of a stream that its author has declared lost, and how everybody goes on behind them.

An author that cannot get its own records back (`losing`) writes `sync.lost` under its next epoch,
on the same route, so it reaches exactly those to whom the old stream went. Who holds the records
keeps them. Who has only a state that came with a snapshot writes down that nothing else is left.
Who never got so far goes on behind the range: its head moves to the end of it, by name and hash.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sync.database import upsert
from sync.errors import Refused, Waiting
from sync.incidents import LOST, close_incidents, note_incident
from sync.keyring import require_identity
from sync.record import Arrived, Record
from sync.restoring import writes_for
from sync.segment import StreamId
from sync.site import Site
from sync.snapshot_store import gap, stands_for
from sync.store import stream

LOST_RECORD = "sync.lost"
_HASH_DIGITS = 64
GIVEN_UP = "第 {first} 至 {last} 条的原件已无处可取，其结果由 {holder} 持有"


def declaration(
    site: Site, name: StreamId, *, first: int, last: int, ending: str, holder: str, by: str
) -> Record:
    """The author's word: which range is lost, the hash of its last header, who has the state."""
    body = {"epoch": name.epoch, "first": first, "last": last, "hash": ending, "holder": holder}
    key = f"{name.epoch}/{name.route}/{first}"
    return Record(LOST_RECORD, 1, key, name.origin, site.now(), by, body)


def apply_losses(site: Site, connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Go on behind a range that its author has declared lost.

    Raises:
        Refused: a record does not say what is lost.
        Waiting: what stands before the range has not arrived.
    """
    bad = [one for one in arrived if not _is_sound(one)]
    if bad:
        raise Refused("原件已失的声明不完整", bad)
    early = [
        one for one in arrived if _head(connection, _stream_of(one)) < one.record.body["first"] - 1
    ]
    if early:
        raise Waiting("声明之前的记录还没有收到", early)
    me = require_identity(connection)
    for one in arrived:
        name, body = _stream_of(one), one.record.body
        last, holder = body["last"], body["holder"]
        head, first = _head(connection, name), body["first"]
        if head < last:
            first, ending = head + 1, body["hash"]
            go_behind(site, connection, name, first=first, last=last, ending=ending, holder=holder)
        elif stands_for(connection, name, last):
            # It came with a snapshot: all that is left of it lies here.
            close_incidents(site, connection, LOST, **name._asdict())
            _keep_gap(site, connection, name, body)
        else:
            continue  # the records themselves are here
        note_lost(site, connection, name, first=first, last=last, holder=holder, peer=me.parent)


def go_behind(
    site: Site,
    connection: Connection,
    name: StreamId,
    *,
    first: int,
    last: int,
    ending: str,
    holder: str,
) -> None:
    """The stream goes on after `last`, without what is lost."""
    said = {"first": first, "last": last, "hash": ending, "holder": holder}
    _keep_gap(site, connection, name, said)
    row = {
        **name._asdict(),
        "head": last,
        "head_hash": bytes.fromhex(ending),
        "applied": last,
        "written_here": writes_for(connection, name),
        "moved_at": site.now(),
    }
    upsert(connection, stream, [row])


def _keep_gap(site: Site, connection: Connection, name: StreamId, said: Mapping[str, Any]) -> None:
    row = {each: said[each] for each in ("first", "last", "holder")}
    row |= {**name._asdict(), "head_hash": bytes.fromhex(said["hash"]), "at": site.now()}
    upsert(connection, gap, [row])


def _head(connection: Connection, name: StreamId) -> int:
    names = stream.c
    found = connection.scalar(
        select(names.head).where(
            names.origin == name.origin, names.epoch == name.epoch, names.route == name.route
        )
    )
    return found or 0


def note_lost(
    site: Site,
    connection: Connection,
    name: StreamId,
    *,
    first: int,
    last: int,
    holder: str,
    peer: str | None,
) -> None:
    detail = GIVEN_UP.format(first=first, last=last, holder=holder)
    note_incident(site, connection, LOST, name, seq=first, detail=detail, peer=peer)


def _stream_of(one: Arrived) -> StreamId:
    return StreamId(one.origin, one.record.body["epoch"], one.route)


def _is_sound(one: Arrived) -> bool:
    body = one.record.body
    if not all(isinstance(body.get(name), str) for name in ("epoch", "hash", "holder")):
        return False
    first, last = body.get("first"), body.get("last")
    if type(first) is not int or type(last) is not int or not 0 < first <= last < 2**62:
        return False
    digits = set(body["hash"]) <= set("0123456789abcdef")
    return digits and len(body["hash"]) == _HASH_DIGITS and body["epoch"] != one.epoch
