"""What others may do when a posting is reversed, in the same transaction.

`contributions` stands above `accounts` and may not be imported here; it adds its function.
"""

from collections.abc import Callable

from node.accounts.models import Posting
from node.core.work import UnitOfWork

POSTING_REVERSED: list[Callable[[UnitOfWork, Posting, Posting], None]] = []
"""Each is told (unit of work, what was wrong, its mirror image) and may refuse."""


def tell_reversed(uow: UnitOfWork, wrong: Posting, mirror: Posting) -> None:
    """Let everybody who keeps something about a posting do their part."""
    for hear in POSTING_REVERSED:
        hear(uow, wrong, mirror)
