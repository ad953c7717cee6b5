"""What people copy from another agency's information sheet (信息表): years and months by year."""

import re

from node.core.errors import Invalid
from node.registry.typed import plain

_SPAN = re.compile(r"([12][0-9]{3})(?:-([12][0-9]{3}))?")
_MONTHS = re.compile(r"([12][0-9]{3}):([0-9]{1,2})")
_SEPARATORS = re.compile(r"[,、;；\s]+")
MOST = 12
FIRST, LAST = 1986, 2199


def read_years(text: str, *, field: str) -> list[int]:
    """Paid years as written, `2012-2020、2022`; each once, the earliest first.

    Raises:
        Invalid: it cannot be read.
    """
    found: set[int] = set()
    for part in _parts(text):
        match = _SPAN.fullmatch(part)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not FIRST <= first <= last <= LAST:
            message = "缴费年度请写成 2012-2020、2022 这样"
            raise Invalid(message, field=field)
        found.update(range(first, last + 1))
    return sorted(found)


def read_months(text: str, *, field: str) -> dict[int, int]:
    """Months paid by year as written, `2011:12、2012:6`.

    Raises:
        Invalid: it cannot be read.
    """
    found: dict[int, int] = {}
    for part in _parts(text):
        match = _MONTHS.fullmatch(part)
        if match is None or not 0 < int(match[2]) <= MOST or int(match[1]) in found:
            message = "各年月数请写成 2011:12、2012:6 这样，每年一项，1 至 12 个月"
            raise Invalid(message, field=field)
        found[int(match[1])] = int(match[2])
    return dict(sorted(found.items()))


def _parts(text: str) -> list[str]:
    """The items of a list, full-width signs narrowed and blanks that separate kept."""
    return [plain(part) for part in _SEPARATORS.split(text.replace("，", ",")) if plain(part)]
