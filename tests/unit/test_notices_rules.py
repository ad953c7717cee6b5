"""When a notice has done its work."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.notices.rules import Phase, Standing, last_day, phase, refusal

POSTED = date(2026, 3, 16)


@pytest.mark.parametrize(
    ("standing", "today", "where", "sentence"),
    [
        (Standing(None, 7), POSTED, Phase.ISSUED, "还没有张贴"),
        (Standing(POSTED, 7), POSTED, Phase.HANGING, "公示到 2026-03-23 为止"),
        (Standing(POSTED, 7), date(2026, 3, 23), Phase.HANGING, "公示到 2026-03-23 为止"),
        (Standing(POSTED, 7), date(2026, 3, 24), Phase.OVER, ""),
        (Standing(POSTED, 7, open_objections=1), date(2026, 4, 1), Phase.DISPUTED, "尚未答复"),
        (Standing(POSTED, 7, upheld_objections=1), date(2026, 4, 1), Phase.OVER, "异议成立"),
    ],
)
def test_a_case_waits_for_its_notice(
    standing: Standing, today: date, where: Phase, sentence: str
) -> None:
    assert phase(standing, today) is where
    refused = refusal(standing, today)
    assert (refused is None) is (sentence == "")
    assert refused is None or sentence in refused.message


def test_a_case_on_no_notice_waits() -> None:
    refused = refusal(None, POSTED)
    assert refused is not None
    assert "还没有列入" in refused.message


@given(
    posted=st.dates(date(2012, 1, 1), date(2100, 1, 1)),
    days=st.integers(1, 60),
    waited=st.integers(0, 200),
)
def test_without_objections_exactly_the_days_after_the_last_one_are_free(
    posted: date, days: int, waited: int
) -> None:
    today = posted + timedelta(days=waited)
    free = refusal(Standing(posted, days), today) is None
    assert free is (waited > days) is (today > last_day(posted, days))
