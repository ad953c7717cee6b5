"""What the makers of batches do when a bank has answered, in the same transaction.

Contributions and payroll stand above `banking` and may not be imported here; each adds its
function under the purpose it gives its batches.
"""

from collections.abc import Callable

from node.core.work import UnitOfWork

RESULT_TAKEN: dict[str, Callable[[UnitOfWork, int], None]] = {}
"""By purpose: told (unit of work, result number) once its rows have been judged and taken.

Rows taken are those of `bank_result_line` with outcome `taken`; what asks for a person has another
outcome, and a row that names no line of ours belongs to no purpose: who collects looks after those
of results that collect, who pays after the others. Each is told of every result.
"""


def tell_taken(uow: UnitOfWork, result_no: int) -> None:
    """Let everybody who makes batches do their part."""
    for hear in RESULT_TAKEN.values():
        hear(uow, result_no)
