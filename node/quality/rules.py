"""How findings are graded, dated and scored. Pure.

Source: founding notice 三.四 and 四 (把好数据入口关; 数据质量监督); business rules §10.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from node.core.titled import TitledEnum
from node.policy.quality_bodies import Severity

PERFECT = 1_000_000


class Answer(TitledEnum):
    """What a county says of a finding."""

    EXPLAINED = "explained", "核实无误"
    CORRECTING = "correcting", "正在更正"


DAYS: Mapping[Severity, int] = {Severity.ERROR: 10, Severity.WARNING: 30, Severity.NOTICE: 90}
"""Days a county has, where no bulletin says otherwise."""

WEIGHTS: Mapping[Severity, int] = {Severity.ERROR: 10, Severity.WARNING: 3, Severity.NOTICE: 0}
"""What one open finding costs, in tenths of a person."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one rule is used: whether at all, how grave, how many days there are."""

    severity: Severity
    days: int
    is_on: bool = True

    def due_on(self, found_on: date) -> date:
        """The last day for an answer."""
        return found_on + timedelta(days=self.days)


def score_ppm(open_findings: Mapping[Severity, int], people: int) -> int | None:
    """Quality in parts per million: of all people, those no weighted finding stands against.

    None where there are no people: nothing can be said.
    """
    if people <= 0:
        return None
    lost = sum(WEIGHTS[severity] * number for severity, number in open_findings.items())
    return max(0, PERFECT - lost * PERFECT // (10 * people))


def is_overdue(due_on: date, today: date, *, is_answered: bool) -> bool:
    """Late only while nobody has answered."""
    return not is_answered and due_on < today
