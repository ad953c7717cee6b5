"""What is compared is the same work."""

from contextlib import ExitStack

from sqlalchemy import text

from benchmarks import interest_floor
from benchmarks.interest import settled, sqlite_copies
from node.core.db import make_engine
from node.core.personal import Keyring


def test_both_floors_and_the_program_find_the_same_interest() -> None:
    with ExitStack() as opened:
        copies = opened.enter_context(sqlite_copies(400))
        bare, posted, ours = (
            make_engine(opened.enter_context(copies()), Keyring.generate()) for _ in range(3)
        )
        interest_floor.prepare(bare)
        interest_floor.settle(bare)
        interest_floor.settle_and_post(posted)
        with posted.connect() as connection:
            booked = connection.scalar(text("SELECT sum(fen) FROM posting WHERE kind = 'interest'"))
        assert settled(ours) == interest_floor.total(bare) == booked > 0
        for engine in (bare, posted, ours):
            engine.dispose()
