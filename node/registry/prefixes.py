"""The first six digits of citizen numbers: which are known, and whether invented ones may pass.

The prefix is the place of first registration, perhaps abolished since, so an unknown one asks
somebody to look and refuses nothing (GB 11643-1999). Numbers in tests and in training stand under
prefixes that were never assigned: such a node is told to let them pass without a word.
"""

from collections.abc import Container
from functools import cache

from sqlalchemy import Engine

from node.core.divisions import division_lines
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number

ACCEPTED = "wuji_unassigned_prefixes"
DIGITS = 6


class _Everything:
    def __contains__(self, _prefix: object) -> bool:
        return True


EVERYTHING: Container[str] = _Everything()


def accept_unassigned_prefixes(engine: Engine, *, accepted: bool) -> None:
    """Say for a node's store whether numbers under prefixes never assigned pass without a word."""
    setattr(engine.dialect, ACCEPTED, accepted)


@cache
def _own_prefixes() -> frozenset[str]:
    """The prefixes of the packaged division table; read once, 55,000 lines take 30 ms."""
    return frozenset(line[:DIGITS] for line in division_lines())


def known_prefixes(uow: UnitOfWork, citizen_number: str, village: str) -> Container[str]:
    """Known prefixes to judge a number by; one of another province cannot be judged here."""
    prefix = normal_number(citizen_number)[:DIGITS]
    if getattr(uow.connection.dialect, ACCEPTED, False) or prefix[:2] != village[:2]:
        return EVERYTHING
    return _own_prefixes()
