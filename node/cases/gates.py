"""What an approval may have to wait for, besides the checks of the matter.

`notices` stands above `cases`: it adds a function that is asked about cases that are about to be
approved, all of them at once, and answers for those that have to wait.
"""

from collections.abc import Callable, Mapping, Sequence

from node.cases.models import Case
from node.core.errors import Refusal
from node.core.work import UnitOfWork

APPROVAL_GATES: list[Callable[[UnitOfWork, Sequence[Case]], Mapping[str, Refusal]]] = []


def held_back(uow: UnitOfWork, cases: Sequence[Case]) -> dict[str, Refusal]:
    """Cases that may not be approved yet, by id, with the reason."""
    held: dict[str, Refusal] = {}
    for gate in APPROVAL_GATES:
        held |= gate(uow, [case for case in cases if case.id not in held])
    return held
