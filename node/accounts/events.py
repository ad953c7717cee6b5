"""What others may do when a posting is reversed or a month is closed, in the same transaction.

`contributions` stands above `accounts` and may not be imported here; it adds its functions.
"""

from collections.abc import Callable, Iterator

from node.accounts.models import Posting
from node.core.errors import Invalid
from node.core.work import UnitOfWork

POSTING_REVERSED: list[Callable[[UnitOfWork, Posting, Posting], None]] = []
"""Each is told (unit of work, what was wrong, its mirror image) and may refuse."""


def tell_reversed(uow: UnitOfWork, wrong: Posting, mirror: Posting) -> None:
    """Let everybody who keeps something about a posting do their part."""
    for hear in POSTING_REVERSED:
        hear(uow, wrong, mirror)


MONTH_CHECKS: list[Callable[[UnitOfWork, int, int], Iterator[Invalid]]] = []
"""Each is asked (unit of work, year, month) what of a month is not explained yet."""


def unexplained(uow: UnitOfWork, year: int, month: int) -> Iterator[Invalid]:
    """What keeps a month open, by those who keep money of it."""
    for asked in MONTH_CHECKS:
        yield from asked(uow, year, month)
