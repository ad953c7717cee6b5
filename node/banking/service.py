"""What can be done with banks, by verb. Contributions and payroll begin here.

A maker of batches opens one (`open_batch`, or `open_batch_from` for a whole county), the exchange
hands its files to the bank and takes what comes back, and the maker hears of it through
`events.RESULT_TAKEN[purpose]`, in the transaction that took the result.
"""

from node.banking.batches import (
    NewBatch,
    NewLine,
    mark_sent,
    open_batch,
    open_batch_from,
    part_control,
    parts_of,
    write_part,
)
from node.banking.description import Bank, bank, banks
from node.banking.events import RESULT_TAKEN
from node.banking.exchange import Exchanged, exchange
from node.banking.incoming import Totals
from node.banking.results import Taken, close_line, confirm_by_hand, line_counts, take_result
from node.banking.rules import Answer, Direction, LineState, Outcome, line_problems

__all__ = [
    "RESULT_TAKEN",
    "Answer",
    "Bank",
    "Direction",
    "Exchanged",
    "LineState",
    "NewBatch",
    "NewLine",
    "Outcome",
    "Taken",
    "Totals",
    "bank",
    "banks",
    "close_line",
    "confirm_by_hand",
    "exchange",
    "line_counts",
    "line_problems",
    "mark_sent",
    "open_batch",
    "open_batch_from",
    "part_control",
    "parts_of",
    "take_result",
    "write_part",
]
