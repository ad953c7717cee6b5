"""What others may do when an enrolment is opened, in the same transaction.

`accounts` stands above `registry` and may not be imported here; it adds its function to the list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from node.core.work import UnitOfWork
from tiers import RegionCode


@dataclass(frozen=True, slots=True)
class Opened:
    """An enrolment that takes effect with this transaction. `grade_fen` is none from 60 on."""

    county_code: str
    person_id: str
    enrolment_id: str
    village: RegionCode
    opened_on: date
    grade_fen: int | None
    case_id: str | None


ENROLMENT_OPENED: list[Callable[[UnitOfWork, Sequence[Opened]], None]] = []


def tell_opened(uow: UnitOfWork, opened: Sequence[Opened]) -> None:
    """Let everybody who waits for enrolments do their part, all of them at once."""
    for hear in ENROLMENT_OPENED:
        hear(uow, opened)
