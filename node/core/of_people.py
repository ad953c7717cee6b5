"""What hangs on a person and goes along when the person moves to another village of the county.

Each capability says which of its tables are about people (`goes_along`). Where a table `follows`,
the village of its rows is where the person belongs now: an account, a pension. Where it does not,
it is where something was written down, and stays: a posting, a payment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table

Mine = Callable[[Connection, str, Sequence[str]], ColumnElement[bool]]
"""(connection, county, ids of people) → which rows of a table are about them."""


@dataclass(frozen=True, slots=True)
class OfPeople:
    """One table. The database refuses to change rows of a table that is `append_only`."""

    table: Table
    mine: Mine
    follows: bool = False
    append_only: bool = False


OF_PEOPLE: dict[str, OfPeople] = {}
"""By table name, in the order the capabilities were loaded: people before what rests on them."""


def goes_along(*each: OfPeople) -> None:
    """Let tables go along with the people they are about."""
    OF_PEOPLE.update({one.table.name: one for one in each})


def by_person(table: Table) -> Mine:
    """For tables that name the person."""
    return lambda _connection, county, ids: (
        (table.c.county_code == county) & table.c.person_id.in_(ids)
    )
