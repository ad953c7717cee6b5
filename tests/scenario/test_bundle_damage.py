"""Damaged, cut, lengthened and forged bundles: refused in words, with nothing changed."""

import io
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from sync import LIMITS, Malformed, Sealed, SyncRefusal, store
from sync.bundle import check, export, plan_export
from sync.bundle_file import MAGIC, BundleLimits, Writer, open_reader
from sync.bundle_lock import CHUNK, LockedInput, LockedOutput, make_offer, receiving_cipher
from sync.bundle_lock import sending_cipher as cipher_for
from sync.bundle_taking import take_in
from sync.keys import FOR_BUNDLE, signer
from sync.segment import decode, encode
from tests.scenario.bundle_sticks import insert, stick
from tests.scenario.sync_tree import (
    TOWNSHIP,
    VILLAGE,
    Clock,
    Place,
    Tree,
    fact,
    sqlite_urls,
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """A township that takes nothing, and a village with two segments for it."""
    tree = Tree(sqlite_urls(tmp_path_factory.mktemp("pair")), Clock())
    township, village = tree.grow(TOWNSHIP, VILLAGE)
    village.write("up/county", fact("a", 1))
    village.write("up/province", fact("b", 2))
    yield township, village
    tree.dispose()


@pytest.fixture(scope="module", params=["plain", "locked"])
def data(request: pytest.FixtureRequest, pair: tuple[Place, Place]) -> bytes:
    return stick(pair[1], lock=request.param == "locked")


def refusal(township: Place, data: bytes) -> str:
    """What is said; nothing was written meanwhile."""
    before = _written(township)
    with pytest.raises(SyncRefusal) as refused:
        take_in(township.replica, io.BytesIO(data))
    assert _written(township) == before
    return refused.value.message


def _written(place: Place) -> list[int]:
    tables = (store.certificate, store.segment, store.link, store.incident, store.stream)
    with place.engine.connect() as connection:
        return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def test_a_bit_turned_over_anywhere_is_noticed(pair: tuple[Place, Place], data: bytes) -> None:
    chance = Random(1)  # noqa: S311  # which bit
    for at in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[at] ^= 1 << chance.randrange(8)
        assert refusal(pair[0], bytes(damaged))


def test_a_file_cut_off_anywhere_is_noticed(pair: tuple[Place, Place], data: bytes) -> None:
    for length in [*range(0, len(data), 7), len(data) - 1]:
        assert refusal(pair[0], data[:length])


def test_a_file_that_goes_on_is_noticed(pair: tuple[Place, Place], data: bytes) -> None:
    for more in (b"\0", data, b"x" * CHUNK):
        assert refusal(pair[0], data + more)


def test_a_block_of_zeros_is_noticed(pair: tuple[Place, Place], data: bytes) -> None:
    """What a stick that was pulled out too early leaves behind."""
    for start in range(0, len(data) - 256, 256):
        assert refusal(pair[0], data[:start] + bytes(256) + data[start + 256 :])


def test_two_parts_of_a_file_exchanged_are_noticed(pair: tuple[Place, Place], data: bytes) -> None:
    middle = len(data) // 2
    for size in (64, 300):
        one, other = data[middle - size : middle], data[middle : middle + size]
        assert refusal(pair[0], data[: middle - size] + other + one + data[middle + size :])


def test_what_is_said_of_a_damaged_file(pair: tuple[Place, Place]) -> None:
    plain = stick(pair[1])
    assert refusal(pair[0], b"") == "这不是五级网络的数据包文件"
    assert refusal(pair[0], b"PK\3\4" + bytes(100)) == "这不是五级网络的数据包文件"
    assert refusal(pair[0], plain[:-1]) == "数据包不完整，可能没有拷贝完"
    damaged = bytearray(plain)
    damaged[-1] ^= 1
    assert refusal(pair[0], bytes(damaged)) == "数据包已损坏：签名与内容不符"
    locked = stick(pair[1], lock=True)
    assert refusal(pair[0], locked[:-1]) == "数据包已损坏，或不完整"


def test_a_bundle_signed_by_another_key_is_refused(pair: tuple[Place, Place]) -> None:
    township, village = pair
    assert refusal(township, rewritten(stick(village), signer("ed25519", b"\7" * 32).sign))


def test_segments_the_manifest_does_not_name_are_refused(pair: tuple[Place, Place]) -> None:
    """Even when the sender signs it: its manifest is what was shown to people."""
    township, village = pair
    sign = village.replica.signer().sign
    for count in (0, 1, 3):
        message = refusal(township, rewritten(stick(village), sign, segments=count))
        assert message == "数据包的内容与清单不符"


def rewritten(data: bytes, sign, *, segments: int = 2) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """The same bundle, signed anew, with so many of its segments."""
    reader = open_reader(io.BytesIO(data))
    manifest, certificates = reader.head()
    found = list(reader.segments(lambda _digest, _signature: None))
    output = io.BytesIO()
    writer = Writer(output, reader.label)
    writer.manifest(manifest)
    for certificate in certificates:
        writer.certificate(certificate)
    for sealed in (found * 2)[:segments]:
        writer.segment(sealed)
    writer.close(lambda digest: sign(FOR_BUNDLE + digest))
    return output.getvalue()


def test_one_forged_segment_stops_its_stream_and_no_other(sqlite_tree: Tree) -> None:
    """A sender that signs what its author did not: as over the network, that stream is refused."""
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    village.write("up/county", fact("a", 1))
    village.write("up/province", fact("b", 2))
    original = stick(village)
    at = original.index(b"WJS1")
    sealed, end = decode(original, at, LIMITS)
    forged = Sealed(sealed.header, bytes(64), sealed.body)
    data = original[:at] + encode(forged) + original[end:]
    done = insert(township, rewritten(data, village.replica.signer().sign))
    assert [one.code for one in done.refused] == ["untrusted"]
    assert len(township.facts()) == 1


@given(st.binary(max_size=300))
def test_whatever_follows_the_magic_gives_a_reader_or_a_refusal(data: bytes) -> None:
    for start in (MAGIC, MAGIC + struct.pack(">I", 2) + b"{}", MAGIC[:-3]):
        with pytest.raises(Malformed):
            _read_all(start + data)


def _read_all(data: bytes) -> None:
    reader = open_reader(io.BytesIO(data))
    reader.head()
    list(reader.segments(lambda _digest, _signature: None))


def test_nothing_is_read_before_its_length_was_looked_at() -> None:
    """A file that claims gigabytes costs none."""
    limits = BundleLimits(manifest=1000, certificates=1)
    huge = struct.pack(">I", 2**32 - 1)
    label = MAGIC + struct.pack(">I", 2) + b"{}"
    source = Counting(MAGIC + huge + bytes(10_000))
    with pytest.raises(Malformed):
        open_reader(source, limits)
    assert source.asked < 5_000
    for kind in b"HCSZ":
        source = Counting(label + bytes([kind]) + huge + bytes(10_000))
        with pytest.raises(Malformed):
            open_reader(source, limits).head()
        assert source.asked < 5_000


class Counting(io.BytesIO):
    """Counts how many bytes were asked for."""

    asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked += size or 0
        return super().read(size)


@given(st.lists(st.integers(0, 3 * CHUNK), max_size=4), st.integers(1, 2 * CHUNK))
def test_what_was_locked_comes_out_as_it_went_in(sizes: list[int], step: int) -> None:
    receiver = signer("ed25519", b"\1" * 32)
    offer = make_offer(b"\2" * 32)
    file = io.BytesIO()
    pieces = [bytes([n]) * size for n, size in enumerate(sizes)]
    output = LockedOutput(file, cipher_for(offer, receiver=receiver.key, alg="ed25519", label=b"l"))
    for piece in pieces:
        output.write(piece)
    output.close()
    file.seek(0)
    opened = LockedInput(file, receiving_cipher(receiver, offer=offer.public, label=b"l"))
    read = b"".join(iter(lambda: opened.read(step), b""))
    assert read == b"".join(pieces)


def test_the_label_cannot_be_exchanged_on_a_locked_bundle() -> None:
    receiver = signer("ed25519", b"\1" * 32)
    offer = make_offer(b"\2" * 32)
    file = io.BytesIO()
    output = LockedOutput(
        file, cipher_for(offer, receiver=receiver.key, alg="ed25519", label=b"for one")
    )
    output.close()
    file.seek(0)
    opened = LockedInput(file, receiving_cipher(receiver, offer=offer.public, label=b"another"))
    with pytest.raises(Malformed):
        opened.read(1)


def test_a_key_of_small_order_locks_nothing() -> None:
    with pytest.raises(Malformed):
        receiving_cipher(signer("ed25519", b"\1" * 32), offer=bytes(32), label=b"")


def test_memory_does_not_grow_with_the_bundle(sqlite_tree: Tree, tmp_path: Path) -> None:
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    chance = Random(2)  # noqa: S311  # bytes that do not compress
    for n in range(40):
        text = chance.randbytes(300_000).hex()
        village.write("up/county", fact(f"k{n}", n, text=text))
    file = tmp_path / "large.bundle"
    plan = plan_export(village.replica)  # seals, too
    tracemalloc.start()
    with file.open("w+b") as stick_file:
        export(village.replica, plan, stick_file, lock=True)
        assert file.stat().st_size > 10_000_000
        _, peak_of_export = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        check(township.replica, stick_file)
    _, peak_of_check = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_of_export < 10_000_000
    assert peak_of_check < 4_000_000
