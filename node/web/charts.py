"""Values to SVG path data: one scale, a zero line, numbers in the reader's units.

Nothing here knows the page. Whole pixels are enough; a tenth keeps thin columns apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.web.i18n import language

WIDTH, HEIGHT = 520, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 28
WIDEST = 40  # of a column; a fat one shouts
SERIES = "abcde"  # the classes of wuji.css, in the order in which they are used
UNITS = {
    "zh": ((100_000_000, "亿"), (10_000, "万")),
    "en": ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k")),
}

Value = int | float | None


@dataclass(frozen=True, slots=True)
class Bars:
    """Small bars beside a figure: path of the usual ones, path of those over the limit."""

    path: str
    over: str
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line: its value, where it runs, what stands at it."""

    value: float
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word under the chart."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One path with its class in wuji.css and what it stands for."""

    css: str
    path: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart ready to be drawn by the macro `chart`."""

    shapes: Sequence[Shape]
    ticks: Sequence[Tick]
    labels: Sequence[Label]
    key: Sequence[tuple[str, str]]
    unit: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = field(default=WIDTH - RIGHT)


def figure(value: float) -> str:
    """A round number as people write it: 3,200 · 1.5万 · 2亿, or 15k · 200m in English."""
    for unit, name in UNITS[language()]:
        if abs(value) >= unit:
            return f"{value / unit:,.2f}".rstrip("0").rstrip(".").replace("-", "−") + name
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _write(number: float) -> str:
    return f"{round(number, 1):g}"


def nice_step(span: float, *, lines: int = 4) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that needs at most `lines` steps for the span."""
    if span <= 0:
        return 1
    power = 1.0
    while power * 10 * lines <= span:
        power *= 10
    while power * lines > span * 10:
        power /= 10
    for factor in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10):
        if factor * power * lines >= span:
            return factor * power
    return 10 * power


def _bar(left: float, width: float, foot: float, height: float) -> str:
    """A column on `foot`; a negative height hangs below it."""
    return (
        f"M{_write(left)} {_write(foot)}v{_write(-height)}h{_write(width)}v{_write(height)}z"
        if height
        else ""
    )


def bars(
    values: Sequence[Value], *, scale: float, limit: float | None = None, label: str = ""
) -> Bars:
    """Bars of 94 × 24. `scale` is the value of full height and the same for every row.

    What is there but small is one pixel high; None leaves a gap; above `limit` is red.
    """
    step = 94 / max(len(values), 1)
    width = max(step - 2, 1) if len(values) > 1 else step
    usual: list[str] = []
    over: list[str] = []
    for place, value in enumerate(values):
        if value is None or value <= 0:
            continue
        height = min(24.0, max(1.0, 24 * value / scale)) if scale > 0 else 1.0
        path = _bar(place * step, width, 24, height)
        (over if limit is not None and value > limit else usual).append(path)
    return Bars("".join(usual), "".join(over), label)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to heights, zero always in sight."""

    low: float
    high: float

    def at(self, value: float) -> float:
        inner = HEIGHT - TOP - BOTTOM
        return TOP + inner * (self.high - value) / (self.high - self.low)

    def height(self, value: float) -> float:
        return self.at(0) - self.at(value)


def _scale(values: Sequence[float]) -> tuple[_Scale, list[Tick]]:
    high, low = max([0.0, *values]), min([0.0, *values])
    step = nice_step(high - low)
    top = -(-high // step) * step
    bottom = (low // step) * step
    if top == bottom:
        top = bottom + step
    scale = _Scale(bottom, top)
    lines = round((top - bottom) / step)
    marks = [bottom + step * line for line in range(lines + 1)]
    return scale, [Tick(mark, round(scale.at(mark), 1), figure(mark)) for mark in marks]


def _breadth(text: str) -> int:
    """About how wide a word is at 13 pixels: a Chinese character is square, a digit half of it."""
    return sum(13 if ord(letter) > 0x2E80 else 8 for letter in text)  # noqa: PLR2004  # CJK begins


def _slots(names: Sequence[str]) -> tuple[float, list[Label]]:
    """Width of one place, and a word under as many as have room."""
    slot = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    widest = max((_breadth(name) for name in names), default=0) + 8
    every = max(1, -(-widest // max(int(slot), 1)))
    labels = [
        Label(round(LEFT + slot * (place + 0.5), 1), name)
        for place, name in enumerate(names)
        if place % every == 0
    ]
    return slot, labels


def columns(
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[Value]]],
    *,
    unit: str = "",
    limit: float | None = None,
) -> Picture:
    """Columns side by side, one group per name; with one series, red above `limit`."""
    scale, ticks = _scale([value for _, row in series for value in row if value is not None])
    slot, labels = _slots(names)
    width = min(slot * 0.7 / max(len(series), 1), WIDEST)
    inset = (slot - width * len(series)) / 2
    shapes: list[Shape] = []
    for number, (name, row) in enumerate(series):
        usual: list[str] = []
        over: list[str] = []
        for place, value in enumerate(row):
            if value is None:
                continue
            left = LEFT + slot * place + inset + width * number
            path = _bar(left, max(width - 1, 1), scale.at(0), scale.height(value))
            (over if limit is not None and value > limit else usual).append(path)
        shapes += [Shape(SERIES[number], "".join(usual), name), Shape("over", "".join(over), name)]
    return Picture(
        [shape for shape in shapes if shape.path], ticks, labels, _key(series), unit=unit
    )


def stacked(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[Value]]], *, unit: str = ""
) -> Picture:
    """Columns of parts that add up; parts are not negative, the first series stands below."""
    totals = [sum(row[place] or 0 for _, row in series) for place in range(len(names))]
    scale, ticks = _scale(totals)
    slot, labels = _slots(names)
    foot = [0.0] * len(names)
    width = min(slot * 0.7, WIDEST)
    shapes = []
    for number, (name, row) in enumerate(series):
        paths = []
        for place, value in enumerate(row):
            part = max(value or 0, 0)
            left = LEFT + slot * (place + 0.5) - width / 2
            paths.append(_bar(left, width, scale.at(foot[place]), scale.height(part)))
            foot[place] += part
        shapes.append(Shape(SERIES[number], "".join(paths), name))
    return Picture(
        [shape for shape in shapes if shape.path], ticks, labels, _key(series), unit=unit
    )


def lines(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[Value]]], *, unit: str = ""
) -> Picture:
    """A line per series; a missing value breaks the line, it is never drawn as zero."""
    scale, ticks = _scale([value for _, row in series for value in row if value is not None])
    slot, labels = _slots(names)
    shapes = []
    for number, (name, row) in enumerate(series):
        pen, path = "M", ""
        for place, value in enumerate(row):
            if value is None:
                pen = "M"
                continue
            path += f"{pen}{_write(LEFT + slot * (place + 0.5))} {_write(scale.at(value))}"
            pen = "L"
        shapes.append(Shape(f"line {SERIES[number]}", path, name))
    return Picture(
        [shape for shape in shapes if shape.path], ticks, labels, _key(series), unit=unit
    )


def _key(series: Sequence[tuple[str, Sequence[Value]]]) -> list[tuple[str, str]]:
    return [(SERIES[number], name) for number, (name, _) in enumerate(series)]
