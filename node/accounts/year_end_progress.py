"""How far a year end has come, told while it runs.

It is one transaction, so the database shows nothing of it until it ends: the process that runs it
tells of it from memory. Nothing depends on this; a process that dies takes its story along, as its
transaction.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from node.core.titled import TitledEnum
from node.core.work import UnitOfWork

T = TypeVar("T")


class Step(TitledEnum):
    """What a year end does, in this order; each is a few statements over the whole county."""

    SETTLE = "settle", "逐户计算积数和利息"
    POST = "post", "逐户记入利息"
    TELL = "tell", "逐村写好发往各级的记录"
    CHECK = "check", "登记凭证，核对控制科目"
    COMMIT = "commit", "写入磁盘"


STEPS = list(Step)


@dataclass
class Progress:
    """A year end that runs: the step it is in, the villages of that step, and since when."""

    year: int
    step: Step = Step.SETTLE
    villages: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def number(self) -> int:
        """Which step this is, from 1."""
        return STEPS.index(self.step) + 1

    @property
    def of(self) -> int:
        """How many steps there are."""
        return len(STEPS)

    @property
    def seconds(self) -> int:
        """How long it has run."""
        return int(time.monotonic() - self.started)

    def counted(self, rows: Iterable[T]) -> Iterator[T]:
        """The rows, each a village, counted as they pass."""
        for row in rows:
            yield row
            self.villages += 1


_running: dict[str, Progress] = {}


def begin(uow: UnitOfWork, year: int) -> Progress:
    """Tell of a year end from now until its transaction ends, well or not."""
    county = str(uow.node)
    made = _running[county] = Progress(year)

    def ended(_session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None and _running.get(county) is made:
            del _running[county]

    event.listen(uow.session, "after_transaction_end", ended)
    return made


def running(county: str) -> Progress | None:
    """The year end that runs in this process for a county, if one does."""
    return _running.get(county)
