"""Money is an integer number of fen; people read and type yuan."""

import re

from node.core.errors import Invalid

_YUAN = re.compile(r"([-−]?)(\d{1,13}|\d{1,3}(?:[,，]\d{3}){1,4})(?:\.(\d{1,2}))?")


def yuan(fen: int) -> str:
    """Fen as people read them: 595606 → `5,956.06`, with a real minus sign."""
    sign = "−" if fen < 0 else ""
    whole, rest = divmod(abs(fen), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def parse_yuan(text: str, *, field: str = "amount") -> int:
    """Yuan as people type them, in fen: `5,956.06` → 595606.

    Commas stand between thousands or not at all: `2,00` is somebody's mistake, not 200 yuan.

    Raises:
        Invalid: it is not an amount in yuan with at most two decimals.
    """
    match = _YUAN.fullmatch(text.strip().removesuffix("元").strip())
    if match is None:
        raise Invalid("请填写以元为单位的金额，最多两位小数，例如 200.00", field=field)
    sign, whole, rest = match.groups()
    fen = int(re.sub("[,，]", "", whole)) * 100 + int((rest or "").ljust(2, "0"))
    return -fen if sign else fen


def percent(ppm: int) -> str:
    """A rate in parts per million as people read it: 27500 → `2.75%`."""
    whole, rest = divmod(abs(ppm), 10_000)
    decimals = f"{rest:04d}".rstrip("0").ljust(2, "0")
    return f"{'−' if ppm < 0 else ''}{whole}.{decimals}%"
