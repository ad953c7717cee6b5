"""A bank's result file of 200,000 lines: read, checked against its totals, judged, booked.

What is timed is one call, committed: the file parsed and hashed, staged, every row judged and its
line answered, 200,000 contributions and postings, the voucher, and what province and villages are
told, written to the outbox.

The floor: the same file split at its bars and staged by one `executemany`, then the same rows
written by four bare statements into the same tables under the same indexes and guards. It checks
nothing, hashes nothing and tells nobody.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from benchmarks.measure import Measure, SkippedError, timed
from node.accounts.balances import accounts
from node.banking.service import Totals, mark_sent, take_result
from node.contributions.capability import CAPABILITY
from node.contributions.payers import enrolments
from node.contributions.payers import people as people_table
from node.contributions.service import make_orders, withhold
from node.core.db import make_engine, tell_planner, writing
from node.core.ids import new_id
from node.core.personal import Keyring
from node.core.work import UnitOfWork, machine, unit_of_work
from node.policy.models import Bulletin
from tests.fixtures.postgres import PostgresMissingError, postgres_server
from tests.fixtures.schema import migrated
from tiers import RegionCode

COUNTY = "410122000000"
YEAR = 2025
PEOPLE = 200_000
FEN = 20_000
NOW = datetime(YEAR, 9, 1, 1, tzinfo=UTC)
KEYRING = Keyring.generate()
LOADED = CAPABILITY  # its hooks are in place once it is imported

Copies = Callable[[], AbstractContextManager[Engine]]

_NUMBERS = """
WITH RECURSIVE number(n) AS (
  SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM number WHERE n < :people)
"""
_VILLAGE = "'410122' || CAST(100 + n % 20 AS TEXT) || CAST(200 + n % 400 AS TEXT)"
_PEOPLE = f"""
INSERT INTO person (county_code, id, name, citizen_number, citizen_index, sex, born_on, ethnicity,
  address, village, category, registered_at)
{_NUMBERS}
SELECT '{COUNTY}', 'person-' || CAST(n AS TEXT), '样本', :number, :blank, 'male', :born, '汉族', '',
  {_VILLAGE}, 'ordinary', :now FROM number
"""
_ACCOUNTS = f"""
INSERT INTO account (county_code, account_no, person_id, village, opened_on)
{_NUMBERS}
SELECT '{COUNTY}', n, 'person-' || CAST(n AS TEXT), {_VILLAGE}, :born FROM number
"""
_ENROLMENTS = f"""
INSERT INTO enrolment (county_code, id, person_id, village, state, grade_fen, bank_account,
  opened_on)
{_NUMBERS}
SELECT '{COUNTY}', 'enrolment-' || CAST(n AS TEXT), 'person-' || CAST(n AS TEXT), {_VILLAGE},
  'active', {FEN}, :card, :born FROM number
"""


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """SQLite, then Postgres, each against the floor on the same database."""
    people = PEOPLE // 10 if quick else PEOPLE
    with sqlite_copies(people) as copies:
        yield _compare(f"bank result, {people:,} lines, SQLite", copies, people, runs)
    try:
        with _postgres(people) as copies:
            yield _compare(f"bank result, {people:,} lines, Postgres", copies, people, runs)
    except PostgresMissingError as missing:
        raise SkippedError(str(missing)) from missing


def _compare(name: str, copies: Copies, people: int, runs: int) -> Measure:
    ours, bare = [], []
    content = result_file(people)
    for _ in range(runs):
        with copies() as engine:
            with timed() as watch:
                floor(engine, content)
            bare.append(watch.seconds)
        with copies() as engine:
            with timed() as watch:
                booked = taken(engine, content, people)
            ours.append(watch.seconds)
            assert booked == people * FEN
    return Measure(name, "s", ours, bare, "≤ 15 s")


def result_file(people: int) -> bytes:
    """Everybody's money has been collected."""
    lines = (f"000001{n:06d}|样本||{FEN // 100}.00|000001|AAAAAAA\n" for n in range(1, people + 1))
    return "".join(lines).encode("gbk")


def taken(engine: Engine, content: bytes, people: int) -> int:
    """Let the program take the file; what it has posted, in fen."""
    with _work(engine) as uow:
        totals = Totals(people, people * FEN)
        name = "YHDKFK00000101_S.TXT"
        take_result(uow, "rural_credit", BytesIO(content), file_name=name, totals=totals)
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT sum(fen) FROM posting")) or 0)


def floor(engine: Engine, content: bytes) -> None:
    """The same rows by bare statements."""
    day = f"{YEAR}-09-01"
    with writing(engine) as connection:
        rows = [
            (int(order[:6]), int(order[6:]), name, int(yuan.replace(".", "")), code)
            for order, name, _, yuan, _, code in (
                line.split("|") for line in content.decode("gbk").splitlines()
            )
        ]
        mark = "%s" if connection.dialect.name == "postgresql" else "?"
        marks = ", ".join([mark] * 5)
        connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE came (batch_no INT, line_no INT, name TEXT, fen BIGINT, "
            "code TEXT)"
        )
        connection.exec_driver_sql(f"INSERT INTO came VALUES ({marks})", rows)
        for statement in _FLOOR:
            connection.exec_driver_sql(statement.replace(":day", f"'{day}'"))


_FLOOR = (
    """UPDATE bank_line SET state = 'succeeded', code = came.code, answered_on = :day,
        bank_reference = CAST(came.batch_no AS TEXT) || '-' || CAST(came.line_no AS TEXT)
       FROM came WHERE bank_line.batch_no = came.batch_no AND bank_line.line_no = came.line_no""",
    f"""INSERT INTO contribution (county_code, id, account_no, person_id, village, for_year,
        grade_fen, fen, method, reference, paid_on, make_up, entry_no, line_no, confirmed_at)
       SELECT '{COUNTY}', 'b' || CAST(o.account_no AS TEXT), o.account_no, a.person_id, o.village,
        {YEAR}, o.grade_fen, o.own_fen, 'bank', 'r' || CAST(o.account_no AS TEXT), :day, FALSE, 9,
        o.account_no, :day
       FROM contribution_order o JOIN account a ON a.county_code = o.county_code
        AND a.account_no = o.account_no""",
    f"""INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
       SELECT '{COUNTY}', 9, account_no, account_no, village, 'individual', 'contribution', own_fen,
        {YEAR}, 9, {YEAR}, :day FROM contribution_order""",
)


def _work(engine: Engine) -> AbstractContextManager[UnitOfWork]:
    county = RegionCode(COUNTY)
    return unit_of_work(engine, actor=machine(county), node=county, now=NOW)


def _fill(url: str, people: int) -> None:
    """People with cards, orders for everybody, a batch that is at the bank."""
    migrated(url)
    engine = make_engine(url, KEYRING)
    given = {
        "people": people,
        "number": KEYRING.seal(b"410199198001010015", b"person.citizen_number"),
        "card": KEYRING.seal(b"6217000000000001", b"enrolment.bank_account"),
        "born": date(1980, 1, 1),
        "now": NOW.replace(tzinfo=None),
    }
    with writing(engine) as connection:
        for statement in (_PEOPLE, _ACCOUNTS, _ENROLMENTS):
            connection.execute(text(_indexed(connection, statement)), given)
        tell_planner(connection, people_table, accounts, enrolments)
    with _work(engine) as uow:
        uow.session.add(_grades(uow))
    with _work(engine) as uow:
        make_orders(uow, YEAR)
    with _work(engine) as uow:
        batch = withhold(uow, YEAR, bank_code="rural_credit").batch
        assert batch is not None
        assert batch.lines == people
        mark_sent(uow, batch.batch_no)
        uow.connection.execute(text("DELETE FROM sync_outbox"))
    engine.dispose()


def _indexed(connection: Connection, statement: str) -> str:
    """A blind index that is different for everybody, made by the database."""
    postgres = connection.dialect.name == "postgresql"
    mine = "CAST(CAST(n AS TEXT) AS BYTEA)" if postgres else "CAST(CAST(n AS TEXT) AS BLOB)"
    return statement.replace(":blank", mine)


def _grades(uow: UnitOfWork) -> Bulletin:
    return Bulletin(
        id=new_id(),
        number="示例",
        kind="contribution_grades",
        title="缴费档次",
        region="410000000000",
        effective_from=date(2024, 1, 1),
        body={"grades_fen": [FEN]},
        status="published",
        drafted_by="province",
        drafted_at=uow.now,
        published_at=uow.now,
    )


@contextmanager
def sqlite_copies(people: int) -> Iterator[Copies]:
    """Copies of one filled file."""
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        filled = Path(name) / "filled.sqlite"
        _fill(f"sqlite:///{filled}", people)

        @contextmanager
        def copied() -> Iterator[Engine]:
            target = Path(name) / "copy.sqlite"
            shutil.copyfile(filled, target)
            engine = make_engine(f"sqlite:///{target}", KEYRING)
            yield engine
            engine.dispose()
            for left in Path(name).glob("copy.sqlite*"):
                left.unlink()

        yield copied


@contextmanager
def _postgres(people: int) -> Iterator[Copies]:
    with postgres_server() as server:
        template = server.create_database()
        _fill(server.url(template), people)

        @contextmanager
        def copied() -> Iterator[Engine]:
            with server.database(template=template) as url:
                engine = make_engine(url, KEYRING)
                yield engine
                engine.dispose()

        yield copied
