"""From values to marks, from marks to a ranking, and what would bring most. Pure.

Source: business §12 (考核); domain §11.4: score = Σ weight × the share of the way from the value
that has no marks to the value that has all of them. Marks are thousandths of a point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from node.policy.assessment_bodies import AssessmentItem

MILLI = 1_000
HUNDRED = 100 * MILLI
PPM = 1_000_000


def ratio_ppm(numerator: int, denominator: int) -> int | None:
    """A rate in parts per million, half up; None when there is nothing to divide by."""
    if denominator <= 0:
        return None
    return (2 * numerator * PPM + denominator) // (2 * denominator)


def marks(value_ppm: int, item: AssessmentItem) -> int:
    """Thousandths of a point for a value, half up; never below none or above all.

    Where less is better the scheme says so by a full mark below the zero mark.
    """
    span = item.full_ppm - item.zero_ppm
    way = (value_ppm - item.zero_ppm) * (1 if span > 0 else -1)
    span = abs(span)
    way = min(max(way, 0), span)
    return (2 * way * item.weight * MILLI + span) // (2 * span)


@dataclass(frozen=True, slots=True)
class Scored:
    """One item of one county: what it was scored from, and its marks; none without a basis."""

    item: AssessmentItem
    numerator: int
    denominator: int
    note: str = ""

    @property
    def value_ppm(self) -> int | None:
        return ratio_ppm(self.numerator, self.denominator)

    @property
    def points(self) -> int | None:
        value = self.value_ppm
        return None if value is None else marks(value, self.item)

    @property
    def lost(self) -> int:
        """What is missing to full marks; nothing where nothing can be said."""
        points = self.points
        return 0 if points is None else self.item.weight * MILLI - points


def total(scored: Iterable[Scored]) -> int:
    """The score out of a hundred, in thousandths: items without a basis are left out, and the rest
    weighs as a hundred.
    """
    counted = [each for each in scored if each.points is not None]
    weight = sum(each.item.weight for each in counted)
    if not weight:
        return 0
    points = sum(each.points or 0 for each in counted)
    return (2 * points * 100 + weight) // (2 * weight)


def ranking(totals: Mapping[str, int]) -> dict[str, int]:
    """Places from the highest score on; equal scores share a place, and the next is left free."""
    ordered = sorted(totals.values(), reverse=True)
    return {name: ordered.index(score) + 1 for name, score in totals.items()}


def to_improve(scored: Iterable[Scored], most: int = 3) -> Sequence[Scored]:
    """The items that would bring most, the largest loss first."""
    losing = [each for each in scored if each.lost > 0]
    return sorted(losing, key=lambda each: (-each.lost, each.item.name))[:most]
