"""What people read: amounts, dates, instants, refusals."""

from datetime import UTC, date, datetime

import pytest

from node.core.errors import Conflict, Invalid, Problems
from node.web import i18n
from node.web.filters import (
    count,
    errors_of,
    instant,
    ledger_date,
    mask,
    moment_text,
    problems,
    share,
    wan_yuan,
)
from node.web.rendering import environment


def shown(source: str, **context: object) -> str:
    return environment().from_string(source).render(context)


@pytest.fixture
def english() -> object:
    token = i18n.speak("en")
    yield
    i18n.hush(token)


def test_amounts_have_thousands_two_decimals_and_a_real_minus() -> None:
    assert shown("{{ 595606|yuan }} {{ (-50000)|yuan }}") == "5,956.06 −500.00"


def test_ten_thousand_yuan_are_rounded_half_up_at_the_end() -> None:
    assert wan_yuan(2_917_440_000) == "2,917.44"
    assert wan_yuan(5_000) == "0.01"
    assert wan_yuan(4_999) == "0.00"
    assert wan_yuan(-1_000_000) == "−1.00"


def test_shares_have_one_decimal() -> None:
    assert share(991_772) == "99.2%"
    assert share(1_000_000) == "100.0%"
    assert share(-500) == "−0.1%"


def test_counts_have_thousands() -> None:
    assert count(182_406) == "182,406"
    assert count(-3) == "−3"


def test_a_citizen_number_is_masked_and_none_is_nothing() -> None:
    assert mask("419099197001011218") == "419099********1218"
    assert mask(None) == ""


def test_instants_are_read_on_the_clock_of_shanghai() -> None:
    late = datetime(2026, 3, 12, 16, 20, tzinfo=UTC)
    assert instant(late) == "2026-03-13 00:20"
    assert instant("2026-03-12T16:20:00.000000Z") == "2026-03-13 00:20"
    assert instant(datetime(2026, 3, 12, 16, 20)) == "2026-03-13 00:20"  # noqa: DTZ001  # as SQLite gives it
    assert instant(None) == ""


def test_today_needs_no_date() -> None:
    now = datetime(2026, 3, 15, 8, 0, tzinfo=UTC)
    assert moment_text(datetime(2026, 3, 14, 17, 41, tzinfo=UTC), now) == "01:41"
    assert moment_text(datetime(2026, 3, 14, 15, 41, tzinfo=UTC), now) == "3月14日 23:41"


def test_dates_are_short_in_prose_and_whole_in_ledgers() -> None:
    day = date(2026, 3, 2)
    assert shown("{{ d|day_month }} {{ d|date_cn }}", d=day) == "3月2日 2026年3月2日"
    assert ledger_date(day) == ledger_date("2026-03-02") == "2026-03-02"
    assert shown("{{ '2026-03'|month_cn }}") == "2026年3月"


@pytest.mark.usefixtures("english")
def test_dates_follow_the_language_although_they_are_constants_of_a_template() -> None:
    page = environment().from_string("{{ '2026-03-02'|date_cn }}")
    assert page.render() == "2 March 2026"
    token = i18n.speak("zh")
    assert page.render() == "2026年3月2日"
    i18n.hush(token)


def test_deadlines_speak_of_working_days() -> None:
    assert shown("{{ 3|working_days }}") == "还剩 3 个工作日"
    assert shown("{{ 0|working_days }}") == "今天到期"
    assert shown("{{ (-2)|working_days }}") == "逾期 2 个工作日"


def test_every_kind_of_refusal_becomes_pairs_of_field_and_message() -> None:
    one, two = Invalid("日期不对", field="died_on"), Invalid("请勾选")
    assert problems(Problems([one, two])) == [("died_on", "日期不对"), ("", "请勾选")]
    assert problems(Conflict("已经办理")) == [("", "已经办理")]
    assert problems([one]) == problems({"died_on": "日期不对"}) == [("died_on", "日期不对")]
    assert problems(None) == problems("文字") == []


def test_a_field_without_an_error_reads_as_nothing() -> None:
    errors = errors_of(Invalid("日期不对", field="died_on"))
    assert shown("{{ e.died_on }}|{{ e.heir }}", e=errors) == "日期不对|"
