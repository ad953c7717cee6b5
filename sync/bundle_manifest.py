"""What a bundle says of itself: the label anybody may read, and the manifest that is signed.

The label stands in the clear also when the rest is encrypted: who it is from, who it is for, which
network, when. The manifest says how far the sender holds what the receiver sends it (so the next
bundle back begins there), what it wants back, which runs of segments follow, and, from a parent,
its receipts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sync.bundle_lock import SCHEME
from sync.bundle_plan import Run
from sync.errors import Malformed
from sync.messages import Head, Receipt, heads_from_json
from sync.moment import parse_stamp
from sync.segment import StreamId

_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_HEX = re.compile(r"[0-9a-f]{64}")


class Label(NamedTuple):
    """`root` is the fingerprint of the network's root; `lock` the sender's fresh key, if locked."""

    sender: str
    receiver: str
    receiver_epoch: str
    root: str
    at: str
    lock: bytes | None


class Manifest(NamedTuple):
    """What is signed. `at` is the sender's clock."""

    sender: str
    sender_epoch: str
    receiver: str
    at: str
    heads: Sequence[Head]
    back: Sequence[Head]
    runs: Sequence[Run]
    receipts: Sequence[Receipt]

    @property
    def segments(self) -> int:
        return sum(run.segments for run in self.runs)

    @property
    def records(self) -> int:
        return sum(run.last - run.first + 1 for run in self.runs)


def write_label(label: Label) -> dict[str, Any]:
    lock = {"scheme": SCHEME, "key": label.lock.hex()} if label.lock else None
    return {
        "from": label.sender,
        "to": label.receiver,
        "to_epoch": label.receiver_epoch,
        "root": label.root,
        "at": label.at,
        "lock": lock,
    }


def read_label(plain: Mapping[str, Any]) -> Label:
    """Raises: Malformed: it is no label, or locked in a way this program does not know."""
    names = [_name(plain, name) for name in ("from", "to", "to_epoch")]
    root = plain.get("root")
    if not isinstance(root, str) or not _HEX.fullmatch(root):
        raise _unreadable("root")
    return Label(names[0], names[1], names[2], root, _at(plain), _lock(plain.get("lock")))


def write_manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "from": manifest.sender,
        "from_epoch": manifest.sender_epoch,
        "to": manifest.receiver,
        "at": manifest.at,
        "heads": [list(head) for head in manifest.heads],
        "back": [list(head) for head in manifest.back],
        "runs": [[*run.stream, *run[1:]] for run in manifest.runs],
        "receipts": [[each.document.decode(), each.signature.hex()] for each in manifest.receipts],
    }


def read_manifest(plain: Mapping[str, Any]) -> Manifest:
    """Raises: Malformed: it is no manifest."""
    return Manifest(
        sender=_name(plain, "from"),
        sender_epoch=_name(plain, "from_epoch"),
        receiver=_name(plain, "to"),
        at=_at(plain),
        heads=heads_from_json(plain.get("heads")),
        back=heads_from_json(plain.get("back")),
        runs=[_run(item) for item in _items(plain, "runs")],
        receipts=[_receipt(item) for item in _items(plain, "receipts")],
    )


def _run(item: Any) -> Run:
    kinds = [str, str, str, int, int, int, int]
    if not isinstance(item, list) or [type(value) for value in item] != kinds:
        raise _unreadable("runs")
    *names, first, last, segments, size = item
    if not all(_NAME.fullmatch(name) for name in names):
        raise _unreadable("runs")
    if not 1 <= first <= last < 2**62 or not 1 <= segments <= last - first + 1 or size < 0:
        raise _unreadable("runs")
    return Run(StreamId(*names), first, last, segments, size)


def _receipt(item: Any) -> Receipt:
    if not isinstance(item, list) or [type(value) for value in item] != [str, str]:
        raise _unreadable("receipts")
    try:
        return Receipt(item[0].encode(), bytes.fromhex(item[1]))
    except ValueError as error:
        raise _unreadable("receipts") from error


def _lock(plain: Any) -> bytes | None:
    if plain is None:
        return None
    if not isinstance(plain, dict) or plain.get("scheme") != SCHEME:
        raise Malformed("数据包的加密方式本程序不认识，请升级程序")
    key = plain.get("key")
    if not isinstance(key, str) or not _HEX.fullmatch(key):
        raise _unreadable("lock")
    return bytes.fromhex(key)


def _items(plain: Mapping[str, Any], name: str) -> list[Any]:
    value = plain.get(name)
    if not isinstance(value, list):
        raise _unreadable(name)
    return value


def _name(plain: Mapping[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _unreadable(name)
    return value


def _at(plain: Mapping[str, Any]) -> str:
    value = plain.get("at")
    try:
        parse_stamp(value)  # type: ignore[arg-type]  # whatever stands there, it is refused
    except (TypeError, ValueError) as error:
        raise _unreadable("at") from error
    return str(value)


def _unreadable(name: str) -> Malformed:
    return Malformed("数据包已损坏", field=name)
