"""What an auditor can do, offline: verify everything held here, trace one record to its author."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from sync import store
from sync.segment import read_header
from tests.scenario.sync_tree import (
    COUNTY,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
)


def _grown(tree: Tree) -> Place:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    for number in range(3):
        tree[VILLAGE].write(
            "up/province", *(fact(f"f{number}-{n}", n) for n in range(10 * number, 10 * number + 9))
        )
        tree[VILLAGE].replica.seal()
    tree[PROVINCE].write("down/all", fact("law", 1, region=PROVINCE))
    tree.sync()
    return tree[PROVINCE]


def test_everything_held_anywhere_verifies(tree: Tree) -> None:
    _grown(tree)
    for region, receipts in ((VILLAGE, 1), (TOWNSHIP, 1), (COUNTY, 1), (PROVINCE, 0)):
        steps: list[tuple[int, int]] = []
        found = tree[region].replica.verify(lambda done, total: steps.append((done, total)))  # noqa: B023  # used at once
        assert found.holds
        assert (found.streams, found.segments, found.records) == (2, 4, 28)
        assert found.receipts == receipts
        assert steps[-1] == (4, 4)


def _tampered(place: Place, change: Callable[[Connection], None]) -> list[str]:
    with place.engine.begin() as connection:
        change(connection)
    return [finding.reason for finding in place.replica.verify().findings]


def test_a_changed_body_is_found(tree: Tree) -> None:
    province = _grown(tree)

    def change(connection: Connection) -> None:
        rows = store.segment
        other = connection.scalar(rows.select().with_only_columns(rows.c.body).limit(1))
        connection.execute(rows.update().where(rows.c.first == 10).values(body=other))

    assert len(_tampered(province, change)) == 1


def test_a_lost_segment_is_found(tree: Tree) -> None:
    province = _grown(tree)

    def change(connection: Connection) -> None:
        connection.execute(store.segment.delete().where(store.segment.c.first == 10))

    assert _tampered(province, change) == ["记录流在此断开"]


def test_a_shortened_stream_is_found(tree: Tree) -> None:
    province = _grown(tree)

    def change(connection: Connection) -> None:
        connection.execute(store.segment.delete().where(store.segment.c.first == 19))

    assert _tampered(province, change) == ["记录流的末尾与水位不符"]


def test_a_changed_header_is_found(tree: Tree) -> None:
    province = _grown(tree)
    header = read_header(province.segments()[1].header)
    forged = replace(header, sealed_at="2020-01-01T00:00:00.000Z").canonical()

    def change(connection: Connection) -> None:
        rows = store.segment
        connection.execute(rows.update().where(rows.c.first == 10).values(header=forged))

    reasons = _tampered(province, change)
    assert {"段签名无效", "段头的散列值与登记的不同", "记录流在此断开"} <= set(reasons)


def test_a_receipt_that_speaks_of_more_than_is_here_is_found(tree: Tree) -> None:
    """As after restoring a disk from before: the parent has signed for what is gone."""
    _grown(tree)
    village = tree[VILLAGE]

    def change(connection: Connection) -> None:
        segments, streams = store.segment, store.stream
        kept = connection.execute(
            segments.select().where(segments.c.first == 10, segments.c.origin == VILLAGE)
        ).one()
        connection.execute(
            segments.delete().where(segments.c.first == 19, segments.c.origin == VILLAGE)
        )
        connection.execute(
            streams.update()
            .where(streams.c.origin == VILLAGE)
            .values(head=kept.last, head_hash=kept.header_hash)
        )

    assert _tampered(village, change) == ["回执与本节点的记录流不符"]


def test_a_record_is_traced_from_the_province_to_the_village_that_wrote_it(tree: Tree) -> None:
    province = _grown(tree)

    (proof,) = province.replica.trace("x.fact", "f2-25")

    assert proof.problems() == []
    assert proof.stream.origin == VILLAGE
    assert proof.record.body == {"n": 25}
    assert [link.node for link in proof.chain] == [VILLAGE, TOWNSHIP, COUNTY, PROVINCE]
    assert proof.received_from == COUNTY
    assert len(proof.proof) == 4
    assert "✓" in str(proof)
    assert list(province.replica.trace("x.fact", "nobody")) == []


def test_a_proof_of_another_line_does_not_hold(tree: Tree) -> None:
    province = _grown(tree)
    (proof,) = province.replica.trace("x.fact", "f2-25")

    forged = replace(proof, line=proof.line.replace(b'"n":25', b'"n":99'))

    assert forged.problems() == ["记录不在段头的根之下"]
    assert "✗" in str(forged)
    assert replace(proof, fingerprint="0" * 64).problems() == ["根证书指纹与加入时不同"]


def test_the_status_page_shows_what_waits(tree: Tree) -> None:
    _grown(tree)
    village = tree[VILLAGE]
    village.write("up/province", fact("late", 1))
    waiting = village.replica.status()
    village.replica.seal()
    sealed = village.replica.status()

    (own,) = [one for one in sealed.streams if one.written_here]
    assert (waiting.outbox, sealed.outbox) == (1, 0)
    assert (own.head, own.receipted) == (28, 27)
    assert sealed.identity is not None
    assert sealed.identity.node == VILLAGE
    assert (sealed.held, list(sealed.incidents)) == ({}, [])
