"""Receipts: a taker signs how far it holds streams, the giver keeps that word.

Nothing may be dropped before the end of its route has receipted it, and a taker whose stream
stands lower than its own receipt has lost something.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from sync.database import listed, upsert, writing
from sync.errors import Untrusted
from sync.keyring import require_identity, signing_key
from sync.keys import FOR_RECEIPT, verifier
from sync.links import PARENT, note_progress
from sync.messages import Head, Receipt, Statement, read_statement, write_statement
from sync.segment import StreamId
from sync.site import Site
from sync.store import receipt
from sync.trust import certificate_for


def give_receipt(
    site: Site, connection: Connection, heads: Sequence[Head], *, giver: str
) -> Receipt:
    """Sign how far this node holds what `giver` sent."""
    me = require_identity(connection)
    key = signing_key(site, connection, me.node)
    document = write_statement(Statement(me.node, key.epoch, giver, site.now(), heads))
    return Receipt(document, key.signer.sign(FOR_RECEIPT + document))


def check_receipt(connection: Connection, given: Receipt) -> Statement:
    """Read a receipt and check who signed it.

    Raises:
        Malformed: it is none.
        Untrusted: its signature does not hold, or its signer is not known here.
    """
    statement = read_statement(given.document)
    taker = certificate_for(connection, statement.taker, statement.taker_epoch)
    if taker is None:
        raise Untrusted("回执的签发节点没有证书", taker=statement.taker)
    if not verifier(taker.alg, taker.key)(given.signature, FOR_RECEIPT + given.document):
        raise Untrusted("回执签名无效", taker=statement.taker)
    return statement


def keep_receipt(site: Site, given: Receipt) -> Statement:
    """Check a parent's receipt and keep the newest word on each stream.

    Raises:
        Malformed, Untrusted: as `check_receipt`; or it was given to somebody else.
    """
    with writing(site.engine) as connection:
        statement = check_receipt(connection, given)
        me = require_identity(connection)
        if statement.giver != me.node or statement.taker != me.parent:
            raise Untrusted("回执不是给本节点的", giver=statement.giver, taker=statement.taker)
        rows = [
            {
                "taker": statement.taker,
                "origin": head.origin,
                "epoch": head.epoch,
                "route": head.route,
                "seq": head.seq,
                "head_hash": bytes.fromhex(head.hash),
                "at": statement.at,
                "document": given.document,
                "signature": given.signature,
            }
            for head in _newer(connection, statement)
        ]
        upsert(connection, receipt, rows)
        note_progress(site, connection, statement.taker, role=PARENT)
    return statement


def _newer(connection: Connection, statement: Statement) -> Iterator[Head]:
    """The heads that say more than is kept, or were said later: bundles bring old receipts."""
    names = receipt.c
    columns = (names.origin, names.epoch, names.route)
    source, same = listed(connection, [head.stream for head in statement.heads], columns)
    rows = connection.execute(
        select(*columns, names.seq, names.at)
        .select_from(source.join(receipt, same))
        .where(names.taker == statement.taker)
    )
    kept = {StreamId(*row[:3]): (row.seq, row.at) for row in rows}
    for head in statement.heads:
        seq, at = kept.get(head.stream, (0, ""))
        if head.seq > seq or (head.seq > 0 and statement.at >= at):
            yield head
