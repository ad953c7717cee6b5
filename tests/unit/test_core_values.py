"""Refusals of money, problems at once, the key file, bulk bodies that do not fit."""

import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from node.core.bulk import columns, rows
from node.core.clock import business_date, from_iso, iso, shifted_clock, system_clock
from node.core.errors import Invalid, Problems, refuse_all
from node.core.ids import new_id
from node.core.money import parse_yuan, percent, yuan
from node.core.personal import Keyring, read_keyring, write_keyring


@pytest.mark.parametrize(
    ("fen", "text"),
    [(595_606, "5,956.06"), (-5, "−0.05"), (0, "0.00"), (10**11, "1,000,000,000.00")],
)
def test_amounts_as_people_read_them(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(("ppm", "text"), [(27_500, "2.75%"), (0, "0.00%"), (-15_625, "−1.5625%")])
def test_rates_as_people_read_them(ppm: int, text: str) -> None:
    assert percent(ppm) == text


@pytest.mark.parametrize(
    "text", ["", "元", "-", "1.234", "1..2", "1e3", "2,00", "1,0000", "12345678901234", "½", "两百"]
)
def test_what_is_no_amount_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Invalid, match="请填写以元为单位的金额") as refusal:
        parse_yuan(text, field="grade")
    assert refusal.value.field == "grade"


def test_full_width_digits_of_a_chinese_keyboard_are_digits() -> None:
    assert parse_yuan("２，０００元") == 200_000


def test_the_business_day_begins_at_sixteen_hours_utc() -> None:
    assert business_date(datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)) == date(2025, 12, 31)
    assert business_date(datetime(2025, 12, 31, 16, tzinfo=UTC)) == date(2026, 1, 1)


def test_an_instant_is_written_in_utc_with_microseconds() -> None:
    assert iso(from_iso("2026-03-12T08:00:00+08:00")) == "2026-03-12T00:00:00.000000Z"


def test_a_shifted_clock_follows_its_file(tmp_path: Path) -> None:
    file = tmp_path / "shift"
    clock = shifted_clock(file)
    file.write_text("-86400")
    yesterday = clock()
    file.write_text("86400")
    assert yesterday < system_clock() < clock()


def test_ids_are_unique_and_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(1_000)]
    assert sorted(set(made)) == made
    assert {len(each) for each in made} == {36}


def test_a_key_file_is_the_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "node.key"
    keys = Keyring.generate()
    write_keyring(file, keys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_keyring(file, Keyring.generate())
    assert read_keyring(file) == keys


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"data_key": "AA==", "index_key": "AA=="}', '{"data_key": 1}']
)
def test_a_damaged_key_file_is_said_to_be_damaged(tmp_path: Path, content: str) -> None:
    file = tmp_path / "node.key"
    file.write_text(content)
    with pytest.raises(Invalid, match="已损坏，请用备份恢复"):
        read_keyring(file)


def test_keys_are_not_shown_where_a_keyring_is_printed() -> None:
    keys = Keyring(data_key=b"\x41" * 32, index_key=b"\x42" * 32)
    assert "AAAA" not in repr(keys)
    assert "BBBB" not in repr(keys)


def test_columns_of_different_lengths_are_refused() -> None:
    body = columns([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    with pytest.raises(Invalid, match="长度不一致"):
        rows({**body, "count": 3})
    body["columns"]["b"].pop()
    with pytest.raises(Invalid, match="长度不一致"):
        rows(body)


def test_problems_are_raised_together_and_none_are_none() -> None:
    refuse_all([])
    one = Invalid("请填写姓名", field="name")
    with pytest.raises(Problems, match=r"^请填写姓名$"):
        refuse_all([one])
    with pytest.raises(Problems, match="有 2 处需要改正") as several:
        refuse_all(iter([one, Invalid("请填写日期", field="day")]))
    assert [problem.field for problem in several.value.problems] == ["name", "day"]
    assert several.value.field == "name"
