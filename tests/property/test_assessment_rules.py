"""Marks never leave their bounds, better never scores less, and places are fair."""

from hypothesis import given
from hypothesis import strategies as st

from node.assessment.rules import HUNDRED, MILLI, Scored, marks, ranking, to_improve, total
from node.policy.assessment_bodies import AssessmentItem, Indicator

PPM = st.integers(0, 1_000_000)
ITEMS = st.tuples(st.integers(1, 100), PPM, PPM).filter(lambda made: made[1] != made[2])


def item(weight: int, zero: int, full: int, name: str = "项目") -> AssessmentItem:
    return AssessmentItem(
        name=name, indicator=Indicator.PAYING, weight=weight, zero_ppm=zero, full_ppm=full
    )


def test_worked_example() -> None:
    """缴费率 15 分，零分 50%，满分 90%: 70 % is half way, 7.5 points; 90 % and 95 % are all."""
    paying = item(15, 500_000, 900_000)
    assert [marks(v, paying) for v in (400_000, 500_000, 700_000, 900_000, 950_000)] == [
        0,
        0,
        7_500,
        15_000,
        15_000,
    ]
    fewer_is_better = item(10, 100_000, 0)
    assert [marks(v, fewer_is_better) for v in (200_000, 50_000, 0)] == [0, 5_000, 10_000]


@given(made=ITEMS, low=PPM, high=PPM)
def test_better_never_scores_less(made: tuple[int, int, int], low: int, high: int) -> None:
    one = item(*made)
    low, high = sorted((low, high))
    worse, better = (marks(low, one), marks(high, one))
    if one.full_ppm < one.zero_ppm:
        worse, better = better, worse
    assert 0 <= worse <= better <= one.weight * MILLI
    assert marks(one.zero_ppm, one) == 0
    assert marks(one.full_ppm, one) == one.weight * MILLI


@given(st.lists(st.tuples(ITEMS, st.integers(0, 50), st.integers(0, 50)), max_size=8))
def test_a_total_is_of_a_hundred_and_leaves_out_what_has_no_basis(
    made: list[tuple[tuple[int, int, int], int, int]],
) -> None:
    scored = [Scored(item(*each), part, whole) for each, part, whole in made]
    assert 0 <= total(scored) <= HUNDRED
    based = [each for each in scored if each.denominator]
    assert total(scored) == total(based)
    everything = [Scored(each.item, each.item.full_ppm, 1_000_000) for each in based]
    assert total(everything) == (HUNDRED if based else 0)
    lost = [each.lost for each in to_improve(scored, most=99)]
    assert lost == sorted(lost, reverse=True)
    assert all(lost)


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 5), max_size=9))
def test_places_follow_scores_and_equals_share(totals: dict[str, int]) -> None:
    places = ranking(totals)
    for name, score in totals.items():
        assert places[name] == 1 + sum(other > score for other in totals.values())
