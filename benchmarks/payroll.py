"""A month's run for 300,000 pensioners, and a standard raised five months back, against bare SQL.

The floor writes the same rows into the same tables without their guards, and compares the two
months with one grouping: no rule is asked, nobody is checked, nothing is told to other tiers.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Date, Engine, TextClause, bindparam, text
from sqlmodel import Session

from benchmarks.measure import Measure, SkippedError, timed
from node.benefits.rates import redetermine
from node.core.db import make_engine, widen, writing
from node.core.ids import new_id
from node.core.personal import Keyring
from node.core.work import machine, unit_of_work
from node.payroll.compare import compare
from node.payroll.compute import compute
from node.payroll.proof import missing
from node.policy.models import Bulletin
from tests.fixtures.payroll import CALENDAR, SHARES
from tests.fixtures.postgres import PostgresMissingError, postgres_server
from tests.fixtures.schema import migrated
from tiers import RegionCode

PEOPLE = 300_000
VILLAGES = 300
COUNTY = "410122000000"
MONTH, BEFORE, RAISED = date(2026, 6, 1), date(2026, 5, 1), date(2026, 2, 1)
NOW = datetime(2026, 6, 3, 1, tzinfo=UTC)
KINDS = {
    "base_pension": {"monthly_fen": 11_300},
    "payout_divisor": {"divisor_months": 139},
    "pay_calendar": CALENDAR,
    "funding_shares": {"shares": SHARES},
}
Databases = Callable[[], AbstractContextManager[str]]
GUARDS = ("line_not_too_much", "line_complete", "payment_complete")


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """SQLite, then Postgres."""
    people = PEOPLE // 10 if quick else PEOPLE
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        urls = (f"sqlite:///{Path(name) / f'{place}.sqlite'}" for place in range(2 * runs + 2))
        yield from _compare("SQLite", people, lambda: _plain(next(urls)), runs)
    try:
        with postgres_server(fsync=True) as server:
            yield from _compare("Postgres", people, server.database, runs)
    except PostgresMissingError as missing_server:
        raise SkippedError(str(missing_server)) from missing_server


@contextmanager
def _plain(url: str) -> Iterator[str]:
    yield url


def _compare(kind: str, people: int, databases: Databases, runs: int) -> Iterator[Measure]:
    ours, bare, raised, bare_raised = [], [], [], []
    for _ in range(runs):
        with databases() as url, _filled(url, people) as engine:
            with timed() as watch:
                lines = _run(engine)
            ours.append(watch.seconds)
            _publish(engine, {"base_pension": {"monthly_fen": 12_300}}, RAISED)
            with timed() as watch:
                changed = _raise(engine)
            raised.append(watch.seconds)
        with databases() as url, _filled(url, people) as engine:
            with writing(engine) as connection:
                _unguarded(connection)
            with timed() as watch, writing(engine) as connection:
                found = _floor_run(connection)
            bare.append(watch.seconds)
            with timed() as watch, writing(engine) as connection:
                floor_changed = _floor_raise(connection)
            bare_raised.append(watch.seconds)
        assert lines == found == people, "the program and bare SQL differ"
        assert changed == floor_changed == people
    yield Measure(f"run computed and compared, {people:,}, {kind}", "s", ours, bare, "≤ 2.00")
    yield Measure(f"standard raised 5 months back, {people:,}, {kind}", "s", raised, bare_raised)


@contextmanager
def _filled(url: str, people: int) -> Iterator[Engine]:
    migrated(url)
    engine = make_engine(url, Keyring.generate())
    with writing(engine) as connection:
        _fill(connection, people)
    _publish(engine, KINDS, date(2024, 1, 1))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    yield engine
    engine.dispose()


def _run(engine: Engine) -> int:
    county = RegionCode(COUNTY)
    with unit_of_work(engine, actor=machine(county), node=county, now=NOW) as uow:
        run = compute(uow, MONTH)
        assert compare(uow, run).unexplained == 0
        assert missing(uow, run) == 0
        return run.lines


def _raise(engine: Engine) -> int:
    county = RegionCode(COUNTY)
    with unit_of_work(engine, actor=machine(county), node=county, now=NOW) as uow:
        changed = redetermine(uow, from_month=RAISED, through_month=MONTH, reason="bench")
        return changed.people if changed else 0


def _numbers(connection: Connection, people: int) -> str:
    if connection.dialect.name == "postgresql":
        return f"(SELECT generate_series(1, {people}) AS n) AS numbers"
    return (
        "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
        f"WHERE n < {people}) SELECT n FROM c) AS numbers"
    )


def _fill(connection: Connection, people: int) -> None:
    """People, enrolments, pensions and their rates, and the lines of the month before."""
    from_numbers = _numbers(connection, people)
    village = f"CAST(410122100200 + (n - 1) % {VILLAGES} AS VARCHAR(12))"
    number = "'number'" if connection.dialect.name != "postgresql" else "'\\x6e'::bytea"
    index = "CAST(n AS BLOB)" if connection.dialect.name != "postgresql" else "int8send(n)"
    json = "'{\"individual\": 2000}'"
    parts = "11300, 0, 0, 0, 0, 2000"
    for statement in (
        f"""INSERT INTO person (county_code, id, name, citizen_number, citizen_index, sex,
                born_on, ethnicity, address, village, category, registered_at)
            SELECT '{COUNTY}', 'p' || n, '样本', {number}, {index}, 'female', '1950-01-01', '汉族',
                '', {village}, 'ordinary', '2025-01-01' FROM {from_numbers}""",
        f"""INSERT INTO enrolment (county_code, id, person_id, village, state, bank_account,
                opened_on)
            SELECT '{COUNTY}', 'n' || n, 'p' || n, {village}, 'drawing', {number}, '2025-01-01'
            FROM {from_numbers}""",
        f"""INSERT INTO entitlement (county_code, id, person_id, account_no, village, due_from,
                paid_years, base_fen, account_fen, monthly_fen, balance_fen, divisor_months,
                account_by_source, sheet, state, owed_from, determined_by, approved_by,
                determined_at)
            SELECT '{COUNTY}', 'e' || n, 'p' || n, n, {village}, '2026-01-01', 15, 11300, 2000,
                13300, 278000, 139, {json}, '[]', 'in_force', '2026-06-01', 'a', 'b',
                '2025-12-01' FROM {from_numbers}""",
        f"""INSERT INTO benefit_rate (county_code, entitlement_id, version, from_month, village,
                base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen, changed_in)
            SELECT '{COUNTY}', 'e' || n, 1, '2026-01-01', {village}, {parts}, 13300, 1
            FROM {from_numbers}""",
        f"""INSERT INTO payroll_line (county_code, run_no, line_no, pay_no, entitlement_id, kind,
                month, instalment, village, base_fen, city_fen, county_fen, years_fen, age_fen,
                account_fen, fen, is_void)
            SELECT '{COUNTY}', 1, n, n, 'e' || n, 'pension', '2026-05-01', 1, {village}, {parts},
                13300, 0 FROM {from_numbers}""",
        f"""INSERT INTO payroll_run (county_code, run_no, month, kind, state, pay_day, people,
                lines, fen, offset_fen, computed_by, computed_by_name, computed_at,
                reviewed_by_name, approved_by_name, frozen_hash, bank, explanation)
            VALUES ('{COUNTY}', 1, '2026-05-01', 'regular', 'settled', '2026-05-15', {people},
                {people}, 0, 0, 'a', '', '2026-05-01', '', '', 'x', '', '')""",
        f"""INSERT INTO counter VALUES ('{COUNTY}', 'payroll_run', 1),
            ('{COUNTY}', 'benefit_rate', 1)""",
    ):
        connection.execute(text(statement))  # the driver would read % as a parameter


def _publish(engine: Engine, kinds: Mapping[str, Any], effective: date) -> None:
    with Session(engine) as session:
        for kind, body in kinds.items():
            session.add(
                Bulletin(
                    id=new_id(),
                    number=f"示例 {kind} {effective}",
                    kind=kind,
                    title=kind,
                    region="410000000000",
                    effective_from=effective,
                    body=body,
                    status="published",
                    drafted_by="bench",
                    drafted_at=NOW,
                    published_by="bench",
                    published_at=NOW,
                )
            )
        session.commit()


def _unguarded(connection: Connection) -> None:
    for name in GUARDS:
        table = "payroll_payment" if name.startswith("payment") else "payroll_line"
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER {name}{on}"))


def _typed(sql: str) -> TextClause:
    names = [name for name in ("month", "before", "first") if f":{name}" in sql]
    return text(sql).bindparams(*(bindparam(name, type_=Date()) for name in names))


def _floor_run(connection: Connection) -> int:
    widen(connection)  # it works with the memory the program has
    given = {"month": MONTH}
    connection.execute(
        _typed("""
            INSERT INTO payroll_line (county_code, run_no, line_no, pay_no, entitlement_id, kind,
                month, instalment, village, base_fen, city_fen, county_fen, years_fen, age_fen,
                account_fen, fen, is_void)
            SELECT e.county_code, 2, row_number() OVER (ORDER BY e.village, e.id),
                row_number() OVER (ORDER BY e.village, e.id), e.id, 'pension', :month, 1,
                e.village, r.base_fen, r.city_fen, r.county_fen, r.years_fen, r.age_fen,
                r.account_fen, r.fen, 0
            FROM entitlement e JOIN benefit_rate r ON r.county_code = e.county_code
                AND r.entitlement_id = e.id
        """),
        given,
    )
    connection.execute(
        text("""
            INSERT INTO payroll_payment (county_code, run_no, pay_no, entitlement_id, person_id,
                village, payee, account, due_fen, offset_fen, fen, state, reason, attempt)
            SELECT l.county_code, 2, l.pay_no, l.entitlement_id, e.person_id, l.village, p.name,
                n.bank_account, l.fen, 0, l.fen, 'waiting', '', 0
            FROM payroll_line l
            JOIN entitlement e ON e.county_code = l.county_code AND e.id = l.entitlement_id
            JOIN person p ON p.county_code = e.county_code AND p.id = e.person_id
            JOIN enrolment n ON n.county_code = e.county_code AND n.person_id = e.person_id
                AND n.closed_on IS NULL
            WHERE l.run_no = 2
        """)
    )
    compared = text("""
        SELECT count(*) FROM (
            SELECT entitlement_id FROM payroll_line WHERE run_no IN (1, 2)
            GROUP BY entitlement_id HAVING count(*) = 2 AND min(fen) = max(fen)) AS same
    """)
    return int(connection.execute(compared).scalar_one())


def _floor_raise(connection: Connection) -> int:
    widen(connection)
    given = {"first": RAISED}
    connection.execute(
        _typed("""
            INSERT INTO benefit_rate (county_code, entitlement_id, version, from_month, village,
                base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen, changed_in)
            SELECT county_code, entitlement_id, 2, :first, village, 12300, city_fen, county_fen,
                years_fen, age_fen, account_fen, fen + 1000, 2
            FROM benefit_rate WHERE version = 1
        """),
        given,
    )
    connection.execute(
        _typed("UPDATE benefit_rate SET to_month = :first, changed_in = 2 WHERE version = 1"), given
    )
    done = connection.execute(
        _typed("UPDATE entitlement SET owed_from = :first, monthly_fen = monthly_fen + 1000"), given
    )
    return done.rowcount
