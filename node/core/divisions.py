"""The division tree in this node's store: the places it needs to name, and who reports to whom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, select

from node.core.db import upsert, writing
from node.core.errors import NotFound
from node.core.models import DivisionRow
from tiers import HENAN, Division, Divisions, Level, RegionCode, parse_divisions

PLACES_CHANGED = "places"
"""The counter that goes on whenever the stored tree was changed by a bulletin."""

table: Table = DivisionRow.__table__  # type: ignore[attr-defined]


def division_lines(file: Path | None = None) -> Sequence[str]:
    """The lines of a division table: the given file, or the packaged one of Henan."""
    if file is not None:
        return file.read_text(encoding="utf-8-sig").splitlines()
    return files("tiers").joinpath(HENAN).read_text(encoding="utf-8").splitlines()


def needed_by(region: RegionCode, lines: Iterable[str]) -> Divisions:
    """What a node must know: its county's places and the regions above, or all it stands over."""
    within = region if region.level.rank <= Level.COUNTY.rank else region.county
    return parse_divisions(lines, within=within)


def store_divisions(engine: Engine, region: RegionCode, file: Path | None = None) -> int:
    """Bring the stored tree up to date; returns how many places there are.

    Raises:
        NotFound: the table does not know this node's own region.
    """
    divisions = needed_by(region, division_lines(file))
    if divisions.get(region) is None:
        raise NotFound(f"行政区划表里没有 {region}", field="region")
    rows = [_row(division) for division in divisions]
    with writing(engine) as connection:
        upsert(connection, table, rows)
    return len(rows)


def _row(division: Division) -> dict[str, object]:
    return {
        "code": str(division.code),
        "name": division.name,
        "level": str(division.level),
        "parent": str(division.parent) if division.parent else None,
        "valid_from": division.valid_from,
        "valid_to": division.valid_to,
        "successor": str(division.successor) if division.successor else None,
    }


def merged_into(connection: Connection, region: RegionCode) -> list[str]:
    """Places outside a region that were merged into one inside it, by their old codes."""
    inside = table.c.successor.startswith(region.prefix) & ~table.c.code.startswith(region.prefix)
    return list(connection.execute(select(table.c.code).where(inside)).scalars())


def successor_of(connection: Connection, code: str) -> str | None:
    """What a place was merged into, if it is no more."""
    found = select(table.c.successor).where(table.c.code == code, table.c.valid_to.is_not(None))
    return connection.scalar(found)


@dataclass(frozen=True, slots=True)
class Places:
    """Names and reporting lines of the stored tree, read once at start."""

    names: dict[str, str]
    parents: dict[str, str | None]

    def name(self, code: str) -> str:
        """A place's own name; the code where it is not known."""
        name = self.names.get(code, code)
        parent = self.parents.get(code)
        return name.removeprefix(self.names.get(parent, "")) or name if parent else name

    def path(self, code: str, *, below: str | None = None) -> str:
        """The name with the regions above it, down from (not including) `below`."""
        parts: list[str] = []
        here: str | None = code
        while here is not None and here != below:
            parts.append(self.name(here))
            here = self.parents.get(here)
        return "".join(reversed(parts))

    def parent(self, code: str) -> RegionCode | None:
        """Whom a region reports to."""
        found = self.parents.get(code)
        return RegionCode(found) if found else None

    def children(self, code: str) -> list[RegionCode]:
        """The regions that report to this one."""
        return sorted(RegionCode(c) for c, parent in self.parents.items() if parent == code)

    def villages(self, code: str) -> list[RegionCode]:
        """Every known village inside a region."""
        region = RegionCode(code)
        found = (RegionCode(c) for c in self.names)
        return sorted(c for c in found if c.level is Level.VILLAGE and region.contains(c))


def read_places(engine: Engine) -> Places:
    """The stored tree."""
    columns = (table.c.code, table.c.name, table.c.parent)
    with engine.connect() as connection:
        rows = connection.execute(select(*columns)).all()
    return Places({r.code: r.name for r in rows}, {r.code: r.parent for r in rows})
