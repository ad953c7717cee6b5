"""What somebody should look at before people are registered (把好数据入口关), asked for many."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from node.core.db import BATCH_ROWS
from node.core.divisions import table as divisions
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.codes import Category
from node.registry.likeness import Bearer, twin_notices
from node.registry.prefixes import known_prefixes
from node.registry.records import people
from node.registry.rules import (
    Applicant,
    applicant_notices,
    category_notices,
    late_grade_notices,
    normal_name,
)
from node.registry.typed import Notice
from tiers import RegionCode, RegionError


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody at the door: as typed, where, and what was chosen."""

    applicant: Applicant
    village: str
    category: Category
    grade_fen: int | None

    def bearer(self) -> Bearer:
        """For comparing with those who are known."""
        number = normal_number(self.applicant.citizen_number)
        return Bearer(normal_name(self.applicant.name), number, self.village)


def notices_many(uow: UnitOfWork, arrivals: Sequence[Arrival]) -> list[list[Notice]]:
    """What to look at for each: number, phone, card, address, somebody very like them."""
    namesakes = _namesakes(uow, [arrival.bearer().name for arrival in arrivals])
    places = {village: place_names(uow, village) for village in {a.village for a in arrivals}}
    return [
        _notices(uow, each, namesakes.get(each.bearer().name, ()), places[each.village])
        for each in arrivals
    ]


def _notices(
    uow: UnitOfWork, arrival: Arrival, namesakes: Sequence[Bearer], places: Sequence[str]
) -> list[Notice]:
    applicant, on = arrival.applicant, uow.today
    prefixes = known_prefixes(uow, applicant.citizen_number, arrival.village)
    return [
        *applicant_notices(applicant, on=on, known_prefixes=prefixes, places=places),
        *category_notices(arrival.category),
        *late_grade_notices(applicant.citizen_number, arrival.grade_fen, on=on),
        *twin_notices(arrival.bearer(), namesakes),
    ]


def _namesakes(uow: UnitOfWork, names: Sequence[str]) -> dict[str, list[Bearer]]:
    """Everybody of the county who bears one of these names, by name."""
    wanted = sorted({name for name in names if name})
    found: dict[str, list[Bearer]] = {}
    for start in range(0, len(wanted), BATCH_ROWS // 2):
        statement = select(people.c.name, people.c.citizen_number, people.c.village).where(
            people.c.county_code == str(uow.node.county),
            people.c.name.in_(wanted[start : start + BATCH_ROWS // 2]),
        )
        for row in uow.connection.execute(statement):
            found.setdefault(row.name, []).append(Bearer(row.name, row.citizen_number, row.village))
    return found


def namesake_notices(uow: UnitOfWork, bearer: Bearer, *, instead_of: str) -> list[Notice]:
    """Who would be very like somebody known once the number `instead_of` is replaced."""
    namesakes = _namesakes(uow, [bearer.name]).get(bearer.name, [])
    others = [each for each in namesakes if each.citizen_number != instead_of]
    return list(twin_notices(bearer, others))


def is_region(code: str) -> bool:
    """Whether a code that was typed or left empty is one."""
    try:
        RegionCode(code)
    except RegionError:
        return False
    return True


def place_names(uow: UnitOfWork, village: str) -> list[str]:
    """Names of the village and of its township, one of which stands in an address."""
    if not is_region(village):
        return []
    codes = [village, *(str(code) for code in RegionCode(village).ancestors[:1])]
    statement = select(divisions.c.name).where(divisions.c.code.in_(codes))
    return [row.name for row in uow.connection.execute(statement)]
