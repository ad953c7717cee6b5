"""The engine's own tables, the same on SQLite and Postgres; all named `sync_*`.

Instants are text (`moment.stamp`), hashes and keys are bytes, lines and bodies lie in the vault.
A stream's row in `sync_stream` is the only watermark there is: it moves in the transaction that
applies, never by time, and never expires.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite numbers by itself only what is declared INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")


def _stream_columns() -> tuple[Column[str], Column[str], Column[str]]:
    return (
        Column("origin", String(40), nullable=False),
        Column("epoch", String(40), nullable=False),
        Column("route", String(100), nullable=False),
    )


identity = Table(
    "sync_identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("node", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("epoch", String(40), nullable=False),
    Column("parent", String(40)),
    Column("root_fingerprint", String(64), nullable=False),
    Column("since", String(24), nullable=False),
    comment="Who this node is: one row once it is founded or has joined.",
)

private_key = Table(
    "sync_private_key",
    metadata,
    Column("node", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("alg", String(20), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("made_at", String(24), nullable=False),
    comment="Keys held here. kind: pending (not certified yet), own, hosted, retired.",
)

certificate = Table(
    "sync_certificate",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("node", String(40), nullable=False),
    Column("epoch", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("region", String(40), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("alg", String(20), nullable=False),
    Column("issuer", String(40), nullable=False),
    Column("issuer_epoch", String(40), nullable=False),
    Column("held_by", String(40), nullable=False),
    Column("not_before", String(24), nullable=False),
    Column("not_after", String(24), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("ix_sync_certificate_node", "node", "epoch", "not_after"),
    comment="Certificates whose chain to the root was checked when they came.",
)

revocation = Table(
    "sync_revocation",
    metadata,
    Column("node", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("last", _Number, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revoked_by", String(40), nullable=False),
    Column("at", String(24), nullable=False),
    Column("successor", String(40), comment="the epoch that took over; empty: revoked for good"),
    comment="Up to `last` a revoked node's stream stands; route '*' for streams not named.",
)

mark = Table(
    "sync_mark",
    metadata,
    Column("node", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("mark", String(40), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("at", String(24), nullable=False),
    comment="Which state of its disk a node shows at a session. Own: own, next; of a child: "
    "current, seen, dead (a disk that was overtaken by an older one).",
)

succession = Table(
    "sync_succession",
    metadata,
    Column("node", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("continues", Text, nullable=False),
    comment="What the first header of a stream under a new epoch must name, countersigned.",
)

aside = Table(
    "sync_aside",
    metadata,
    Column("id", _Number, primary_key=True),
    *_stream_columns(),
    Column("first", _Number, nullable=False),
    Column("last", _Number, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("missing", Text, nullable=False, comment="numbers that were not applied, as JSON"),
    Column("at", String(24), nullable=False),
    Index("ix_sync_aside_log", "origin", "route"),
    comment="Segments of another history, which no longer count: put aside, and kept.",
)

join_code = Table(
    "sync_join_code",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("region", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("expires", String(24), nullable=False),
    Column("issued_at", String(24), nullable=False),
    Column("used_at", String(24)),
    Column("used_by", String(64), comment="fingerprint of the certificate it was used for"),
    comment="The code itself is shown once and never stored.",
)

outbox = Table(
    "sync_outbox",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("txn", String(40), nullable=False),
    Column("origin", String(40), nullable=False),
    Column("route", String(100), nullable=False),
    Column("type", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Index("ix_sync_outbox_txn", "txn", "id"),
    comment="Lines written by business transactions, without numbers until they are sealed.",
)

stream = Table(
    "sync_stream",
    metadata,
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("head", _Number, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("applied", _Number, nullable=False),
    Column("written_here", Boolean, nullable=False),
    Column("moved_at", String(24), nullable=False),
    Index("ix_sync_stream_route", "route"),
    comment="Watermarks. `applied` stays behind `head` while a transaction is still arriving.",
)

segment = Table(
    "sync_segment",
    metadata,
    Column("position", _Number, primary_key=True),
    *_stream_columns(),
    Column("first", _Number, nullable=False),
    Column("last", _Number, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("header_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, comment="in the vault; empty once archived"),
    Column("bytes", Integer, nullable=False, comment="size on the wire"),
    Column("received_from", String(40), comment="empty when sealed here"),
    Column("stored_at", String(24), nullable=False),
    UniqueConstraint("origin", "epoch", "route", "first", name="uq_sync_segment_first"),
    sqlite_autoincrement=True,
    comment="Everything sealed or taken, in the order it came; bodies pass on untouched.",
)

held = Table(
    "sync_held",
    metadata,
    Column("id", _Number, primary_key=True),
    *_stream_columns(),
    Column("seq", _Number, nullable=False),
    Column("type", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", String(200), nullable=False),
    Column("region", String(40), nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("held_at", String(24), nullable=False),
    Column("tried_at", String(24), nullable=False),
    Column("decided_at", String(24)),
    Column("decision", String(10)),
    Column("decided_by", String(200)),
    Column("note", Text),
    UniqueConstraint("origin", "epoch", "route", "seq", name="uq_sync_held_seq"),
    Index(
        "ix_sync_held_open_key",
        "key",
        sqlite_where=text("decided_at IS NULL"),
        postgresql_where=text("decided_at IS NULL"),
    ),
    Index(
        "ix_sync_held_open_kind",
        "kind",
        "tried_at",
        "id",
        sqlite_where=text("decided_at IS NULL"),
        postgresql_where=text("decided_at IS NULL"),
    ),
    comment="Records not applied: refused, waiting, behind another, unknown or newer.",
)

receipt = Table(
    "sync_receipt",
    metadata,
    Column("taker", String(40), primary_key=True),
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("seq", _Number, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("at", String(24), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    comment="The latest signed word of a taker on how far it holds a stream.",
)

erased = Table(
    "sync_erased",
    metadata,
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("seen", String(24), nullable=False),
    Column("ordered", String(24)),
    comment="Lines of which only the leaf is left; ordered: when their author said so.",
)

confirmed = Table(
    "sync_confirmed",
    metadata,
    Column("by", String(40), primary_key=True),
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("seq", _Number, nullable=False),
    Column("at", String(24), nullable=False),
    Column("due_seq", _Number),
    Column("due_at", String(24)),
    comment="What the end of a route says of a stream, past all relays; due: at its next word.",
)

link = Table(
    "sync_link",
    metadata,
    Column("peer", String(40), primary_key=True),
    Column("role", String(10), nullable=False),
    Column("epoch", String(40)),
    Column("last_contact", String(24)),
    Column("last_progress", String(24)),
    Column("skew_ms", BigInteger),
    Column("versions", Text),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text),
    Column("error_at", String(24)),
    comment="One row per peer; role: parent or child.",
)

incident = Table(
    "sync_incident",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("peer", String(40)),
    *_stream_columns(),
    Column("seq", _Number, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", String(24), nullable=False),
    Column("closed_at", String(24)),
    UniqueConstraint("kind", "origin", "epoch", "route", "seq", name="uq_sync_incident"),
    comment="What a person must look at: forks, streams behind their receipt, foreign writers.",
)
