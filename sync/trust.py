"""Certificates this node has checked and keeps, and what was revoked.

Segments are judged by signature, chain and revocation, not by validity in time: a village whose
clock is dead or whose certificate ran out while the line was down still delivers. Time is judged
when a peer opens a session.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from sync.certificate import MAX_CHAIN, Certificate, verify_chain
from sync.database import insert_new, listed
from sync.errors import Untrusted
from sync.segment import StreamId
from sync.store import certificate, revocation

ANY_ROUTE = "*"
NO_END = 2**62 - 1
"""A stream of a set-up that was succeeded, and of which nobody said where it ends."""

# Built once: these are asked many times in every call.
_OF = certificate.c.node == bindparam("of")
_LATEST = certificate.c.not_after.desc()
_OF_SETUP = (
    select(certificate)
    .where(_OF, certificate.c.epoch == bindparam("epoch"))
    .order_by(_LATEST)
    .limit(1)
)
_NEWEST = select(certificate).where(_OF).order_by(certificate.c.epoch.desc(), _LATEST).limit(1)
_REVOKED = select(revocation.c.route, revocation.c.last, revocation.c.successor).where(
    revocation.c.node == bindparam("of"), revocation.c.epoch == bindparam("epoch")
)

_CHUNK = 500
Setup = tuple[str, str]
"""(node, epoch): one set-up of a node."""


class Standing(NamedTuple):
    """What of a revoked node's streams still stands: numbers up to `last`, by route.

    `successor` is the epoch that took over; empty when the set-up was revoked for good.
    """

    last: Mapping[str, int]
    successor: str | None = None

    def forbids(self, route: str, seq: int) -> bool:
        return seq > self.last.get(route, self.last.get(ANY_ROUTE, 0))


def certificate_for(connection: Connection, node: str, epoch: str) -> Certificate | None:
    """The certificate of one set-up of a node; after a renewal, the newest."""
    row = connection.execute(_OF_SETUP, {"of": node, "epoch": epoch}).first()
    return _certificate(row) if row else None


def newest_certificate(connection: Connection, node: str) -> Certificate | None:
    """The certificate of a node's latest set-up."""
    row = connection.execute(_NEWEST, {"of": node}).first()
    return _certificate(row) if row else None


def children_of(connection: Connection, node: str) -> list[Certificate]:
    """Direct children with machines of their own, under their newest set-up, not revoked."""
    names = certificate.c
    below = connection.scalars(
        select(names.node)
        .where(names.issuer == node, names.node != node, names.held_by == names.node)
        .distinct()
        .order_by(names.node)
    ).all()
    found = (newest_certificate(connection, each) for each in below)
    gone = {
        (row.node, row.epoch)
        for row in connection.execute(select(revocation.c.node, revocation.c.epoch))
    }
    return [each for each in found if each and (each.node, each.epoch) not in gone]


def certificates_for(connection: Connection, setups: Collection[Setup]) -> dict[Setup, Certificate]:
    """Certificates of many set-ups at once; those not known here are left out."""
    columns = (certificate.c.node, certificate.c.epoch)
    wanted = sorted(set(setups))
    if len(wanted) == 1:  # as nearly always: a chain is climbed one by one
        one = certificate_for(connection, *wanted[0])
        return {wanted[0]: one} if one else {}
    found: dict[Setup, Certificate] = {}
    for start in range(0, len(wanted), _CHUNK):
        source, same = listed(connection, wanted[start : start + _CHUNK], columns)
        rows = connection.execute(
            select(certificate)
            .select_from(source.join(certificate, same))
            .order_by(certificate.c.not_after)
        )
        found |= {(row.node, row.epoch): _certificate(row) for row in rows}
    return found


def unknown_certificates(
    connection: Connection, offered: Iterable[Certificate]
) -> list[Certificate]:
    """Those of the offered ones that are not kept here yet: in steady state none."""
    bag = {(c.node, c.epoch): c for c in offered}
    known = certificates_for(connection, bag)
    return [c for setup, c in bag.items() if known.get(setup) != c]


def chain_for(connection: Connection, setups: Collection[Setup]) -> list[Certificate]:
    """The certificates of these set-ups and of all above them, each once, the root last."""
    chain: dict[Setup, Certificate] = {}
    wanted = set(setups)
    for _ in range(MAX_CHAIN):
        found = certificates_for(connection, wanted - set(chain)) if wanted else {}
        # A certificate needed by one that came later moves behind it.
        for setup in wanted & set(chain):
            found[setup] = chain.pop(setup)
        chain |= found
        wanted = {(c.issuer, c.issuer_epoch) for c in found.values() if not c.is_root}
    return list(chain.values())


def keep_certificates(
    connection: Connection, offered: Iterable[Certificate], *, fingerprint: str
) -> None:
    """Check certificates against the root this node joined under, and keep them.

    Raises:
        Untrusted: one has no chain to that root, was issued by a node that is revoked, or gives
            a set-up that is known another key.
    """
    new = unknown_certificates(connection, offered)
    _refuse_other_keys(connection, new)
    bag = {(c.node, c.epoch): c for c in new}
    issuers = chain_for(connection, {(c.issuer, c.issuer_epoch) for c in new})
    bag = {(c.node, c.epoch): c for c in issuers} | bag
    for found in new:
        chain = _chain_in(bag, found)
        verify_chain(chain, fingerprint)
        _refuse_revoked_issuers(connection, chain[1:])
    insert_new(connection, certificate, [certificate_row(found) for found in new])


def revocations(connection: Connection, node: str, epoch: str) -> Standing | None:
    """What was revoked of one set-up of a node, if anything."""
    rows = connection.execute(_REVOKED, {"of": node, "epoch": epoch}).all()
    if not rows:
        return None
    withdrawn = {row.route: row.last for row in rows if row.successor is None}
    succeeded = {row.route: row.last for row in rows if row.successor is not None}
    if not withdrawn:
        return Standing(succeeded, max(row.successor for row in rows if row.successor))
    if ANY_ROUTE in withdrawn:
        # What a node below said of a successor later must not widen what was withdrawn.
        return Standing(withdrawn)
    return Standing(succeeded | withdrawn | {ANY_ROUTE: 0})


def certificate_row(found: Certificate) -> dict[str, object]:
    return {
        "fingerprint": found.fingerprint(),
        "node": found.node,
        "epoch": found.epoch,
        "level": found.level,
        "region": found.region,
        "key": found.key,
        "alg": found.alg,
        "issuer": found.issuer,
        "issuer_epoch": found.issuer_epoch,
        "held_by": found.held_by,
        "not_before": found.not_before,
        "not_after": found.not_after,
        "signature": found.signature,
    }


def setup_of(stream: StreamId) -> Setup:
    return stream.origin, stream.epoch


def _certificate(row: Row[Any]) -> Certificate:
    plain = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    del plain["fingerprint"]
    return Certificate(**plain)


def _chain_in(bag: Mapping[Setup, Certificate], start: Certificate) -> Sequence[Certificate]:
    chain = [start]
    while not chain[-1].is_root:
        issuer = bag.get((chain[-1].issuer, chain[-1].issuer_epoch))
        if issuer is None or len(chain) > MAX_CHAIN:
            raise Untrusted("证书链不完整", node=start.node, missing=chain[-1].issuer)
        chain.append(issuer)
    return chain


def _refuse_other_keys(connection: Connection, offered: Sequence[Certificate]) -> None:
    """A set-up has one key for ever: a renewal changes dates, and a new key needs a new epoch."""
    known = certificates_for(connection, {(c.node, c.epoch) for c in offered})
    for found in offered:
        before = known.get((found.node, found.epoch))
        if before and (before.alg, before.key) != (found.alg, found.key):
            raise Untrusted("同一次入网的证书换了密钥", node=found.node, issuer=found.issuer)


def _refuse_revoked_issuers(connection: Connection, issuers: Iterable[Certificate]) -> None:
    for issuer in issuers:
        standing = revocations(connection, issuer.node, issuer.epoch)
        # What a set-up certified before another took over stays good.
        if standing and standing.successor is None:
            raise Untrusted("签发者的证书已被吊销", node=issuer.node)
