"""Where the person of a case has a page of their own.

`registry` stands above `cases`: it adds a function that gives the address for a citizen number, or
None for somebody it does not know.
"""

from collections.abc import Callable

from node.core.work import UnitOfWork

SUBJECT_PAGES: list[Callable[[UnitOfWork, str], str | None]] = []


def page_of_subject(uow: UnitOfWork, citizen_number: str) -> str:
    """The address of the person's page; empty when this node does not know them."""
    found = (tell(uow, citizen_number) for tell in SUBJECT_PAGES)
    return next((href for href in found if href), "")
