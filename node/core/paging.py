"""Long lists in pages of a bounded size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlmodel import Session

T = TypeVar("T")

PAGE_SIZE = 50
PAGE_SIZE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list: `number` counts from 1, `total` is the length of the whole list."""

    items: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))


def paged(
    session: Session, statement: Select[T], *, number: int = 1, size: int = PAGE_SIZE
) -> Page[T]:
    """Page `number` of a statement that selects one entity and names its own order.

    Numbers outside the list are moved to its nearest end, so an old link still shows something.
    """
    size = min(max(1, size), PAGE_SIZE_LIMIT)
    counted = select(func.count()).select_from(statement.order_by(None).subquery())
    total = session.execute(counted).scalar_one()
    number = min(max(1, number), max(1, -(-total // size)))
    rows = session.execute(statement.limit(size).offset((number - 1) * size)).scalars().all()
    return Page(items=rows, number=number, size=size, total=total)
