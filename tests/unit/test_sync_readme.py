"""What sync/README.md shows can be run, and the limits it states are the defaults."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import sync
from sync.limits import LIMITS, Limits

README = Path(sync.__file__).parent / "README.md"


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    urls = {
        "TOP_URL": f"sqlite:///{tmp_path / 'top.sqlite'}",
        "VILLAGE_URL": f"sqlite:///{tmp_path / 'village.sqlite'}",
    }
    names = dict(urls)
    exec(compile(program, str(README), "exec"), names)  # noqa: S102  # our own document
    for name in ("top", "village"):
        names[name].site.engine.dispose()  # type: ignore[attr-defined]

    assert "note.put n1" in capsys.readouterr().out


def test_every_limit_is_documented_with_its_default() -> None:
    text = README.read_text()
    missing = [field.name for field in fields(Limits) if f"`{field.name}`" not in text]
    assert missing == []
    for shown in (
        f"{LIMITS.seal_records:,}, 1 MiB",
        f"{LIMITS.seal_rows:,}, {LIMITS.seal_transactions:,}",
        f"{LIMITS.segment_records:,}, 4 MiB, 4 MiB",
        f"16 KiB, {LIMITS.signature_bytes} B, {LIMITS.types_per_segment}",
        f"| {LIMITS.retry_rows} |",
        f"| {LIMITS.clock_tolerance.days} days |",
        f"| {LIMITS.join_code_valid.days} days |",
    ):
        assert shown in text
