"""Codes with the words people read for them."""

from enum import StrEnum
from typing import Self


class TitledEnum(StrEnum):
    """A code list of `CODE = "code", "中文名称"`: the code is stored, `title` is shown."""

    title: str  # type: ignore[assignment]  # hides str.title(), of no use in Chinese

    def __new__(cls, value: str, title: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.title = title
        return member
