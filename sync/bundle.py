"""Bundles: what a link would carry, carried on a stick. Offline is a transport, not a mode.

A bundle goes from a node to its parent or to one child. It holds the segments the other lacks,
byte for byte, with certificates and a signed manifest. How it is taken in is `sync.bundle_taking`.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection

from sync.bundle_file import BUNDLE_LIMITS, BundleLimits, Reader, Writer, open_reader
from sync.bundle_lock import (
    LockedInput,
    LockedOutput,
    Output,
    make_offer,
    receiving_cipher,
    sending_cipher,
)
from sync.bundle_manifest import (
    Label,
    Manifest,
    read_label,
    read_manifest,
    write_label,
    write_manifest,
)
from sync.bundle_plan import Plan, correspondent, make_plan, segments_of
from sync.certificate import MAX_CHAIN, Certificate, verify_chain
from sync.database import reading
from sync.errors import Malformed, Untrusted
from sync.keyring import OWN, RETIRED, Identity, find_key, require_identity, signing_key
from sync.keys import FOR_BUNDLE, Signer, verifier
from sync.limits import MIB
from sync.messages import Receipt
from sync.receipts import give_receipt
from sync.replica import Replica
from sync.segment import Sealed, read_header
from sync.trust import certificate_for, chain_for, revocations

_AT_ONCE = 4 * MIB
_HEADS_IN_RECEIPT = 16  # a receipt is kept whole beside each head it speaks of
_SEED_BYTES = 32


def plan_export(replica: Replica, *, to: str = "", only_receipt: bool = False) -> Plan:
    """Seal what is written, and find what a peer lacks; the parent when none is named.

    Raises:
        Untrusted: this node exchanges no bundles with it.
    """
    replica.seal()
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
        if not (to or me.parent):
            raise Untrusted("本节点没有上级，请指明给哪个下级")
        receiver = correspondent(connection, me, to or str(me.parent))
        return make_plan(connection, me, receiver, with_segments=not only_receipt)


def export(replica: Replica, plan: Plan, output: Output, *, lock: bool = False) -> Manifest:
    """Write a bundle. It is whole only when this returns; making it safe on disk is the caller's.

    `lock` encrypts it to the receiver's certified key.
    """
    site, receiver = replica.site, plan.receiver
    offer = make_offer(site.entropy(_SEED_BYTES)) if lock else None
    with reading(site.engine) as connection:
        key = signing_key(site, connection, plan.me.node)
        authors = {(run.stream.origin, run.stream.epoch) for run in plan.runs}
        # The receiver's own, too: it may have been renewed, and have no other way to hear of it.
        ends = {(key.node, key.epoch), (receiver.node, receiver.epoch)}
        certificates = chain_for(connection, authors | ends)
        receipts = _receipts(replica, connection, plan) if receiver.node != plan.me.parent else []
    at = site.now()
    label = Label(
        sender=key.node,
        receiver=receiver.node,
        receiver_epoch=receiver.epoch,
        root=plan.me.root_fingerprint,
        at=at,
        lock=offer.public if offer else None,
    )
    manifest = Manifest(
        key.node, key.epoch, receiver.node, at, plan.heads, plan.back, plan.runs, receipts
    )

    def locked(inner: Output, prelude: bytes) -> LockedOutput:
        if offer is None:
            raise AssertionError
        cipher = sending_cipher(offer, receiver=receiver.key, alg=receiver.alg, label=prelude)
        return LockedOutput(inner, cipher)

    writer = Writer(output, write_label(label), lock=locked if offer else None)
    writer.manifest(write_manifest(manifest))
    for certificate in certificates:
        writer.certificate(certificate)
    for sealed in segments_of(site, plan):
        writer.segment(sealed)
    writer.close(lambda digest: key.signer.sign(FOR_BUNDLE + digest))
    return manifest


def look_at(source: BinaryIO, *, limits: BundleLimits = BUNDLE_LIMITS) -> Label:
    """What stands on a bundle for everybody to read; nothing is proved by it.

    Raises:
        Malformed: it is no bundle.
    """
    source.seek(0)
    return read_label(open_reader(source, limits).label)


class Contents(NamedTuple):
    """A bundle that was read to its end, and whose signature holds."""

    label: Label
    manifest: Manifest
    certificates: Sequence[Certificate]
    sender: Certificate


def check(replica: Replica, source: BinaryIO, *, limits: BundleLimits = BUNDLE_LIMITS) -> Contents:
    """Read a bundle whole and prove it: whether from here or to here. Nothing is changed.

    Raises:
        Malformed: it is no bundle, or not whole, or damaged.
        Untrusted: it is of another network, locked to somebody else, or not signed by its sender.
    """
    opened = open_bundle(replica, source, limits=limits)
    segments = records = 0
    runs = {run.stream: run for run in opened.manifest.runs}
    for sealed in opened.segments():
        header = read_header(sealed.header, limits.segment)
        run = runs.get(header.stream)
        if run is None or not run.first <= header.first <= header.last <= run.last:
            raise Malformed("数据包的内容与清单不符", origin=header.origin)
        segments += 1
        records += header.last - header.first + 1
    if (segments, records) != (opened.manifest.segments, opened.manifest.records):
        raise Malformed("数据包的内容与清单不符")
    return Contents(opened.label, opened.manifest, opened.certificates, opened.sender)


class Opened(NamedTuple):
    """A bundle of which label, manifest and certificates were read. Nothing is proved yet."""

    reader: Reader
    label: Label
    manifest: Manifest
    certificates: list[Certificate]
    sender: Certificate

    def segments(self) -> Iterator[Sealed]:
        """The rest; at its end it is proved that the sender wrote all of it.

        Raises:
            Malformed: the file is cut short or damaged.
        """
        return self.reader.segments(self._check)

    def _check(self, digest: bytes, signature: bytes) -> None:
        holds = verifier(self.sender.alg, self.sender.key)
        if not holds(signature, FOR_BUNDLE + digest):
            raise Malformed("数据包已损坏：签名与内容不符", sender=self.sender.node)


def open_bundle(
    replica: Replica, source: BinaryIO, *, limits: BundleLimits = BUNDLE_LIMITS
) -> Opened:
    """Read the beginning of a bundle.

    Raises:
        Malformed: it is no bundle, or damaged.
        Untrusted: it is of another network, locked to somebody else, or its sender is unknown.
    """
    source.seek(0)
    reader = open_reader(source, limits)
    label = read_label(reader.label)
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
        if label.root != me.root_fingerprint:
            raise Untrusted("这个数据包属于另一个网络，不能导入", root=label.root)
        if label.lock:
            key = _key_of(replica, connection, me, label)
            cipher = receiving_cipher(key, offer=label.lock, label=reader.prelude)
            reader.unlock(LockedInput(reader.source, cipher))
        plain, certificates = reader.head()
        manifest = read_manifest(plain)
        if (manifest.sender, manifest.receiver) != (label.sender, label.receiver):
            raise Malformed("数据包已损坏：封面与清单不符")
        sender = _sender(connection, me, manifest, certificates)
    return Opened(reader, label, manifest, certificates, sender)


def _key_of(replica: Replica, connection: Connection, me: Identity, label: Label) -> Signer:
    for kind in (OWN, RETIRED):
        key = find_key(replica.site, connection, me.node, kinds=(kind,))
        if key and (key.node, key.epoch) == (label.receiver, label.receiver_epoch):
            return key.signer
    raise Untrusted("这个数据包已加密，本节点没有打开它的密钥", receiver=label.receiver)


def _sender(
    connection: Connection, me: Identity, manifest: Manifest, offered: Sequence[Certificate]
) -> Certificate:
    """The sender's certificate, its chain to our root checked."""
    bag = {(found.node, found.epoch): found for found in offered}
    setup = (manifest.sender, manifest.sender_epoch)
    chain: list[Certificate] = []
    while len(chain) <= MAX_CHAIN:
        found = bag.get(setup) or certificate_for(connection, *setup)
        if found is None:
            raise Untrusted("数据包里没有寄出节点的证书", sender=manifest.sender)
        chain.append(found)
        if found.is_root:
            break
        setup = (found.issuer, found.issuer_epoch)
    own = revocations(connection, manifest.sender, manifest.sender_epoch)
    if own is not None and own.successor:
        raise Untrusted("数据包是该节点重新入网以前写的，不再接受", sender=manifest.sender)
    if any(revocations(connection, found.node, found.epoch) for found in chain):
        raise Untrusted("寄出节点的证书已被吊销", sender=manifest.sender)
    return verify_chain(chain, me.root_fingerprint)


def _receipts(replica: Replica, connection: Connection, plan: Plan) -> list[Receipt]:
    heads = plan.heads
    return [
        give_receipt(
            replica.site,
            connection,
            heads[start : start + _HEADS_IN_RECEIPT],
            giver=plan.receiver.node,
        )
        for start in range(0, len(heads), _HEADS_IN_RECEIPT)
    ]
