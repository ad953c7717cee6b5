"""本月发放: who of a region was paid in a month, who was not, why, and what helps.

Asked of the node's own replica, so that a village reads it without a network. Only what the county
has told is known: where no answer of a bank has been told, a payment is awaited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, String, func, select

from node.benefits.codes import SuspensionReason
from node.cases.queries import require_seeing
from node.core.errors import Invalid
from node.core.paging import PAGE_SIZE, Page
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from node.payroll.rules import Remedy
from node.payroll.tables import reports, typed
from node.registry.records import people
from tiers import RegionCode
from tiers.region import WIDTH

MONTHS_SHOWN = 6
PRINTED = 5_000
"""Lines of one printed list; a township with more is printed village by village."""


class Came(TitledEnum):
    """What became of somebody's pension in a month, as their village sees it."""

    FAILED = "failed", "没有到账"
    AGAIN = "again", "正在重发"
    SUSPENDED = "suspended", "暂停发放"
    WAITING = "waiting", "等待发放"
    PAID = "paid", "已到账"


@dataclass(frozen=True, slots=True)
class PersonMonth:
    """One person's month. `fen` is what was paid, or what is to come; `lines` counts the months in
    it. `why` is none where everything is as it should be.
    """

    person_id: str
    name: str
    citizen_number: str
    village: str
    came: Came
    fen: int
    lines: int
    paid_on: date | None
    why: str
    remedy: Remedy | None

    @property
    def href(self) -> str:
        """Where the coordinator goes on with it; empty where there is nothing to do."""
        if self.remedy in {Remedy.CARD, Remedy.NAME, Remedy.BANK, Remedy.REGISTER}:
            return f"/cases/new/detail_change/for/{self.person_id}"
        return "/benefits/certifications" if self.remedy is Remedy.CERTIFY else ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people's month came to the same, and how much that is."""

    came: Came
    people: int
    fen: int


_MINE = "county_code = :county AND village BETWEEN :low AND :high"

# What was paid stays where it was paid, so it is looked for by pension, not by village. Whoever
# ended before drawing anything has no pension, but may be owed a refund.
_PEOPLE = f"""
    WITH mine AS (
        SELECT id, person_id, village, monthly_fen, state, due_from, last_month
        FROM entitlement WHERE {_MINE}
        UNION ALL
        SELECT entitlement_id, person_id, village, 0, 'ended', CAST(NULL AS DATE), last_month
        FROM benefit_end WHERE {_MINE} AND NOT is_revoked AND entitlement_id = id),
    paid AS (
        SELECT d.entitlement_id, CAST(sum(d.fen) AS BIGINT) AS fen, count(*) AS lines,
            max(d.paid_on) AS paid_on,
            max(CASE WHEN d.month < :month AND d.kind = 'pension' THEN 0 ELSE 1 END) AS of_month
        FROM mine JOIN paid_line d ON d.county_code = :county AND d.entitlement_id = mine.id
            AND d.run_month = :month AND d.bounced_on IS NULL
        GROUP BY d.entitlement_id),
    newest AS (
        SELECT n.entitlement_id, max(n.run_no) AS run_no
        FROM mine JOIN unpaid_payment n ON n.county_code = :county AND n.entitlement_id = mine.id
            AND n.run_month = :month AND n.state NOT IN ('paid', 'kept')
        GROUP BY n.entitlement_id),
    made_up AS (
        SELECT n.entitlement_id, max(n.fen) AS fen
        FROM mine JOIN unpaid_payment n ON n.county_code = :county AND n.entitlement_id = mine.id
            AND n.run_month = :month AND n.state = 'paid'
        GROUP BY n.entitlement_id)
    SELECT mine.person_id, p.name, p.citizen_number, mine.village, paid.lines, paid.paid_on,
        u.words, u.remedy,
        CASE WHEN u.state IN ('failed', 'bounced', 'unclear', 'carried') THEN 'failed'
            WHEN u.state IS NOT NULL THEN 'again'
            WHEN mine.state = 'suspended' AND coalesce(paid.of_month, 0) = 0 THEN 'suspended'
            WHEN paid.fen IS NOT NULL OR made_up.fen IS NOT NULL THEN 'paid'
            ELSE 'waiting' END AS came,
        CAST(coalesce(u.fen, paid.fen, made_up.fen, mine.monthly_fen) AS BIGINT) AS fen,
        s.reason AS suspended_for
    FROM mine
    JOIN person p ON p.county_code = :county AND p.id = mine.person_id
    LEFT JOIN paid ON paid.entitlement_id = mine.id
    LEFT JOIN made_up ON made_up.entitlement_id = mine.id
    LEFT JOIN newest ON newest.entitlement_id = mine.id
    LEFT JOIN unpaid_payment u ON u.county_code = :county AND u.entitlement_id = mine.id
        AND u.run_no = newest.run_no
    LEFT JOIN benefit_suspension s ON s.county_code = :county AND s.entitlement_id = mine.id
        AND s.until_month IS NULL AND NOT s.is_revoked
    WHERE paid.fen IS NOT NULL OR u.state IS NOT NULL OR (mine.due_from <= :month
        AND (mine.last_month IS NULL OR mine.last_month >= :month))
"""

_TALLIES = typed(f"""
    SELECT came, count(*), CAST(sum(fen) AS BIGINT) FROM ({_PEOPLE}) AS found
    GROUP BY came
""")

# What asks for something to be done stands first.
_LISTED = typed(
    f"""
    SELECT * FROM ({_PEOPLE}) AS found WHERE came = :came OR :came = ''
    ORDER BY CASE came WHEN 'failed' THEN 1 WHEN 'again' THEN 2 WHEN 'suspended' THEN 3
        WHEN 'waiting' THEN 4 ELSE 5 END, village, name, person_id
    LIMIT :most OFFSET :start
""",
    came=String(),
    most=Integer(),
    start=Integer(),
)

_SHAPE = {
    "citizen_number": people.c.citizen_number.type,
    "paid_on": Date(),
    "fen": BigInteger(),
}


def months_told(uow: UnitOfWork) -> Sequence[date]:
    """The months this node has been told of, the newest first."""
    known = select(reports.c.month).where(reports.c.county_code == str(_county(uow)))
    newest = known.distinct().order_by(reports.c.month.desc()).limit(MONTHS_SHOWN)
    return uow.connection.execute(newest).scalars().all()


def tallies(uow: UnitOfWork, region: RegionCode, month: date) -> list[Tally]:
    """How a region's people stand in a month, what asks for something first."""
    rows = uow.connection.execute(_TALLIES, _given(uow, region, month)).all()
    found = {came: Tally(Came(came), int(count), int(fen)) for came, count, fen in rows}
    return [found[came.value] for came in Came if came.value in found]


def people_paid(
    uow: UnitOfWork,
    region: RegionCode,
    month: date,
    *,
    came: Came | None = None,
    number: int = 1,
    size: int = PAGE_SIZE,
) -> Page[PersonMonth]:
    """The people of a region in a month, a page of them."""
    counted = [each for each in tallies(uow, region, month) if came in {None, each.came}]
    total = sum(each.people for each in counted)
    number = min(max(1, number), max(1, -(-total // size)))
    given = _given(uow, region, month) | {
        "came": came.value if came else "",
        "most": size,
        "start": (number - 1) * size,
    }
    rows = uow.connection.execute(_LISTED.columns(**_SHAPE), given).mappings()
    return Page([_person(dict(row)) for row in rows], number, size, total)


def _given(uow: UnitOfWork, region: RegionCode, month: date) -> dict[str, Any]:
    require_seeing(uow)
    prefix = region.prefix
    return {
        "county": str(_county(uow)),
        "low": prefix.ljust(WIDTH, "0"),
        "high": prefix.ljust(WIDTH, "9"),
        "month": month,
    }


def _county(uow: UnitOfWork) -> RegionCode:
    county = uow.node.county
    if county is None:
        raise Invalid("逐人的发放情况请在县级及以下查看", field="region")
    return county


def _person(row: dict[str, Any]) -> PersonMonth:
    came = Came(row["came"])
    why, remedy = "", None
    if came is Came.FAILED:
        why, remedy = row["words"], Remedy(row["remedy"] or Remedy.ASK)
    elif came is Came.SUSPENDED:
        reason = row["suspended_for"]
        why = SuspensionReason(reason).title if reason else ""
        lapsed = reason == SuspensionReason.NOT_CERTIFIED
        remedy = Remedy.CERTIFY if lapsed else Remedy.ASK
    return PersonMonth(
        person_id=row["person_id"],
        name=row["name"],
        citizen_number=row["citizen_number"],
        village=row["village"],
        came=came,
        fen=int(row["fen"]),
        lines=int(row["lines"] or 0),
        paid_on=row["paid_on"] if came is Came.PAID else None,
        why=why,
        remedy=remedy,
    )


def unanswered(uow: UnitOfWork, month: date) -> bool:
    """Whether a bank has yet to answer for a month: then nobody can be said to have failed."""
    answered = select(func.count()).where(
        reports.c.county_code == str(_county(uow)),
        reports.c.month == month,
        (reports.c.paid_people > 0) | (reports.c.failed_people > 0),
    )
    return not uow.connection.execute(answered).scalar_one()
