"""What others may do when an enrolment is opened or a person changes, in the same transaction.

`accounts`, `contributions` and `benefits` stand above `registry` and may not be imported here;
each adds its function to a list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from node.core.work import UnitOfWork
from node.registry.codes import CloseReason, Standing
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


@dataclass(frozen=True, slots=True)
class Closing:
    """Why participation ends, and who gets what the account holds, on which card."""

    reason: CloseReason
    payee: str
    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a decided matter has done to a person, in the transaction that did it.

    `before` and `after` are the standing of the enrolment; `left` is the village the person
    belonged to when it is another now. An enrolment that closes has `after` closed; `closing` says
    who is paid, unless the matter that closes it pays by itself (死亡申报).
    """

    county_code: str
    person_id: str
    village: RegionCode
    left: RegionCode | None
    before: Standing
    after: Standing
    on: date
    reason: str
    case_id: str | None
    closing: Closing | None = None

    @property
    def closes(self) -> bool:
        """Whether the enrolment ends: what the account holds is to be settled."""
        return self.after is Standing.CLOSED and self.before is not Standing.CLOSED


PERSON_CHANGED: list[Callable[[UnitOfWork, Sequence[Changed]], None]] = []

CLOSING_CHECKS: list[Callable[[UnitOfWork, Sequence[str]], dict[str, str]]] = []
"""Each is asked which of these people (ids) may not be closed now, and why."""

HOLDINGS: list[Callable[[UnitOfWork, Sequence[str]], dict[str, int]]] = []
"""Each is asked what the accounts of these people (ids) hold, in fen; empty ones are left out."""

GRADE_CHECKS: list[Callable[[UnitOfWork, Sequence[str], int], dict[str, str]]] = []
"""Each is asked whose grade of a year can be chosen no more, and why: who has paid, say."""


def held_by(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, int]:
    """What these people's accounts hold as far as this node knows, in fen."""
    found: dict[str, int] = {}
    for ask in HOLDINGS:
        found |= ask(uow, person_ids)
    return found


def tell_changed(uow: UnitOfWork, changed: Sequence[Changed]) -> None:
    """Let everybody who waits for changes do their part, all of them at once."""
    for hear in PERSON_CHANGED:
        hear(uow, changed)
