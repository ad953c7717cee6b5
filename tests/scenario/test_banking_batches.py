"""Batches go out, results come back: each line gets its answer once, and no file counts twice."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from node.banking.events import RESULT_TAKEN
from node.banking.models import BankBatch, BankLine, BankResult, BankResultLine
from node.banking.service import (
    Direction,
    LineState,
    NewLine,
    Outcome,
    Totals,
    confirm_by_hand,
    exchange,
    line_counts,
    mark_sent,
    open_batch,
    part_control,
    parts_of,
    take_result,
    write_part,
)
from node.core.errors import Conflict, Forbidden, Invalid
from node.demo.bank import OBLIGING, Temper, look
from tests.fixtures.banking import (
    FAILURE,
    SUCCESS,
    WORKBOOK,
    new_batch,
    new_lines,
    take,
    text_file,
    workbook_file,
)
from tests.fixtures.county import County, closing, open_county
from tests.fixtures.offices import open_office
from tests.fixtures.schema import sqlite_copy

OK = "AAAAAAA"
POOR = "E000001"
TIMEOUT = "T000001"
BACK = "R000001"


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url, policy=False)
    with closing(found.office):
        yield found.on(date(2025, 9, 1))


@pytest.fixture
def sqlite_county(migrated_sqlite_url: str) -> Iterator[County]:
    found = open_county(migrated_sqlite_url, policy=False)
    with closing(found.office):
        yield found.on(date(2025, 9, 1))


def sent(county: County, lines: list[NewLine], **over: object) -> int:
    with county.work(county.accountant) as uow:
        batch = open_batch(uow, new_batch(**over), lines)  # type: ignore[arg-type]
        mark_sent(uow, batch.batch_no)
        return batch.batch_no


def states(county: County, batch_no: int) -> list[str]:
    with county.work() as uow:
        found = select(BankLine.state).where(BankLine.batch_no == batch_no)
        return list(uow.session.scalars(found.order_by(BankLine.line_no)))


def test_a_batch_is_answered_in_parts(county: County) -> None:
    number = sent(county, new_lines(4))
    with county.work(county.accountant) as uow:
        taken = take(uow, [(number, 1, "样本1", 20_001, OK), (number, 2, "样本2", 20_002, OK)])
        assert taken.states == {LineState.SUCCEEDED: 2}
        take(uow, [(number, 3, "样本3", 20_003, POOR)], name=FAILURE)
    assert states(county, number) == ["succeeded", "succeeded", "failed", "sent"]
    with county.work() as uow:
        assert line_counts(uow, number)[LineState.SUCCEEDED] == (2, 40_003)


def test_the_second_arrival_of_a_file_changes_nothing(county: County) -> None:
    number = sent(county, new_lines(1))
    rows = [(number, 1, "样本1", 20_001, OK)]
    with county.work() as uow:
        first = take(uow, rows)
    with county.work() as uow:
        again = take(uow, rows, name=SUCCESS.replace("x_S", "y_S"))
        assert again.is_duplicate
        assert again.result_no == first.result_no
        (result,) = uow.session.scalars(select(BankResult))
        assert result.arrivals == 2
        assert uow.session.scalar(select(func.count()).select_from(BankResultLine)) == 1


@pytest.mark.parametrize(
    ("content", "totals", "why"),
    [
        (text_file([(1, 1, "样本1", 20_001, OK)])[:-1], Totals(1, 20_001), "第 1 行不完整"),
        (text_file([(1, 1, "样本1", 20_001, OK)]), Totals(2, 40_003), "应有 2 笔"),
        (text_file([(1, 1, "样本1", 20_001, OK)]), Totals(1, 20_002), "应有 1 笔、200.02 元"),
        (text_file([(1, 1, "样本1", 20_001, POOR)]), Totals(1, 20_001), "不应出现在这个文件里"),
        (b"000001000001|x\n", Totals(1, 1), "第 1 行有 2 栏，应有 6 栏"),
        (text_file([(1, 1, "样本1", 20_001, OK)])[6:], Totals(1, 20_001), "不是本系统的订单号"),
        (b"\xff\xff|\n", Totals(1, 1), "编码"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_whole(
    sqlite_county: County, content: bytes, totals: Totals, why: str
) -> None:
    number = sent(sqlite_county, new_lines(2))
    with sqlite_county.work() as uow, pytest.raises(Invalid, match=why):
        take(uow, [], content=content, totals=totals)
    assert states(sqlite_county, number) == ["sent", "sent"]


def test_a_file_without_totals_is_not_trusted(sqlite_county: County) -> None:
    number = sent(sqlite_county, new_lines(1))
    content = text_file([(number, 1, "样本1", 20_001, OK)])
    with sqlite_county.work() as uow, pytest.raises(Invalid, match="缺少控制总数"):
        take_result(uow, "rural_credit", BytesIO(content), file_name=SUCCESS)


def test_a_time_out_is_neither_and_is_not_presented_again(county: County) -> None:
    number = sent(county, new_lines(1))
    with county.work() as uow:
        take(uow, [(number, 1, "样本1", 20_001, TIMEOUT)], name=FAILURE)
    assert states(county, number) == ["unclear"]
    with pytest.raises(IntegrityError), county.work() as uow:
        open_batch(uow, new_batch(), new_lines(1))
    with county.work() as uow:
        confirm_by_hand(
            uow,
            number,
            1,
            LineState.FAILED,
            code=POOR,
            bank_reference="",
            on=date(2025, 9, 3),
        )
        again = open_batch(uow, new_batch(), new_lines(1))
        assert again.batch_no == number + 1
    with county.work() as uow, pytest.raises(Conflict, match="已有确定的结果"):
        confirm_by_hand(
            uow, number, 1, LineState.SUCCEEDED, code=OK, bank_reference="Q", on=date(2025, 9, 3)
        )


def test_what_does_not_fit_is_kept_for_a_person(county: County) -> None:
    number = sent(county, new_lines(4))
    with county.work() as uow:
        take(uow, [(number, 4, "样本4", 20_004, POOR)], name=FAILURE)
        taken = take(
            uow,
            [
                (number, 1, "样本1", 20_001, OK),
                (number, 1, "样本1", 20_001, OK),
                (number, 2, "样本2", 9, OK),
                (number, 3, "别人", 20_003, OK),
                (number, 4, "样本4", 20_004, OK),
                (number, 9, "样本9", 20_009, OK),
                (77, 1, "样本1", 20_001, OK),
            ],
        )
    assert taken.outcomes == {
        Outcome.TAKEN: 1,
        Outcome.DOUBLE: 1,
        Outcome.AMOUNT: 1,
        Outcome.PERSON: 1,
        Outcome.CONTRADICTION: 1,
        Outcome.UNKNOWN: 2,
    }
    assert states(county, number) == ["succeeded", "unclear", "unclear", "failed"]


def test_money_that_came_back_may_be_presented_again(county: County) -> None:
    number = sent(county, new_lines(1))
    with county.work() as uow:
        take(uow, [(number, 1, "样本1", 20_001, OK)])
        take(uow, [(number, 1, "样本1", 20_001, BACK)], name=FAILURE)
    assert states(county, number) == ["returned"]
    assert sent(county, new_lines(1)) == number + 1


def test_a_bank_reference_is_used_once(county: County) -> None:
    number = sent(county, new_lines(3), bank=WORKBOOK)
    rows = [(number, n, f"样本{n}", 20_000 + n, "成功") for n in (1, 2)]
    content = workbook_file(rows, references=["YZ1", "YZ1"])
    with county.work() as uow:
        taken = take_result(uow, WORKBOOK, BytesIO(content), file_name="代扣回盘1.xlsx")
        assert taken.outcomes == {Outcome.TAKEN: 1, Outcome.REFERENCE: 1}
    with county.work() as uow:
        line = uow.get(BankLine, str(uow.node), number, 1)
        assert (line.bank_reference, line.answered_on) == ("YZ1", date(2025, 9, 2))
    with pytest.raises(IntegrityError), county.work() as uow:
        uow.get(BankLine, str(uow.node), number, 3).bank_reference = "YZ1"


def test_an_unwritable_name_is_refused_with_its_line(sqlite_county: County) -> None:
    lines = [*new_lines(1), NewLine("x", "张𠮷", "1", "410122100201", 1)]
    with sqlite_county.work() as uow, pytest.raises(Invalid, match=r"第 2 笔（张𠮷）：.*生僻字"):
        open_batch(uow, new_batch(), lines)


def test_a_long_batch_is_cut_into_files(
    sqlite_county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from node.banking import batches  # noqa: PLC0415
    from node.banking.description import bank  # noqa: PLC0415

    small = replace(bank("rural_credit"), lines_limit=3)
    monkeypatch.setattr(batches, "bank_of", lambda _code: small)
    with sqlite_county.work() as uow:
        batch = open_batch(uow, new_batch(), new_lines(7))
        parts = parts_of(uow, batch.batch_no)
        assert [(part.first_line, part.last_line) for part in parts] == [(1, 3), (4, 6), (7, 7)]
        assert sum(part.fen for part in parts) == batch.fen
        assert parts[1].file_name == "YHDK00000102.TXT"
        content = b"".join(write_part(uow, batch, parts[1])).decode("gbk")
        assert content.splitlines()[0] == (
            "000001000004|样本4||200.04|000001|6217000000000004|410122100201"
        )
        control = part_control(batch, parts[1])
        assert control == ("YHDK00000102.TXT.CTL", b"YHDK00000102.TXT|3|600.15\n")


def test_only_a_county_has_batches(migrated_sqlite: Path, tmp_path: Path) -> None:
    url = sqlite_copy(migrated_sqlite, tmp_path / "city.sqlite")
    city = open_office(url, "410100000000", grades=())
    with closing(city), city.work() as uow, pytest.raises(Forbidden):
        open_batch(uow, new_batch(), new_lines(1))


def exchanged(county: County, folder: Path, temper: Temper) -> int:
    """Runs of exchange and bank, in turn, until nothing moves any more; how many."""
    for number in range(1, 30):
        with county.work(county.accountant) as uow:
            done = exchange(uow, folder)
        answered = look(folder, temper)
        if done.is_quiet and not answered:
            return number
    raise AssertionError("it never comes to rest")


@pytest.mark.parametrize("bank", ["rural_credit", "workbook"])
def test_a_moody_bank_is_understood(county: County, tmp_path: Path, bank: str) -> None:
    temper = Temper(seed=3, failing=200, timing_out=200, late=300, sends_twice=2, cuts_off=2)
    for start, direction in ((1, Direction.COLLECT), (101, Direction.PAY)):
        with county.work(county.accountant) as uow:
            batch = new_batch(bank, direction=direction)
            open_batch(uow, batch, new_lines(40, first=start))
    exchanged(county, tmp_path, temper)
    with county.work() as uow:
        for batch in uow.session.scalars(select(BankBatch)):
            counts = line_counts(uow, batch.batch_no)
            assert set(counts) == {LineState.SUCCEEDED, LineState.FAILED}
            assert sum(number for number, _ in counts.values()) == 40
        refused = [row.refused for row in uow.session.scalars(select(BankResult)) if row.refused]
        assert refused  # a file was cut off, and the whole one came later
    assert not [path for path in (tmp_path / bank / "in").iterdir() if path.is_file()]


def test_an_obliging_bank_answers_at_once(sqlite_county: County, tmp_path: Path) -> None:
    with sqlite_county.work() as uow:
        open_batch(uow, new_batch(), new_lines(5))
    exchanged(sqlite_county, tmp_path, OBLIGING)
    with sqlite_county.work() as uow:
        assert line_counts(uow, 1) == {LineState.SUCCEEDED: (5, 100_015)}


def exchange_and_crash(county: County, folder: Path) -> None:
    with county.work() as uow:
        exchange(uow, folder)
        raise RuntimeError("the power fails before the commit")


def test_a_crash_presents_a_batch_neither_twice_nor_never(
    sqlite_county: County, tmp_path: Path
) -> None:
    out = tmp_path / "rural_credit" / "out"
    with sqlite_county.work() as uow:
        open_batch(uow, new_batch(), new_lines(2))
    with pytest.raises(RuntimeError, match="power"):
        exchange_and_crash(sqlite_county, tmp_path)
    assert look(tmp_path, OBLIGING) == []  # the bank sees nothing of it
    with sqlite_county.work() as uow:
        exchange(uow, tmp_path)
    assert look(tmp_path, OBLIGING) == []  # committed, and shown by the next run only
    with sqlite_county.work() as uow:
        assert sorted(exchange(uow, tmp_path).sent) == ["YHDK00000101.TXT", "YHDK00000101.TXT.CTL"]
    assert sorted(path.name for path in out.iterdir()) == [
        "YHDK00000101.TXT",
        "YHDK00000101.TXT.CTL",
    ]
    assert len(look(tmp_path, OBLIGING)) == 2


def test_the_maker_of_a_batch_hears_of_its_result(
    sqlite_county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    monkeypatch.setitem(RESULT_TAKEN, "test", lambda _uow, number: heard.append(number))
    number = sent(sqlite_county, new_lines(1))
    with sqlite_county.work() as uow:
        taken = take(uow, [(number, 1, "样本1", 20_001, OK)])
        take(uow, [(number, 1, "样本1", 20_001, OK)])
    assert heard == [taken.result_no]
