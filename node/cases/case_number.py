"""The case number (受理号): printable, and read over the telephone without mistakes.

    410122101201-260312-0016-5      origin, day, serial of that day at that origin, check digit

The origin is the node whose stream carries the case, so offline villages never give the same
number. The check digit is ISO 7064 MOD 11,10 (GB/T 17710): it finds every wrong digit and nearly
every exchange of two neighbours.
"""

import re
import unicodedata
from datetime import date

from node.core.errors import Invalid
from tiers import RegionCode

_SHAPE = re.compile(r"([0-9]{6}|[0-9]{9}|[0-9]{12})([0-9]{6})([0-9]{4,})([0-9])")
_WRITTEN = re.compile(r"([0-9]+)-([0-9]{6})-([0-9]{4,})-([0-9])")


def check_digit(digits: str) -> str:
    """ISO 7064 MOD 11,10 over decimal digits."""
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def case_number(origin: RegionCode, on: date, serial: int) -> str:
    """The number of the `serial`-th case that `origin` gives on a day."""
    parts = (origin.prefix, f"{on:%y%m%d}", f"{serial:04d}")
    return "-".join((*parts, check_digit("".join(parts))))


def read_case_number(text: str, *, field: str = "number") -> str:
    """A number as typed or dictated, in the form it is stored; full-width and blanks are fine.

    Raises:
        Invalid: it cannot be one, most often a digit misread.
    """
    narrow = unicodedata.normalize("NFKC", text)
    typed = re.sub(r"[\s–—－_]+", "-", narrow.strip()).strip("-")
    match = _WRITTEN.fullmatch(re.sub("-+", "-", typed))
    if match is None or not _SHAPE.fullmatch("".join(match.groups())):
        raise Invalid("受理号应形如 410122101201-260312-0016-5", field=field)
    *parts, check = match.groups()
    if check_digit("".join(parts)) != check:
        raise Invalid("受理号校验位不符，请逐位核对", field=field)
    return "-".join((*parts, check))
