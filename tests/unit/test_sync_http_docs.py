"""The limits in the documentation are the limits of the program."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sync.client import LinkLimits
from sync.gate import ServerLimits
from sync.wire import WireLimits

DOCS = Path(__file__).parents[2] / "docs" / "sync-links.md"


@pytest.mark.parametrize("kind", [ServerLimits, WireLimits, LinkLimits])
def test_every_limit_is_documented_with_its_number(
    kind: type[ServerLimits] | type[WireLimits] | type[LinkLimits],
) -> None:
    [section] = re.findall(
        rf"^## [^\n]*`{kind.__module__}\.{kind.__name__}`.*?(?=^## |\Z)",
        DOCS.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    documented = {
        name: float(number)
        for name, number in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", section, flags=re.MULTILINE)
    }
    actual = {
        each.name: float(getattr(kind(), each.name))
        for each in fields(kind)
        if isinstance(getattr(kind(), each.name), int | float)
    }
    assert documented == actual
