"""Laws of cutting: nothing lost, transactions whole and in order, limits kept."""

from itertools import count, groupby

from hypothesis import given
from hypothesis import strategies as st

from sync import Limits
from sync.cutting import Piece, Written, cut

targets = st.tuples(
    st.sampled_from(["410122100200", "410122100201", "410122100000"]),
    st.sampled_from(["up/province", "up/county", "down/410122100200"]),
)
writes = st.lists(
    st.tuples(st.integers(0, 8), targets, st.integers(1, 90)), min_size=1, max_size=60
)
limits = st.builds(Limits, seal_records=st.integers(1, 8), seal_bytes=st.integers(50, 400))


def _rows(written: list[tuple[int, tuple[str, str], int]]) -> list[Written]:
    numbers = count(1)
    return [
        Written(next(numbers), f"t{txn}", origin, route, "x.fact", 1, b"x" * size)
        for txn, (origin, route), size in written
    ]


def _runs(pieces: list[Piece]) -> list[list[Written]]:
    """Pieces of one transaction put together again."""
    runs: list[list[Written]] = []
    is_open = False
    for piece in pieces:
        if is_open:
            runs[-1].extend(piece.rows)
        else:
            runs.append(list(piece.rows))
        is_open = piece.cont
    return runs


@given(writes, limits)
def test_every_row_is_in_one_piece_of_its_stream(
    written: list[tuple[int, tuple[str, str], int]], bounds: Limits
) -> None:
    rows = _rows(written)
    pieces = cut(rows, bounds)
    assert sorted(row.id for piece in pieces for row in piece.rows) == [row.id for row in rows]
    assert all(len({(row.origin, row.route) for row in piece.rows}) == 1 for piece in pieces)


@given(writes, limits)
def test_a_stream_holds_whole_transactions_in_the_order_of_their_largest_number(
    written: list[tuple[int, tuple[str, str], int]], bounds: Limits
) -> None:
    rows = _rows(written)
    newest = {row.txn: row.id for row in rows}
    for target in {(row.origin, row.route) for row in rows}:
        own = [
            piece
            for piece in cut(rows, bounds)
            if (piece.rows[0].origin, piece.rows[0].route) == target
        ]
        order = [row for piece in own for row in piece.rows]
        transactions = [name for name, _ in groupby(order, key=lambda row: row.txn)]
        assert transactions == sorted(set(transactions), key=lambda name: newest[name])
        assert all(
            [row.id for row in group] == sorted(row.id for row in order if row.txn == name)
            for name, group in groupby(order, key=lambda row: row.txn)
        )
        for run in _runs(own):
            inside = {row.txn for row in run}
            assert sum(row.txn in inside for row in order) == len(run)


@given(writes, limits)
def test_limits_are_kept_and_a_long_transaction_stands_alone(
    written: list[tuple[int, tuple[str, str], int]], bounds: Limits
) -> None:
    for piece in cut(_rows(written), bounds):
        size = sum(len(row.line) + 1 for row in piece.rows)
        assert len(piece.rows) <= bounds.seal_records
        assert size <= bounds.seal_bytes or len(piece.rows) == 1
        assert not piece.cont or len({row.txn for row in piece.rows}) == 1
