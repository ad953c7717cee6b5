"""A synthetic province, made where it lies: the rows a provincial node holds after years of sync.

All counties and villages of Henan are there. One county is as large as a real one and has people
enough in every village; the others are as many as in earnest and thin. So a page that opens a
county or a village meets real sizes, and one that spans the province meets every place.

Everything is derived from the number `n` of a person. Rows lie as they would have arrived: by year,
county by county, the villages of a county mixed. Facts fit together: no rule of quality objects.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, text

from node.core.divisions import Places
from node.core.personal import Keyring
from tiers import Level, RegionCode

LARGE = "410122000000"
LARGE_SHARE = 0.4
"""The part of the people who live in the large county (at most a real county's)."""
LARGEST = 300_000
YEARS = 4
PAYER_YEARS, PENSIONER_YEARS = "2023 + y", "2017 + y"
RUNS = 12
POSTINGS_EACH = 3 * YEARS

PEOPLE = """
    CREATE UNLOGGED TABLE bench_person AS
    SELECT row_number() OVER (ORDER BY county, md5(n::text)) AS n, village, county
    FROM (SELECT n, v.code AS village, v.county
          FROM generate_series(0, :large - 1) AS n
          JOIN bench_village v ON v.large AND v.no = n % :in_large
          UNION ALL
          SELECT n + :large, v.code, v.county
          FROM generate_series(0, :others - 1) AS n
          JOIN bench_village v ON NOT v.large AND v.no = n % :elsewhere) AS placed"""

WHO = """
    ALTER TABLE bench_person ADD COLUMN draws boolean, ADD COLUMN born date,
        ADD COLUMN began date, ADD COLUMN first_year int;
    UPDATE bench_person SET draws = n % 10 < 3;
    UPDATE bench_person SET first_year = CASE WHEN draws THEN 2017 ELSE 2023 END,
        born = CASE WHEN draws THEN make_date(1940 + (n % 21)::int, 1 + (n % 12)::int, 1)
            ELSE make_date(1970 + (n % 31)::int, 1 + (n % 12)::int, 1 + (n % 28)::int) END,
        began = CASE WHEN draws THEN DATE '2017-02-01' ELSE DATE '2023-02-01' END"""

PERSON = """
    INSERT INTO person (county_code, id, name, citizen_number, citizen_index, sex, born_on,
        ethnicity, address, village, category, registered_at)
    SELECT county, 'p' || n, substr('赵钱孙李周吴郑王冯陈', 1 + (n % 10)::int, 1) || n,
        CAST(:number AS bytea), int8send(n), CASE WHEN n % 2 = 0 THEN 'female' ELSE 'male' END,
        born, '汉族', '', village,
        CASE WHEN n % 20 = 0 THEN 'minimum_living' ELSE 'ordinary' END, began FROM bench_person"""
ENROLMENT = """
    INSERT INTO enrolment (county_code, id, person_id, village, state, grade_fen, bank_account,
        opened_on)
    SELECT county, 'e' || n, 'p' || n, village, CASE WHEN draws THEN 'drawing' ELSE 'active' END,
        CASE WHEN draws THEN NULL ELSE 20000 END, CAST(:card AS bytea), began FROM bench_person"""
ACCOUNT = """
    INSERT INTO account (county_code, account_no, person_id, village, opened_on)
    SELECT county, n, 'p' || n, village, began FROM bench_person"""
ENTITLEMENT = """
    INSERT INTO entitlement (county_code, id, person_id, account_no, village, due_from, paid_years,
        base_fen, account_fen, monthly_fen, balance_fen, divisor_months, account_by_source, sheet,
        state, owed_from, determined_by, approved_by, determined_at)
    SELECT county, 't' || n, 'p' || n, n, village, DATE '2021-01-01', 15, 11300, 2000, 13300,
        278000, 139, '{"individual": 2000}', '[]', 'in_force', DATE '2027-01-01', 'a', 'b',
        TIMESTAMP '2020-12-01' FROM bench_person WHERE draws"""
RATE = """
    INSERT INTO benefit_rate (county_code, entitlement_id, version, from_month, village, base_fen,
        city_fen, county_fen, years_fen, age_fen, account_fen, fen, changed_in)
    SELECT county, 't' || n, 1, DATE '2021-01-01', village, 11300, 0, 0, 0, 0, 2000, 13300, 1
    FROM bench_person WHERE draws"""
CONTRIBUTION = """
    INSERT INTO contribution (county_code, id, account_no, person_id, village, for_year, grade_fen,
        fen, method, reference, paid_on, make_up, entry_no, line_no, confirmed_at)
    SELECT county, 'c' || :y || '-' || n, n, 'p' || n, village, first_year + :y, 20000, 20000,
        'bank', :y || '-' || n, make_date(first_year + :y, 3, 1 + (n % 28)::int), false,
        10 * (first_year + :y) + 1, n, make_date(first_year + :y, 3, 28) FROM bench_person"""
SUBSIDY = """
    INSERT INTO subsidy (county_code, account_no, for_year, village, province_fen, city_fen,
        county_fen, bulletin_id, entry_no)
    SELECT county, n, first_year + :y, village, 3000, 0, 0, 'b', 10 * (first_year + :y) + 2
    FROM bench_person"""
POSTING = """
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    SELECT county, 10 * (first_year + :y) + k.no, n, n, village, k.source, k.kind, k.fen,
        first_year + :y, k.month, first_year + :y, make_date(first_year + :y, k.month, k.day)
    FROM (VALUES (1, 'individual', 'contribution', 20000, 3, 28),
                 (2, 'subsidy_province', 'subsidy', 3000, 3, 28),
                 (3, 'individual', 'interest', 410, 12, 31))
        AS k (no, source, kind, fen, month, day)
    CROSS JOIN bench_person"""
ENTRY = """
    INSERT INTO journal_entry (county_code, entry_no, kind, business_date, booked_at, trace_kind,
        trace, memo, actor_id)
    SELECT p.county_code, p.entry_no, min(p.kind), min(p.business_date), min(p.business_date),
        'batch', 'bench', '', 'system' FROM posting p GROUP BY p.county_code, p.entry_no"""
LINE = """
    INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
    SELECT s.county_code, s.entry_no, k, CASE k WHEN 1 THEN 'income_account'
        ELSE 'individual_accounts' END, CASE k WHEN 1 THEN s.fen ELSE -s.fen END
    FROM (SELECT county_code, entry_no, sum(fen) AS fen FROM posting GROUP BY 1, 2) AS s,
        generate_series(1, 2) AS k"""
PAID = """
    INSERT INTO paid_line (county_code, run_no, line_no, run_month, village, entitlement_id, kind,
        month, instalment, base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen,
        paid_on, is_on_time)
    SELECT county, :y + 1, n, make_date(2026, :y + 1, 1), village, 't' || n, 'pension',
        make_date(2026, :y + 1, 1), 1, 11300, 0, 0, 0, 0, 2000, 13300,
        make_date(2026, :y + 1, 15), true FROM bench_person WHERE draws"""
RUN = """
    INSERT INTO run_report (county_code, run_no, month, kind, state, pay_day, people, fen,
        paid_people, paid_fen, failed_people, on_time_people, on_time_fen, reported_at)
    SELECT county_code, run_no, min(month), 'regular', 'settled', min(paid_on), count(*), sum(fen),
        count(*), sum(fen), 0, count(*), sum(fen), min(paid_on)
    FROM paid_line GROUP BY county_code, run_no"""


def fill(connection: Connection, places: Places, keyring: Keyring, people: int) -> None:
    """Write the facts of so many people, in one transaction, without asking guards or keys."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("SET LOCAL work_mem = '256MB'"))
    within, elsewhere = _villages(connection, places)
    large = min(LARGEST, int(people * LARGE_SHARE))
    sizes = {"large": large, "others": people - large}
    connection.execute(text(PEOPLE), sizes | {"in_large": within, "elsewhere": elsewhere})
    for statement in WHO.split(";"):
        connection.execute(text(statement))
    sealed = {
        "number": keyring.seal(b"410199195001010018", b"person.citizen_number"),
        "card": keyring.seal(b"6217000000000000000", b"enrolment.bank_account"),
    }
    for statement, turn in _statements():
        given = {name: value for name, value in sealed.items() if f":{name}" in statement}
        connection.execute(text(statement.replace(":y", str(turn))), given)


def _statements() -> Iterator[tuple[str, int]]:
    for statement in (PERSON, ENROLMENT, ACCOUNT, ENTITLEMENT, RATE):
        yield statement, 0
    for year in range(YEARS):
        for statement in (CONTRIBUTION, SUBSIDY, POSTING):
            yield statement, year
    for statement in (ENTRY, LINE):
        yield statement, 0
    for month in range(RUNS):
        yield PAID, month
    yield RUN, 0


def _villages(connection: Connection, places: Places) -> tuple[int, int]:
    """Every village by a number among those of the large county, or of all others."""
    connection.execute(
        text("CREATE UNLOGGED TABLE bench_village (no int, code text, county text, large boolean)")
    )
    codes = [RegionCode(code) for code in places.names]
    villages = sorted(code for code in codes if code.level is Level.VILLAGE)
    is_large: Callable[[RegionCode], bool] = lambda code: str(code.county) == LARGE  # noqa: E731
    counts = []
    for large in (True, False):
        some = [code for code in villages if is_large(code) is large]
        rows = [
            {"no": no, "code": str(code), "county": str(code.county), "large": large}
            for no, code in enumerate(some)
        ]
        connection.execute(
            text("INSERT INTO bench_village VALUES (:no, :code, :county, :large)"), rows
        )
        counts.append(len(some))
    return counts[0], counts[1]
