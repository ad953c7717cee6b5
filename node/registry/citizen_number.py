"""The citizen number (公民身份号码): 18 characters that say where, when and of which sex.

Region of first registration 6, birth date 8, sequence 3 (odd male), check character 1. Lower-case
x and full-width digits are accepted, a 15-digit number of the first generation is upgraded.
Sources: GB 11643-1999, ISO 7064 MOD 11-2.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from node.core.errors import Invalid, refuse_all
from node.core.i18n import sentence
from node.registry.typed import Notice, plain

EARLIEST_BIRTH = date(1900, 1, 1)
LENGTH = 18

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
_OLD_NUMBER = re.compile(r"[0-9]{15}")


class Sex(StrEnum):
    """GB/T 2261.1, the two values a citizen number can say."""

    MALE = "男"
    FEMALE = "女"


@dataclass(frozen=True, slots=True)
class CitizenNumber:
    """A citizen number that holds, and what it says."""

    text: str
    born_on: date
    sex: Sex
    upgraded: bool = False

    @property
    def prefix(self) -> str:
        """Place of first registration; not where the person lives now."""
        return self.text[:6]


def check_character(first17: str) -> str:
    """The last character of a citizen number, by ISO 7064 MOD 11-2."""
    digits = (int(char) for char in first17)
    return _CHECKS[sum(w * d for w, d in zip(_WEIGHTS, digits, strict=True)) % 11]


def upgrade(fifteen: str) -> str:
    """A number of the first generation in 18 characters: the century goes in, a check is added."""
    first17 = f"{fifteen[:6]}19{fifteen[6:]}"
    return first17 + check_character(first17)


def normal_number(text: str) -> str:
    """A citizen number as stored: narrow digits, no blanks, capital X, 18 characters."""
    number = plain(text).upper()
    return upgrade(number) if _OLD_NUMBER.fullmatch(number) else number


def birth_date(number: str) -> date | None:
    """The birth date a number states, or nothing when the calendar has no such day."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def sex_of(number: str) -> Sex:
    """An odd sequence is male."""
    return Sex.MALE if int(number[16]) % 2 else Sex.FEMALE


def number_problems(text: str, *, today: date, field: str = "citizen_number") -> Iterator[Invalid]:
    """What is wrong with a citizen number: shape, birth date, check character."""
    number = normal_number(text)
    if not number:
        yield Invalid("请填写公民身份号码", field=field)
        return
    if not _NUMBER.fullmatch(number):
        yield Invalid(_shape_message(number), field=field)
        return
    born_on = birth_date(number)
    if born_on is None:
        yield Invalid(
            "公民身份号码中的出生日期 {number} 不存在，请核对第 7 至 14 位",
            field=field,
            number=_printed_date(number),
        )
    elif born_on > today:
        yield Invalid("公民身份号码中的出生日期晚于今天，请核对第 7 至 14 位", field=field)
    elif born_on < EARLIEST_BIRTH:
        yield Invalid("公民身份号码中的出生日期早于 1900 年，请核对第 7 至 14 位", field=field)
    if number[17] != check_character(number[:17]):
        yield Invalid("公民身份号码校验位不符，请对照证件逐位核对", field=field)


def read_number(text: str, *, today: date, field: str = "citizen_number") -> CitizenNumber:
    """A citizen number from what was typed.

    Raises:
        Problems: it cannot be one; each reason is named.
    """
    refuse_all(number_problems(text, today=today, field=field))
    number = normal_number(text)
    return CitizenNumber(
        number,
        date.fromisoformat(_printed_date(number)),
        sex_of(number),
        upgraded=_OLD_NUMBER.fullmatch(plain(text)) is not None,
    )


def number_notices(
    number: CitizenNumber, *, known_prefixes: Container[str], field: str = "citizen_number"
) -> Iterator[Notice]:
    """An upgraded number wants confirming; an unknown place may be abolished or mistyped."""
    if number.upgraded:
        words = sentence("15 位号码已升为 {number}，请与本人证件核对", number=number.text)
        yield Notice(words, field)
    if number.prefix not in known_prefixes:
        words = sentence(
            "号码前六位 {prefix} 不在现行区划代码中，请核对是否录错", prefix=number.prefix
        )
        yield Notice(words, field)


def _shape_message(number: str) -> str:
    if len(number) != LENGTH:
        return f"公民身份号码应为 {LENGTH} 位，现为 {len(number)} 位"
    return "公民身份号码前 17 位应为数字，最后一位为数字或 X"


def _printed_date(number: str) -> str:
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
