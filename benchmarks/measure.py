"""What a benchmark answers, how it is timed, and how it is printed."""

import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path


class SkippedError(Exception):
    """A benchmark cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: the median of its runs, all of them, and what it is compared with.

    `floor` is the same quantity for the least program that does comparable work; `target` says
    what the ratio (value over floor), or the value itself where there is no floor, should be.
    """

    name: str
    unit: str
    values: Sequence[float]
    floor: Sequence[float] = ()
    target: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        return self.value / statistics.median(self.floor) if self.floor else None


Benchmark = Callable[[int, bool], Iterator[Measure]]
"""Takes the number of runs and whether to be quick; yields figures as they come."""


class Stopwatch:
    """Seconds of a `with timed() as watch:` block, known after it."""

    seconds = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    started = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - started


def shown(number: float) -> str:
    """Three figures that mean something: 54,300 · 2.31 · 0.875."""
    if abs(number) >= 1000:
        return f"{round(number, -2):,.0f}"
    return f"{number:,.3g}"


def row(measure: Measure) -> tuple[str, ...]:
    """A line of the table: measure, value, spread, floor, ratio, target."""
    spread = f"{shown(min(measure.values))}–{shown(max(measure.values))}"
    floor = shown(statistics.median(measure.floor)) if measure.floor else "–"
    ratio = f"{measure.ratio:.2f}" if measure.ratio is not None else "–"
    value = f"{shown(measure.value)} {measure.unit}"
    return (measure.name, value, spread, floor, ratio, measure.target or "–")


HEAD = ("measure", "value (median)", "lowest–highest", "floor", "ratio", "target")


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table, aligned, so that a run can be pasted into docs/benchmarks.md as it is."""
    lines = [HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def machine() -> str:
    """What a reader must know to compare these figures with their own."""
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    system = f"{platform.system()} {platform.release()}"
    programs = {
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "SQLAlchemy": version("sqlalchemy"),
        "FastAPI": version("fastapi"),
    }
    return (
        f"{now}, {_processor()}, {os.cpu_count()} cores, {_memory()}, {system}, "
        f"load {os.getloadavg()[0]:.1f} at the start\n"
        + ", ".join(f"{name} {number}" for name, number in programs.items())
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{round(pages / 2**30)} GiB"
