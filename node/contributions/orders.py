"""Orders (应缴): who owes what for a year, made for a whole county at once and kept in step.

Run again, it finds only what has changed: new people, other grades, other groups. What is paid or
at the bank stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from node.accounts.bulk_facts import packed_columns
from node.accounts.serials import own_county, serial
from node.contributions.cockpit import PENSION_AGE
from node.contributions.payers import find_payers, orders
from node.contributions.records import ORDER_COLUMNS, publish_orders
from node.contributions.statements import AT_BANK, PAID, statement, values
from node.core.db import MANY_ROWS, tell_planner, upsert
from node.core.errors import Conflict, Invalid, NotFound, Problems
from node.core.i18n import sentence
from node.core.work import UnitOfWork
from node.identity import require
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from node.policy.contribution_bodies import GroupPaidFor, PaidOnBehalf
from node.registry.records import grade_choices, publish_grades
from node.registry.rules import MINIMUM_AGE, grade_problems
from tiers import Role

RUN = "contribution_run"
NOBODY = ("nobody", 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OrderRun:
    """What a run wrote: people and fen, of which the governments pay `on_behalf_fen`."""

    year: int
    written: int
    own_fen: int
    on_behalf_fen: int
    without_grade: int


_WANTED = """
    SELECT a.account_no, a.village, p.category, COALESCE(g.grade_fen, e.grade_fen, (
        SELECT c.grade_fen FROM contribution c WHERE c.county_code = :county
            AND c.account_no = a.account_no AND c.for_year < :year AND c.reversed_entry IS NULL
        ORDER BY c.for_year DESC LIMIT 1)) AS wanted_fen
    FROM enrolment e
    JOIN person p ON p.county_code = e.county_code AND p.id = e.person_id
    JOIN account a ON a.county_code = e.county_code AND a.person_id = e.person_id
        AND a.closed_on IS NULL
    LEFT JOIN grade_choice g ON g.county_code = e.county_code AND g.person_id = e.person_id
        AND g.year = :year
    WHERE e.county_code = :county AND e.closed_on IS NULL AND e.state = 'active'
        AND e.opened_on <= :last_day AND p.born_on BETWEEN :first_born AND :last_born
"""
"""Who contributes in the year and what they chose: for it, at enrolment, or last time they paid."""


def _due(grades: Sequence[int], groups: Sequence[GroupPaidFor]) -> str:
    """The rule `rules.due` for everybody; a test holds the two together."""
    offered = values(*[(grade,) for grade in grades])
    lines = [
        (each.group.value, each.grade_fen, each.province_fen, each.city_fen, each.county_fen)
        for each in groups
    ]
    paid_for = values(*(lines or [NOBODY]))
    return f"""
        WITH offered (grade_fen) AS ({offered}),
        paid_for (category, grade_fen, province_fen, city_fen, county_fen) AS ({paid_for}),
        wanted AS ({_WANTED}),
        stood AS (
            SELECT w.account_no, w.village, w.category, w.wanted_fen,
                COALESCE(f.province_fen, 0) AS province_fen, COALESCE(f.city_fen, 0) AS city_fen,
                COALESCE(f.county_fen, 0) AS county_fen,
                CASE WHEN f.category IS NOT NULL
                        AND (w.wanted_fen IS NULL OR w.wanted_fen <= f.grade_fen) THEN f.grade_fen
                    ELSE COALESCE(
                        (SELECT min(grade_fen) FROM offered WHERE grade_fen >= w.wanted_fen),
                        (SELECT max(grade_fen) FROM offered)) END AS grade_fen
            FROM wanted w LEFT JOIN paid_for f ON f.category = w.category
            WHERE w.wanted_fen IS NOT NULL OR f.category IS NOT NULL
        ),
        o AS (
            SELECT s.*, CAST(:county AS VARCHAR(12)) AS county_code,
                CAST(:year AS INTEGER) AS for_year, COALESCE(t.turn, 1) AS turn
            FROM stood s LEFT JOIN contribution_order t ON t.county_code = :county
                AND t.account_no = s.account_no AND t.for_year = :year
            WHERE t.account_no IS NULL OR (NOT t.make_up
                AND (t.grade_fen <> s.grade_fen OR t.village <> s.village
                    OR t.category <> s.category OR t.province_fen <> s.province_fen
                    OR t.city_fen <> s.city_fen OR t.county_fen <> s.county_fen))
        )
    """


def _make(grades: Sequence[int], groups: Sequence[GroupPaidFor]) -> str:
    return f"""
        INSERT INTO contribution_order (county_code, account_no, for_year, village, grade_fen,
            own_fen, province_fen, city_fen, county_fen, category, make_up, turn, run_no,
            ordered_on)
        {_due(grades, groups)}
        SELECT o.county_code, o.account_no, o.for_year, o.village, o.grade_fen,
            o.grade_fen - o.province_fen - o.city_fen - o.county_fen, o.province_fen, o.city_fen,
            o.county_fen, o.category, :made_up, o.turn, :run, :day
        FROM o WHERE NOT {PAID} AND NOT {AT_BANK}
        ON CONFLICT (county_code, account_no, for_year) DO UPDATE SET
            village = excluded.village, grade_fen = excluded.grade_fen, own_fen = excluded.own_fen,
            province_fen = excluded.province_fen, city_fen = excluded.city_fen,
            county_fen = excluded.county_fen, category = excluded.category,
            run_no = excluded.run_no, ordered_on = excluded.ordered_on
    """


_WITHOUT_GRADE = statement(f"""
    SELECT count(*) FROM ({_WANTED}) AS wanted WHERE wanted_fen IS NULL AND NOT EXISTS (
        SELECT 1 FROM contribution_order o WHERE o.county_code = :county
            AND o.account_no = wanted.account_no AND o.for_year = :year)
""")

_WRITTEN = statement("""
    SELECT account_no, for_year, village, grade_fen, province_fen, city_fen, county_fen, category,
        CASE WHEN make_up THEN 1 ELSE 0 END AS make_up, turn,
        row_number() OVER (ORDER BY account_no, for_year) AS line_no
    FROM contribution_order WHERE county_code = :county AND run_no = :run
""").text

_SUMMED = statement("""
    SELECT count(*), COALESCE(sum(own_fen), 0),
        COALESCE(sum(province_fen + city_fen + county_fen), 0)
    FROM contribution_order WHERE county_code = :county AND run_no = :run
""")


def make_orders(uow: UnitOfWork, year: int) -> OrderRun:
    """Write what everybody owes for a year, or bring it up to date.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: no bulletin of grades has reached this node.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    on = min(max(uow.today, date(year, 1, 1)), date(year, 12, 31))
    grades = policy.required(uow, ContributionGrades, county, on).body.grades_fen
    found = policy.in_force(uow, PaidOnBehalf.kind, county, on)
    groups = found.body.groups if found and isinstance(found.body, PaidOnBehalf) else ()
    given = {
        "county": str(county),
        "year": year,
        "run": serial(uow, RUN),
        "day": uow.today,
        "made_up": False,
        "last_day": date(year, 12, 31),
        "first_born": date(year - PENSION_AGE, 1, 1),
        "last_born": date(year - MINIMUM_AGE, 12, 31),
    }
    uow.connection.execute(statement(_make(grades, groups)), given)
    tell_orders(uow, given)
    written, own, on_behalf = uow.connection.execute(_SUMMED, given).one()
    if written >= MANY_ROWS:
        tell_planner(uow.connection, orders)
    without = uow.connection.execute(_WITHOUT_GRADE, given).scalar_one()
    return OrderRun(year, written, int(own), int(on_behalf), without)


def tell_orders(uow: UnitOfWork, given: dict[str, Any]) -> None:
    """Tell the other tiers what a run wrote: `county`, `run` and `day`."""
    told = packed_columns(uow.connection, _WRITTEN, ORDER_COLUMNS)
    rows = uow.connection.execute(told, given).all()
    publish_orders(uow, rows, run=given["run"], ordered_on=given["day"])


def change_grade(uow: UnitOfWork, account_no: int, year: int, *, grade_fen: int) -> OrderRun:
    """Another grade for a year that is not paid yet (变更档次): a choice, and the order after it.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such account.
        Invalid: it is no grade of that year.
        Conflict: the year is paid, or at the bank.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    payer = find_payers(uow, account_nos=[account_no], citizen_numbers=[]).by_account.get(
        account_no
    )
    if payer is None:
        raise NotFound("没有这个个人账户", account_no=account_no)
    on = max(uow.today, date(year, 1, 1))
    grades = policy.required(uow, ContributionGrades, county, on).body.grades_fen
    if problems := list(grade_problems(grade_fen, grades=grades, field="grade_fen")):
        raise Problems(problems)
    barred = barred_grades(uow, [payer.person_id], year)
    if barred:
        raise Conflict(barred[payer.person_id], field="grade_fen")
    row = {
        "county_code": str(county),
        "person_id": payer.person_id,
        "year": year,
        "village": payer.village,
        "grade_fen": grade_fen,
        "chosen_on": uow.today,
        "case_id": None,
    }
    upsert(uow.connection, grade_choices, [row])
    publish_grades(uow, [row])
    return make_orders(uow, year)


_BARRED = statement(f"""
    SELECT a.person_id, CASE WHEN {PAID} THEN 1 ELSE 0 END, CASE WHEN {AT_BANK} THEN 1 ELSE 0 END
    FROM contribution_order o
    JOIN account a ON a.county_code = o.county_code AND a.account_no = o.account_no
    WHERE o.county_code = :county AND o.for_year = :year AND a.person_id = :person
""")


def barred_grades(uow: UnitOfWork, person_ids: Sequence[str], year: int) -> dict[str, str]:
    """Whose grade of a year can be chosen no more, and why (hook of the registry)."""
    county = uow.node.county
    found: dict[str, str] = {}
    for person_id in person_ids:
        given = {"county": str(county), "year": year, "person": person_id}
        for person, is_paid, is_at_bank in uow.connection.execute(_BARRED, given):
            if is_paid:
                found[person] = "该年度已经缴费，不能再变更档次"
            elif is_at_bank:
                found[person] = "该年度已报银行扣款，回盘前不能变更档次"
    return found


def bring_up_to_date(uow: UnitOfWork) -> str:
    """What the nightly job does: this year's orders, once somebody has made them."""
    asked = statement("""
        SELECT count(*) FROM contribution_order WHERE county_code = :county AND for_year = :year
            AND NOT make_up
    """)
    year = uow.today.year
    given = {"county": str(own_county(uow)), "year": year}
    if not uow.connection.execute(asked, given).scalar_one():
        return sentence("{year} 年度应缴还没有生成", year=year)
    try:
        run = make_orders(uow, year)
    except Invalid as refusal:
        return refusal.message
    return sentence("{year} 年度应缴更新 {people} 人", year=year, people=run.written)
