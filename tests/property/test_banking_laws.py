"""Laws of bank files: what is written is read again, and SQL judges as the rule does."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from node.banking.batches import bank_lines
from node.banking.description import bank, banks
from node.banking.incoming import Totals, read_rows
from node.banking.models import BankResultLine
from node.banking.rules import (
    Claim,
    LineState,
    Outcome,
    judge,
    line_problems,
    order_number,
    read_order_number,
)
from node.banking.service import mark_sent, open_batch, take_result
from tests.fixtures.banking import WORKBOOK, new_batch, new_lines, text_file, workbook_file
from tests.fixtures.county import County, closing, open_county
from tests.fixtures.schema import sqlite_copy

NAMES = st.text(st.characters(codec="gbk", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
LINES = st.lists(
    st.tuples(NAMES.filter(lambda name: "|" not in name), st.integers(1, 10**9)), max_size=20
)
CODES = {"成功": LineState.SUCCEEDED, "余额不足": LineState.FAILED, "处理中": LineState.UNCLEAR}


@given(batch=st.integers(1, 999_999), line=st.integers(1, 999_999))
def test_an_order_number_names_its_line(batch: int, line: int) -> None:
    assert read_order_number(order_number(batch, line)) == (batch, line)


@given(LINES)
def test_a_text_file_says_what_was_written(lines: list[tuple[str, int]]) -> None:
    rows = [(1, n, name, fen, "AAAAAAA") for n, (name, fen) in enumerate(lines, 1)]
    for name, fen in lines:
        assert not list(line_problems(name, fen, encoding="gbk", separator="|"))
    text = bank("rural_credit")
    kind = text.result_file("YHDKFK1_S.TXT")
    totals = Totals(len(lines), sum(fen for _, fen in lines))
    stream = BytesIO(text_file(rows))
    found = list(read_rows(text, kind, stream, totals=totals, on=date(2025, 1, 1)))
    assert [(row.name, row.fen) for row in found] == [(name.strip(), fen) for name, fen in lines]


def test_every_description_has_a_code_for_every_answer() -> None:
    for each in banks().values():
        states = {answer.state for answer in each.answers.values()}
        assert states == {
            LineState.SUCCEEDED,
            LineState.FAILED,
            LineState.UNCLEAR,
            LineState.RETURNED,
        }
        for kind in each.result_files:
            assert each.result_file(kind.example.format(batch=1, part=1, serial="1")) is kind


@pytest.fixture(scope="module")
def county(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    folder = tmp_path_factory.mktemp("judge")
    found = open_county(sqlite_copy(migrated_sqlite, folder / "county.sqlite"), policy=False)
    with closing(found.office):
        yield found.on(date(2025, 9, 1))


serials = count(1)
Row = tuple[LineState, str, bool, bool, bool]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([state for state in LineState if state is not LineState.WAITING]),
        st.sampled_from(sorted(CODES)),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(ROWS)
def test_sql_judges_as_the_rule_does(county: County, rows: list[Row]) -> None:
    """Each line has a state; the file says something of it, with right or wrong name and amount."""
    mine = next(serials)
    lines = new_lines(len(rows), first=mine * 100)
    with county.work() as uow:
        batch = open_batch(uow, new_batch(WORKBOOK), lines).batch_no
        mark_sent(uow, batch)
        said, references, expected = [], [], []
        for n, (state, code, same_fen, same_name, repeats) in enumerate(rows, 1):
            was = update(bank_lines).where(
                bank_lines.c.batch_no == batch, bank_lines.c.line_no == n
            )
            uow.connection.execute(was.values(state=state.value))
            name = lines[n - 1].name if same_name else "别人"
            fen = lines[n - 1].fen if same_fen else 7
            for turn in range(2 if repeats else 1):
                said.append((batch, n, name, fen, code))
                references.append(f"YZ{batch}-{n}")
                expected.append(
                    judge(Claim(CODES[code], state, turn == 0, same_fen, same_name, True))
                )
        content = workbook_file(said, references=references)
        taken = take_result(uow, WORKBOOK, BytesIO(content), file_name=f"代扣回盘{mine}.xlsx")
        found = select(BankResultLine.outcome).where(BankResultLine.result_no == taken.result_no)
        order = found.order_by(BankResultLine.row_no)
        assert [Outcome(each) for each in uow.session.scalars(order)] == expected
