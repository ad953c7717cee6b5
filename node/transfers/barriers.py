"""What stands in the way of leaving a county, asked for many people at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from node.accounts.service import numbers_of
from node.benefits.claimants import claimants
from node.cases.records import cases
from node.cases.rules import State
from node.contributions.models import UnmatchedMoney
from node.contributions.statements import AT_BANK, PAID, statement
from node.contributions.unmatched import ItemState
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.known import Known

unmatched = UnmatchedMoney.__table__  # type: ignore[attr-defined]

AT_THE_BANK = "此人的缴费正在银行扣款，请等银行回盘后再转出"
ON_THE_WAY = "协办员已代收此人的缴费，请等汇缴入账后再转出"
UNMATCHED = "此人还有待查款项没有处理，请先处理再转出"


@dataclass(frozen=True, slots=True)
class Barriers:
    """`money` is a sentence about what is still on its way, empty when nothing is."""

    draws: bool = False
    is_due: bool = False
    open_cases: tuple[str, ...] = ()
    money: str = ""


_ON_THE_WAY = statement(f"""
    SELECT o.account_no, CASE WHEN {AT_BANK} THEN 1 ELSE 0 END AS at_bank
    FROM contribution_order o
    WHERE o.county_code = :county AND o.account_no = :number AND NOT {PAID}
        AND ({AT_BANK} OR EXISTS (SELECT 1 FROM receipt t WHERE t.county_code = o.county_code
            AND t.account_no = o.account_no AND t.for_year = o.for_year AND NOT t.voided))
""")


def barriers(uow: UnitOfWork, people: Sequence[Known], *, but: str) -> dict[str, Barriers]:
    """For each person what keeps them, by id. Cases of the matter `but` are the leaving itself."""
    found = {person.person_id: Barriers() for person in people}
    for person_id, claimant in claimants(uow, list(found)).items():
        due = claimant.due_from
        found[person_id] = Barriers(claimant.is_drawing, due is not None and due <= uow.today)
    for person_id, numbers in _open_cases(uow, people, but).items():
        found[person_id] = replace(found[person_id], open_cases=tuple(numbers))
    for person_id, number in numbers_of(uow, list(found)).items():
        found[person_id] = replace(found[person_id], money=_money(uow, number))
    return found


def _open_cases(uow: UnitOfWork, people: Sequence[Known], but: str) -> dict[str, list[str]]:
    keyring = keyring_of(uow.connection)
    who = {keyring.index(person.citizen_number): person.person_id for person in people}
    rows = select(cases.c.subject_index, cases.c.number).where(
        cases.c.county_code == str(uow.node.county),
        cases.c.subject_index.in_(list(who)),
        cases.c.state.in_([state.value for state in State if state.is_open]),
        cases.c.matter != but,
    )
    found: dict[str, list[str]] = {}
    for index, number in uow.connection.execute(rows):
        found.setdefault(who[bytes(index)], []).append(number)
    return found


def _money(uow: UnitOfWork, number: int) -> str:
    county = str(uow.node.county)
    for row in uow.connection.execute(_ON_THE_WAY, {"county": county, "number": number}):
        return AT_THE_BANK if row.at_bank else ON_THE_WAY
    waiting = select(unmatched.c.item_no).where(
        unmatched.c.county_code == county,
        unmatched.c.account_no == number,
        unmatched.c.state != ItemState.RESOLVED.value,
    )
    return UNMATCHED if uow.connection.execute(waiting).first() else ""
