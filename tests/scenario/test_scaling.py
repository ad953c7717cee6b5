"""A province's store split by county: on Postgres for real, on Citus by the statements for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from node import scaling
from node.accounts.verify import verify
from node.contributions.service import confirm_payments
from node.core.db import make_engine, writing
from node.core.errors import Conflict, Invalid
from node.core.partitions import is_partitioned, part_name, partition, quoted, shape_of
from node.core.personal import Keyring
from node.quality.check import check
from node.runtime import load_capabilities
from node.statistics import cells, figures
from node.statistics.behind import behind
from node.statistics.rules import MEASURES, Period
from tests.fixtures.counted import PROVINCE, VILLAGE, YEAR, Story, counted
from tests.fixtures.county import payments
from tiers import PROFILES, Level, RegionCode, Role

PARTS = 3
PAGES = (
    "/statistics?year=2025",
    f"/statistics?region={VILLAGE}&year=2025",
    "/statistics/shares?year=2025&dimension=born",
    *(f"/statistics/behind?region={VILLAGE}&year=2025&measure={m.name}" for m in MEASURES),
    "/quality",
    "/assessment",
)
UNCHANGING = ("posting", "journal_entry", "journal_line", "account_closing")


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path) -> Path:
    return migrated_sqlite


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = make_engine(url, Keyring.generate())
    yield engine
    engine.dispose()


def seen(story: Story) -> dict[str, object]:
    """Every figure of the village, what is behind it, and what the checks find."""
    with story.province.node.work() as uow:
        found: dict[str, object] = {
            m.name: (behind(uow, VILLAGE, YEAR, m).amount, behind(uow, VILLAGE, YEAR, m).adds_up)
            for m in MEASURES
        }
        found["whole"] = figures.whole(uow, RegionCode(PROVINCE), YEAR)
        found["findings"] = check(uow)
        found["verified"] = [f for f in verify(uow) if not f.ok]
    return found


def pages(story: Story, login: str) -> None:
    director = story.province.browser(login, Role.STATISTICIAN, Role.QUALITY_SUPERVISOR)
    for path in PAGES:
        assert director.get(path).status_code == 200, path


@pytest.mark.postgres
def test_a_partitioned_province_shows_the_same_and_goes_on(
    template: Path, tmp_path: Path, migrated_postgres_url: str
) -> None:
    with counted(template, tmp_path, province_url=migrated_postgres_url) as story:
        province = story.province.node
        before, shapes = seen(story), all_shapes(province.engine)
        moved = dict(scaling.partition_by_county(province, PARTS))
        assert set(moved) == set(scaling.GROWING)
        assert moved["person"] == 3
        assert moved["posting"] == 33
        assert list(scaling.partition_by_county(province, PARTS)) == []  # nothing is done twice
        assert all_shapes(province.engine) == shapes
        assert seen(story) == before
        pages(story, "after")
        refuses_what_it_refused(province.engine)

        # Sync goes on: a payment of the next year arrives, is counted and stands behind the figure.
        story.county.on(date(2026, 1, 12))
        paid = payments([1], for_year=2026, paid_on=date(2026, 1, 12))
        with story.county.work(story.county.accountant) as uow:
            assert [one.reason for one in confirm_payments(uow, paid)] == [""]
        story.rise()
        with province.work() as uow:
            cells.refresh(uow)
        with province.work() as uow:
            payers = next(m for m in MEASURES if m.name == "payers")
            found = behind(uow, VILLAGE, Period(2026), payers)
            assert (found.figure, found.amount) == (1, 1)


def all_shapes(engine: Engine) -> dict[str, object]:
    with engine.connect() as connection:
        return {
            table: [
                sorted(shape.keys),
                sorted(one.replace(" ON ONLY ", " ON ") for one in shape.indexes),
                sorted(shape.foreign_keys),
                [trigger.definition for trigger in shape.triggers],
            ]
            for table in scaling.GROWING
            for shape in [shape_of(connection, table)]
        }


def refuses_what_it_refused(engine: Engine) -> None:
    """Guards hold for the table and for each partition by its own name."""
    for table in UNCHANGING:
        for name in (table, *(part_name(table, number) for number in range(PARTS))):
            for statement in (f"DELETE FROM {name}", f"TRUNCATE {name} CASCADE"):
                with pytest.raises(IntegrityError), writing(engine) as connection:
                    connection.execute(text(statement))
    with pytest.raises(IntegrityError), writing(engine) as connection:  # a line without voucher
        connection.execute(
            text("INSERT INTO journal_line VALUES ('410122000000', 99999, 1, 'fund_income', 1)")
        )


def test_every_table_by_county_is_spoken_of() -> None:
    """A table of facts that somebody adds later is not forgotten."""
    capabilities = load_capabilities(PROFILES[Level.PROVINCE].capabilities)
    held = {table.name for each in capabilities for table in each.replicas}
    counted_here = {
        name for name in SQLModel.metadata.tables if name.startswith(("statistics_", "quality_"))
    } - {"statistics_stale"}
    by_county = {
        name
        for name in held | counted_here
        if "county_code" in SQLModel.metadata.tables[name].primary_key.columns
    }
    spoken_of = [*scaling.GROWING, *scaling.SMALL, *scaling.WHOLE]
    assert sorted(spoken_of) == sorted(by_county)


@pytest.mark.postgres
def test_each_key_of_what_is_split_names_the_county(migrated_postgres_url: str) -> None:
    """Neither a partitioned nor a distributed table can keep a key without it."""
    with engine_of(migrated_postgres_url) as engine, engine.connect() as connection:
        for table in (*scaling.GROWING, *scaling.SMALL):
            shape = shape_of(connection, table)
            unique = [one for one in shape.indexes if one.startswith("CREATE UNIQUE")]
            for one in (*shape.keys, *unique, *(f[2] for f in shape.foreign_keys)):
                assert "county_code" in one, one


@pytest.mark.postgres
def test_statements_for_citus_are_whole_and_run_in_order(
    template: Path, tmp_path: Path, migrated_postgres_url: str
) -> None:
    """Citus is not here: its one function is a note of what was asked. All else runs for real."""
    with counted(template, tmp_path, province_url=migrated_postgres_url) as story:
        engine = story.province.node.engine
        with pytest.raises(Invalid, match="没有安装 Citus"):
            scaling.distribute(story.province.node)
        before = seen(story)
        with writing(engine) as connection:
            statements = scaling.distribution(connection)
            asked = run_without_citus(connection, statements)
        assert sorted(asked) == sorted((*scaling.GROWING, *scaling.SMALL))
        assert seen(story) == before
        for table in UNCHANGING:
            with pytest.raises(IntegrityError), writing(engine) as connection:
                connection.execute(text(f"DELETE FROM {table}"))
        with engine.connect() as connection:
            for table in asked:
                for trigger in shape_of(connection, table).triggers:
                    assert trigger.is_for_rows
                    assert "ledger_book" not in trigger.looks_at


def run_without_citus(connection: Connection, statements: Sequence[str]) -> list[str]:
    connection.exec_driver_sql("""
        CREATE TEMP TABLE asked (name text);
        CREATE FUNCTION create_distributed_table(t regclass, c text, colocate_with text)
        RETURNS void LANGUAGE sql AS $$
            INSERT INTO asked SELECT relname FROM pg_class WHERE oid = t AND c = 'county_code'
            AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = t) $$""")
    for statement in statements:
        connection.exec_driver_sql(statement)
    return list(connection.execute(text("SELECT name FROM asked")).scalars())


@pytest.mark.postgres
def test_who_keeps_books_or_is_partitioned_is_not_distributed(migrated_postgres_url: str) -> None:
    with engine_of(migrated_postgres_url) as engine:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO ledger_book VALUES ('410122000000', now())"))
            with pytest.raises(Conflict, match="自己记账"):
                scaling.distribution(connection)
            connection.execute(text("DELETE FROM ledger_book"))
        with writing(engine) as connection:
            partition(connection, "case", PARTS)
            assert is_partitioned(connection, "case")
            assert quoted(connection, "case") == '"case"'
            with pytest.raises(Conflict, match="已经按县分区"):
                scaling.distribution(connection)


def test_a_small_node_is_told_that_it_is_not_for_it(migrated_sqlite_url: str) -> None:
    with (
        engine_of(migrated_sqlite_url) as engine,
        engine.connect() as connection,
        pytest.raises(Invalid, match="只用于 Postgres"),
    ):
        scaling.distribution(connection)
