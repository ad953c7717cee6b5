"""What has not reached the parent yet, by key: so that people can be told what only lies here."""

from collections.abc import Collection, Iterator

import orjson
from sqlalchemy import Connection, and_, func, or_, select

from sync.keyring import identity_of
from sync.limits import LIMITS, Limits
from sync.record import parse_line
from sync.segment import Sealed, read_header, unpack_lines
from sync.store import outbox, receipt, segment, stream
from sync.vault import Vault

_STREAM = ("origin", "epoch", "route")


def unsent_keys(
    connection: Connection,
    record_types: Collection[str],
    *,
    vault: Vault,
    limits: Limits = LIMITS,
) -> frozenset[str]:
    """Keys of records of these types, written here to climb, that the parent has not receipted.

    Reads what waits and nothing else: unsealed lines, and segments past the parent's receipt.
    """
    lines = (*_unsealed(connection, record_types, vault), *_sealed(connection, vault, limits))
    names = [orjson.dumps(name) for name in record_types]
    found = set()
    for line in lines:
        if any(name in line for name in names):
            record = parse_line(line)
            if record.type in record_types:
                found.add(record.key)
    return frozenset(found)


def _unsealed(
    connection: Connection, record_types: Collection[str], vault: Vault
) -> Iterator[bytes]:
    rows = connection.execute(
        select(outbox.c.line).where(
            outbox.c.route.startswith("up/"), outbox.c.type.in_(sorted(record_types))
        )
    )
    for row in rows:
        yield vault.open(bytes(row.line))


def _sealed(connection: Connection, vault: Vault, limits: Limits) -> Iterator[bytes]:
    me = identity_of(connection)
    if me is None or me.parent is None:
        return
    same_stream = and_(
        *(stream.c[name] == segment.c[name] for name in ("origin", "epoch", "route"))
    )
    same_receipt = and_(
        receipt.c.taker == me.parent,
        *(receipt.c[name] == segment.c[name] for name in ("origin", "epoch", "route")),
    )
    waiting = (
        select(segment.c.header, segment.c.signature, segment.c.body)
        .select_from(segment.join(stream, same_stream).outerjoin(receipt, same_receipt))
        .where(
            stream.c.written_here,
            segment.c.route.startswith("up/"),
            segment.c.body.is_not(None),
            or_(receipt.c.seq.is_(None), segment.c.last > func.coalesce(receipt.c.seq, 0)),
        )
    )
    for row in connection.execute(waiting):
        sealed = Sealed(bytes(row.header), bytes(row.signature), vault.open(bytes(row.body)))
        yield from unpack_lines(sealed, read_header(sealed.header, limits), limits)
