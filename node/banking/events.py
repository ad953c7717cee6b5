"""What the makers of batches do when a bank has answered, in the same transaction.

Contributions and payroll stand above `banking` and may not be imported here; each adds its
function under the purpose it gives its batches.
"""

from collections.abc import Callable

from node.core.work import UnitOfWork

RESULT_TAKEN: dict[str, Callable[[UnitOfWork, int], None]] = {}
"""By purpose: told (unit of work, result number) once its rows have been judged and taken.

Rows taken are those of `bank_result_line` with outcome `taken`; what asks for a person has another
outcome. A result may hold rows of several purposes; each is told of the whole result.
"""


def tell_taken(uow: UnitOfWork, result_no: int, purposes: list[str]) -> None:
    """Let those who made the batches do their part."""
    for purpose in purposes:
        if purpose in RESULT_TAKEN:
            RESULT_TAKEN[purpose](uow, result_no)
