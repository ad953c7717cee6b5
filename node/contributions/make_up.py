"""补缴: orders for past years somebody chooses to pay, as the bulletin in force allows.

Each year costs its grade, whole: nothing is paid on behalf and no subsidy follows. What comes of an
order is what comes of any other: the bank, the counter or a coordinator, and a posting that names
the year paid for and earns interest from the month it came in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam

from node.accounts.balances import in_batches
from node.accounts.serials import own_county, serial
from node.contributions.orders import RUN, tell_orders
from node.contributions.payers import Payer, orders, paid_years
from node.contributions.rules import make_up_problems
from node.contributions.statements import AT_BANK, statement
from node.core.db import upsert
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.contribution_bodies import MakeUpYears
from node.registry.matters import NO_GRADES, grades_in_force
from node.registry.rules import MINIMUM_AGE, grade_problems


@dataclass(frozen=True, slots=True)
class Asked:
    """The years somebody wants to make up, each at the same grade, in fen."""

    payer: Payer
    years: Collection[int]
    grade_fen: int


def allowed_years(uow: UnitOfWork) -> MakeUpYears | None:
    """The bulletin that says which years may be made up here today; None when none does."""
    found = policy.in_force(uow, MakeUpYears.kind, uow.node, uow.today)
    return found.body if found and isinstance(found.body, MakeUpYears) else None


def first_year_of(payer: Payer, allowed: MakeUpYears) -> int:
    """The earliest year somebody may make up: nobody is enrolled before 16."""
    return max(allowed.first_year, payer.born_on.year + MINIMUM_AGE)


def problems_of(uow: UnitOfWork, asked: Sequence[Asked]) -> list[list[Invalid]]:
    """What keeps each from making up these years, as far as this node knows.

    A village hears of payments after the county: the county asks again when it decides.
    """
    allowed, grades = allowed_years(uow), grades_in_force(uow, uow.today)
    numbers = [each.payer.account_no for each in asked]
    paid, busy = paid_years(uow, numbers), _busy_years(uow, numbers)
    return [
        [
            *(
                grade_problems(each.grade_fen, grades=grades, field="grade_fen")
                if grades is not None
                else [Invalid(NO_GRADES, field="grade_fen")]
            ),
            *make_up_problems(
                each.years,
                allowed=allowed,
                grade_fen=each.grade_fen,
                paid_years=paid[each.payer.account_no],
                busy_years=busy.get(each.payer.account_no, ()),
                this_year=uow.today.year,
                sixteenth_year=each.payer.born_on.year + MINIMUM_AGE,
            ),
        ]
        for each in asked
    ]


def write_orders(uow: UnitOfWork, asked: Iterable[Asked]) -> int:
    """An order for each year, whatever stood there unpaid; answers how many."""
    given = {"county": str(own_county(uow)), "run": serial(uow, RUN), "day": uow.today}
    rows = [_order(each, year, given) for each in asked for year in sorted(set(each.years))]
    upsert(uow.connection, orders, rows, keep=["turn"])
    tell_orders(uow, given)
    return len(rows)


def _order(asked: Asked, year: int, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "county_code": given["county"],
        "account_no": asked.payer.account_no,
        "for_year": year,
        "village": asked.payer.village,
        "grade_fen": asked.grade_fen,
        "own_fen": asked.grade_fen,
        "province_fen": 0,
        "city_fen": 0,
        "county_fen": 0,
        "category": "ordinary",
        "make_up": True,
        "turn": 1,
        "run_no": given["run"],
        "ordered_on": given["day"],
    }


_BUSY = statement(f"""
    SELECT o.account_no, o.for_year FROM contribution_order o
    WHERE o.county_code = :county AND o.account_no IN :accounts AND ({AT_BANK} OR EXISTS (
        SELECT 1 FROM receipt t WHERE t.county_code = o.county_code AND NOT t.voided
            AND t.account_no = o.account_no AND t.for_year = o.for_year))
""").bindparams(bindparam("accounts", expanding=True))


def _busy_years(uow: UnitOfWork, account_nos: Sequence[int]) -> dict[int, set[int]]:
    """Years whose order lies at the bank or has a receipt: the money may be on its way."""
    found: dict[int, set[int]] = {}
    for batch in in_batches(account_nos):
        given = {"county": str(uow.node.county), "accounts": list(batch)}
        for number, year in uow.connection.execute(_BUSY, given):
            found.setdefault(number, set()).add(year)
    return found
