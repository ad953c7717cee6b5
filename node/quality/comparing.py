"""Lists of other departments against our people: exactly by number, else by a score to be judged.

A list stays on the node that took it in. What it contradicts becomes findings of the rulebook
(`about_lists`) at the next check; a supervisor's findings go down to their counties.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Table, bindparam, func, update
from sqlmodel import col, select

from node.core.access import record_access
from node.core.db import insert_new
from node.core.errors import Conflict, Forbidden, Invalid, NotFound
from node.core.ids import new_id
from node.core.personal import keyring_of
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from node.quality.list_file import Listed, read_list
from node.quality.models import ComparisonList, ComparisonRow
from node.registry.likeness import Bearer, likeness
from node.registry.models import Person
from node.registry.roll_file import read_table
from tiers import Level, RegionCode, RegionError, Role

PROPOSED_FROM = 65
"""Same name and a number one slip away, or same name and birth: a person should look."""
CHUNK = 400
SHOWN = 200

rows: Table = ComparisonRow.__table__  # type: ignore[attr-defined]
people: Table = Person.__table__  # type: ignore[attr-defined]


class ListKind(TitledEnum):
    """Whose list it is."""

    DEATHS = "deaths", "死亡名单"
    EMPLOYEES = "employees", "职工养老保险参保名单"
    HOUSEHOLD = "household", "户籍名册"


class Match(TitledEnum):
    """How a line stands to our people."""

    EXACT = "exact", "号码一致"
    PROPOSED = "proposed", "待判断"
    SAME = "same", "是同一人"
    OTHER = "other", "不是同一人"
    NONE = "none", "没有相符的人"


MATCHED = (Match.EXACT.value, Match.SAME.value)
SUPERSEDED = (ListKind.EMPLOYEES, ListKind.HOUSEHOLD)
"""A new list of these takes the place of the one before; the dead stay dead."""


def require_working(uow: UnitOfWork) -> None:
    """Who supervises data, or audits at the county, works with lists.

    Raises:
        Forbidden: the post is another, or the node checks no data.
    """
    posts = (Role.QUALITY_SUPERVISOR, Role.INSPECTOR, Role.AUDITOR)
    if uow.level.rank > Level.COUNTY.rank or not uow.actor.holds(*posts):
        raise Forbidden("比对名单由数据质量监督员和稽核员办理")


def take_in(
    uow: UnitOfWork, *, kind: str, region: str, as_of: date, filename: str, content: bytes
) -> ComparisonList:
    """Take a list in and match it.

    Raises:
        Forbidden: the post is another.
        Invalid: no such kind or region, a day to come, or a file that cannot be read.
    """
    require_working(uow)
    if kind not in list(ListKind):
        raise Invalid("请选择名单种类", field="kind")
    try:
        place = RegionCode(region)
    except RegionError as error:
        raise Invalid(str(error), field="region") from error
    if not uow.node.contains(place):
        raise Invalid("请选择本节点范围内的地区", field="region")
    if as_of > uow.today:
        raise Invalid("截止日期不能在今天之后", field="as_of")
    listed = read_list(read_table(content, filename=filename))
    made = ComparisonList(
        id=new_id(),
        kind=kind,
        region=str(place),
        prefix=place.prefix,
        filename=filename[:200],
        as_of=as_of,
        people=len(listed),
        uploaded_by_name=uow.actor.name,
        uploaded_at=uow.now,
    )
    if ListKind(kind) in SUPERSEDED:
        older = (col(ComparisonList.kind) == kind) & (col(ComparisonList.region) == str(place))
        uow.connection.execute(update(ComparisonList).where(older).values(is_current=False))
    uow.session.add(made)
    _keep(uow, made.id, listed)
    _match_exactly(uow, made.id)
    _propose(uow, made.id)
    return made


def _keep(uow: UnitOfWork, list_id: str, listed: Sequence[Listed]) -> None:
    keyring = keyring_of(uow.connection)
    insert_new(
        uow.connection,
        rows,
        [
            {
                "list_id": list_id,
                "row_no": line.row,
                "name": line.name,
                "citizen_number": line.citizen_number,
                "citizen_index": keyring.index(line.citizen_number),
                "happened_on": line.day,
                "unit": line.unit,
                "county_code": None,
                "person_id": None,
                "score": 0,
                "decision": Match.NONE.value,
                "decided_by_name": "",
            }
            for line in listed
        ],
    )


def _match_exactly(uow: UnitOfWork, list_id: str) -> None:
    """By citizen number, through the blind index; of somebody in two counties, the first."""
    same = people.c.citizen_index == rows.c.citizen_index
    found = uow.connection.execute(
        select(rows.c.row_no, people.c.county_code, people.c.id)
        .join(people, same)
        .where(rows.c.list_id == list_id)
        .order_by(people.c.county_code.desc())
    ).all()
    _set(uow, list_id, ((row, county, who, 100) for row, county, who in found), Match.EXACT)


def _set(
    uow: UnitOfWork, list_id: str, found: Iterable[tuple[int, str, str, int]], match: Match
) -> None:
    given = [
        {"row": row, "county": county, "who": who, "points": points}
        for row, county, who, points in found
    ]
    if given:
        statement = (
            update(rows)
            .where(rows.c.list_id == list_id, rows.c.row_no == bindparam("row"))
            .values(
                county_code=bindparam("county"),
                person_id=bindparam("who"),
                score=bindparam("points"),
                decision=match.value,
            )
        )
        uow.connection.execute(statement, given)


def _propose(uow: UnitOfWork, list_id: str) -> None:
    """For who was not found by number: the person of the same name who is most alike."""
    left = uow.session.exec(
        select(ComparisonRow).where(
            ComparisonRow.list_id == list_id, ComparisonRow.decision == Match.NONE.value
        )
    ).all()
    best: list[tuple[int, str, str, int]] = []
    for start in range(0, len(left), CHUNK):
        chunk = left[start : start + CHUNK]
        alike = _by_name(uow, {row.name for row in chunk})
        for row in chunk:
            bearer = Bearer(row.name, row.citizen_number, "")
            scored = [
                (likeness(bearer, Bearer(p.name, p.citizen_number, p.village)), p)
                for p in alike.get(row.name, [])
            ]
            points, who = max(scored, key=lambda each: (each[0], each[1].id), default=(0, None))
            if who is not None and points >= PROPOSED_FROM:
                best.append((row.row_no, who.county_code, who.id, points))
    _set(uow, list_id, best, Match.PROPOSED)


def _by_name(uow: UnitOfWork, names: set[str]) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = {}
    for person in uow.session.exec(select(Person).where(col(Person.name).in_(names))):
        found.setdefault(person.name, []).append(person)
    return found


def lists(uow: UnitOfWork) -> Sequence[ComparisonList]:
    """The lists taken in here, the newest first."""
    require_working(uow)
    newest = select(ComparisonList).order_by(col(ComparisonList.uploaded_at).desc())
    return uow.session.exec(newest.limit(50)).all()


def counts(uow: UnitOfWork, list_id: str) -> dict[Match, int]:
    """How the lines of a list stand."""
    grouped = select(rows.c.decision, func.count()).where(rows.c.list_id == list_id)
    found = {Match(d): int(n) for d, n in uow.connection.execute(grouped.group_by(rows.c.decision))}
    return {match: found.get(match, 0) for match in Match}


def proposals(
    uow: UnitOfWork, list_id: str, match: str
) -> list[tuple[ComparisonRow, Person | None]]:
    """Lines of a standing with the person each may be, the likest first. Looking is recorded."""
    require_working(uow)
    listed = select(ComparisonRow).where(
        ComparisonRow.list_id == list_id, ComparisonRow.decision == match
    )
    ordered = listed.order_by(col(ComparisonRow.score).desc(), col(ComparisonRow.row_no))
    found = uow.session.exec(ordered.limit(SHOWN)).all()
    keys = {(row.county_code, row.person_id) for row in found if row.person_id}
    ids = [who for _, who in keys]
    known = {
        (one.county_code, one.id): one
        for one in uow.session.exec(select(Person).where(col(Person.id).in_(ids)))
    }
    what = f"比对名单逐条核对，{len(found)} 条"
    record_access(uow, list_id, what=what, reason="数据比对", about="list")
    return [(row, known.get((row.county_code or "", row.person_id or ""))) for row in found]


def decide(uow: UnitOfWork, list_id: str, row_no: int, *, is_same: bool) -> ComparisonRow:
    """Say whether a proposed person is the one on the list.

    Raises:
        NotFound: there is no such line.
        Conflict: it is not one to be judged.
    """
    require_working(uow)
    row = uow.session.get(ComparisonRow, (list_id, row_no))
    if row is None:
        raise NotFound("名单里没有这一行")
    if row.decision in {Match.EXACT.value, Match.NONE.value}:
        raise Conflict("这一行不需要判断")
    row.decision = (Match.SAME if is_same else Match.OTHER).value
    row.decided_by_name = uow.actor.name
    uow.session.add(row)
    return row
