"""缴费名单: who has paid for a year, as it hangs in the village."""

from collections.abc import Iterator

from sqlalchemy import and_, func, select

from node.accounts.balances import accounts
from node.contributions.models import OnBehalf
from node.contributions.payers import contributions
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.notices.yearly import Listed, YearlyList
from node.registry.records import people

CODE = "contribution_list"

on_behalf = OnBehalf.__table__  # type: ignore[attr-defined]


def _paid(uow: UnitOfWork, where: str, year: int) -> Iterator[Listed]:
    """Everybody of these villages whose year is paid in the books, by whomever."""
    county = str(uow.node.county)
    own = (
        select(
            contributions.c.account_no,
            func.max(contributions.c.grade_fen).label("grade_fen"),
            func.sum(contributions.c.fen).label("fen"),
        )
        .where(
            contributions.c.county_code == county,
            contributions.c.for_year == year,
            contributions.c.reversed_entry.is_(None),
        )
        .group_by(contributions.c.account_no)
        .subquery()
    )
    given = (
        select(on_behalf.c.account_no, func.sum(_GIVEN).label("fen"))
        .where(on_behalf.c.county_code == county, on_behalf.c.for_year == year)
        .group_by(on_behalf.c.account_no)
        .subquery()
    )
    mine = and_(accounts.c.county_code == people.c.county_code, accounts.c.person_id == people.c.id)
    statement = (
        select(
            people.c.village,
            people.c.name,
            people.c.sex,
            people.c.citizen_number,
            accounts.c.account_no,
            own.c.grade_fen,
            func.coalesce(own.c.fen, 0).label("own_fen"),
            func.coalesce(given.c.fen, 0).label("given_fen"),
        )
        .select_from(people)
        .join(accounts, mine)
        .outerjoin(own, own.c.account_no == accounts.c.account_no)
        .outerjoin(given, given.c.account_no == accounts.c.account_no)
        .where(
            people.c.county_code == county,
            people.c.village.startswith(where),
            own.c.account_no.is_not(None) | given.c.account_no.is_not(None),
        )
    )
    for row in uow.connection.execute(statement):
        grade = row.grade_fen or row.given_fen
        yield Listed(
            village=row.village,
            line=str(row.account_no),
            name=row.name,
            sex=row.sex,
            citizen_number=row.citizen_number,
            values=(yuan(grade), yuan(row.own_fen), yuan(row.given_fen)),
        )


_GIVEN = on_behalf.c.province_fen + on_behalf.c.city_fen + on_behalf.c.county_fen

POSTED_LIST = YearlyList(
    code=CODE,
    title="缴费名单",
    said="缴费已经入账，现予公示。",
    columns=("缴费档次（元）", "个人缴费（元）", "政府代缴（元）"),
    rows=_paid,
)
