"""Which tables hold what other nodes have told, and which of their rows concern a region.

A parent gives the state of a region to a node that joins it anew (`node.snapshots`): the rows of
these tables for which `inside` holds, in clear, since every node encrypts under keys of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, exists, select

from tiers import Level, RegionCode
from tiers.region import WIDTH

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplicaTable:
    """One table. `blind` tells the value behind each blind index, from the clear values of a row.

    `inside` says which rows concern a region.
    """

    table: Table
    inside: Callable[[RegionCode], ColumnElement[bool]]
    blind: Mapping[str, Callable[[Row], str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def columns(self) -> list[Column[Any]]:
        """What travels: all but the blind indexes, which the taker makes under its own key."""
        return [column for column in self.table.columns if column.name not in self.blind]


def within(column: Column[Any], region: RegionCode) -> ColumnElement[bool]:
    """Does a column name a place inside a region, or the region itself?"""
    prefix = region.prefix
    return column.between(prefix.ljust(WIDTH, "0"), prefix.ljust(WIDTH, "9"))


def of_county(table: Table, region: RegionCode) -> ColumnElement[bool]:
    """Is a row of the county of a region, or of one inside it?"""
    column, county = table.c.county_code, region.county
    return within(column, region) if county is None else column == str(county)


def of_people(
    table: Table, village: Column[Any], joined: ColumnElement[bool]
) -> Callable[[RegionCode], ColumnElement[bool]]:
    """For rows that keep the village where they were written down, of people who may have moved.

    They concern that village, and the `village` the person belongs to now, in the table that is
    `joined` by person, account or pension.
    """

    def inside(region: RegionCode) -> ColumnElement[bool]:
        mine = of_county(table, region)
        if region.level.rank <= Level.COUNTY.rank:
            return mine
        theirs = exists(
            select(1).where(
                village.table.c.county_code == table.c.county_code, joined, within(village, region)
            )
        )
        return mine & (within(table.c.village, region) | theirs)

    return inside


def of_villages(table: Table) -> Callable[[RegionCode], ColumnElement[bool]]:
    """For tables whose rows are about a village of a county."""
    return lambda region: of_county(table, region) & within(table.c.village, region)
