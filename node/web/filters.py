"""How values are written on a page: amounts, dates, instants, numbers of persons.

Amounts are integer fen, dates are business dates, instants are UTC; all are shown in
Asia/Shanghai. Filters that depend on the reader's language take the Jinja context, because
Jinja computes a filter of a constant once, when the template is compiled, unless it does.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime

from jinja2 import pass_context
from jinja2.runtime import Context

from node.core.clock import shanghai
from node.core.errors import Problems, Refusal
from node.core.money import percent, yuan
from node.core.personal import mask_citizen_number, mask_tail
from node.web.i18n import gettext, language, ngettext

MINUS = "−"


def wan_yuan(fen: int) -> str:
    """Fen as 万元 with two decimals, half up, for tables of totals."""
    hundredths = (abs(fen) + 5_000) // 10_000
    return f"{MINUS if fen < 0 else ''}{hundredths // 100:,}.{hundredths % 100:02d}"


def count(value: int) -> str:
    """A number of persons or records with thousands."""
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def share(ppm: int) -> str:
    """Parts per million as per cent with one decimal, half up, for statistics: 99.2%."""
    tenths = (abs(ppm) + 500) // 1_000
    return f"{MINUS if ppm < 0 else ''}{tenths // 10}.{tenths % 10}%"


def mask(number: str | None) -> str:
    """A citizen number as a page may show it; nothing for none."""
    return mask_citizen_number(number) if number else ""


def _day(value: date | str) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if isinstance(value, datetime) else value


def local(value: datetime | str) -> datetime:
    """An instant as the clock in Shanghai shows it."""
    instant_ = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant_.tzinfo is None:  # SQLite gives UTC back without saying so
        instant_ = instant_.replace(tzinfo=UTC)
    return shanghai(instant_)


def ledger_date(value: date | str | None) -> str:
    """2026-03-12, for ledgers and tables of figures."""
    return "" if value is None else _day(value).isoformat()


@pass_context
def date_cn(_context: Context, value: date | str | None) -> str:
    """2026年3月12日, for prose and forms."""
    if value is None:
        return ""
    day = _day(value)
    if language() == "en":
        return f"{day.day} {day:%B %Y}"
    return f"{day.year}年{day.month}月{day.day}日"


def _day_month(day: date) -> str:
    return f"{day.day} {day:%b}" if language() == "en" else f"{day.month}月{day.day}日"


@pass_context
def day_month(_context: Context, value: date | str | None) -> str:
    """3月12日, for prose inside a year."""
    return "" if value is None else _day_month(_day(value))


@pass_context
def month_cn(_context: Context, value: str | None) -> str:
    """2026年3月, from the month 2026-03."""
    if not value:
        return ""
    year, month = value.split("-")[:2]
    first = date(int(year), int(month), 1)
    return f"{first:%B %Y}" if language() == "en" else f"{year}年{int(month)}月"


def instant(value: datetime | str | None) -> str:
    """2026-03-12 16:20 in Shanghai, for ledgers."""
    return "" if value is None else f"{local(value):%Y-%m-%d %H:%M}"


@pass_context
def moment(_context: Context, value: datetime | str | None, now: datetime | None = None) -> str:
    """3月12日 16:20; only 16:20 when it is of the same day as `now`."""
    return "" if value is None else moment_text(value, now)


def moment_text(value: datetime | str, now: datetime | None) -> str:
    """The text of `moment`, for Python."""
    then = local(value)
    clock = f"{then:%H:%M}"
    if now is not None and local(now).date() == then.date():
        return clock
    return f"{_day_month(then.date())} {clock}"


@pass_context
def working_days(_context: Context, days: int) -> str:
    """还剩 3 个工作日, 今天到期 or 逾期 2 个工作日."""
    if days == 0:
        return gettext("今天到期")
    if days < 0:
        return ngettext("逾期 %(n)s 个工作日", "逾期 %(n)s 个工作日", -days, n=-days)
    return ngettext("还剩 %(n)s 个工作日", "还剩 %(n)s 个工作日", days, n=days)


class Errors(dict[str, str]):
    """Messages by field; a field without one reads as the empty string."""

    def __missing__(self, name: str) -> str:
        return ""


def errors_of(found: object) -> Errors:
    """Whatever refused a form, as messages by field ("" holds what no field is about)."""
    errors = Errors()
    for name, text in problems(found):
        errors.setdefault(name, text)
    return errors


def problems(found: object) -> list[tuple[str, str]]:
    """A refusal, several, or a mapping, as pairs of field and message in their order."""
    if isinstance(found, Problems):
        return [(problem.field or "", problem.message) for problem in found.problems]
    if isinstance(found, Refusal):
        return [(found.field or "", found.message)]
    if isinstance(found, dict):
        return [(str(name), str(text)) for name, text in found.items() if text]
    if isinstance(found, Iterable) and not isinstance(found, str):
        return [pair for one in found for pair in problems(one)]
    return []


FILTERS: dict[str, Callable[..., object]] = {
    "yuan": yuan,
    "wan_yuan": wan_yuan,
    "count": count,
    "percent": percent,
    "share": share,
    "mask": mask,
    "mask_tail": mask_tail,
    "ledger_date": ledger_date,
    "date_cn": date_cn,
    "day_month": day_month,
    "month_cn": month_cn,
    "instant": instant,
    "moment": moment,
    "working_days": working_days,
    "problems": problems,
    "errors_of": errors_of,
}
