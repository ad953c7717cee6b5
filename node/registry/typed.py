"""Text as people type and paste it, and what a check may say about it without refusing."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to look at that does not refuse the value (提示)."""

    message: str
    field: str


def plain(text: str) -> str:
    """Text as typed or pasted, with full-width forms narrowed and all blanks taken out.

    Spreadsheets and scanners add invisible marks (zero width, direction) and a leading quote.
    """
    narrow = unicodedata.normalize("NFKC", text)
    kept = [char for char in narrow if unicodedata.category(char)[0] not in "ZC"]
    return "".join(kept).lstrip("'’`")
