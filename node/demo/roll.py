"""The demo's rolls (参保登记花名册): a village on a sheet, with the mistakes people make.

Every mistake is known beforehand (`wrong`, `doubtful`), so that the demo can prove that each was
found and that nothing else was; nothing on the sheet gives it away.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

from node.demo.people import PHONE_PREFIX, Villager, citizen_number, villagers
from node.registry.citizen_number import Sex, check_character
from node.registry.roll import TITLES

CellValue = str | int | float
SheetRow = dict[str, CellValue]

FIRST_ROW = 3
"""Row 1 of the sheet is its title, row 2 the headings."""

_WIDTHS = (10, 22, 6, 8, 12, 44, 14, 10, 10, 24)
_ENOUGH_FOR_DOUBTS = 20


class Mistake(StrEnum):
    """What is wrong with a row. The last two are only doubtful: a notice, not a refusal."""

    CHECK_CHARACTER = "校验位错"
    IMPOSSIBLE_DATE = "出生日期不存在"
    TOO_YOUNG = "未满十六周岁"
    NAME_MISSING = "缺姓名"
    GRADE_NOT_OFFERED = "档次不存在"
    SEX_DIFFERS = "性别不符"
    BIRTH_DIFFERS = "出生日期不符"
    DIGIT_MISSING = "少一位"
    DIGITS_LOST = "存成数值丢位"
    PHONE_SHORT = "电话少一位"
    REPEATED = "重复"
    ADDRESS_ELSEWHERE = "地址不在本村"
    CARD_CHECK = "卡号校验位错"


DOUBTFUL = frozenset({Mistake.ADDRESS_ELSEWHERE, Mistake.CARD_CHECK})

_COLUMNS: Mapping[Mistake, str] = {
    Mistake.CHECK_CHARACTER: "citizen_number",
    Mistake.IMPOSSIBLE_DATE: "citizen_number",
    Mistake.TOO_YOUNG: "born_on",
    Mistake.NAME_MISSING: "name",
    Mistake.GRADE_NOT_OFFERED: "grade",
    Mistake.SEX_DIFFERS: "sex",
    Mistake.BIRTH_DIFFERS: "born_on",
    Mistake.DIGIT_MISSING: "citizen_number",
    Mistake.DIGITS_LOST: "citizen_number",
    Mistake.PHONE_SHORT: "phone",
    Mistake.REPEATED: "citizen_number",
    Mistake.ADDRESS_ELSEWHERE: "household_address",
    Mistake.CARD_CHECK: "bank_card",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """Where a mistake was put: the row as the spreadsheet numbers it, and the column's heading."""

    row: int
    column: str
    mistake: Mistake


@dataclass(frozen=True, slots=True)
class DemoRoll:
    """A village's roll, the people who can be registered from it, and what must be found.

    `people` are those of the good and the doubtful rows, in the order of the sheet.
    """

    title: str
    rows: Sequence[SheetRow]
    people: Sequence[Villager]
    wrong: Sequence[Planted]
    doubtful: Sequence[Planted]


def demo_roll(
    village: str, *, place: str, index: int, seed: int, on: date, count: int = 300
) -> DemoRoll:
    """A roll of `count` people who can be registered, among rows that cannot.

    The arguments are those of `villagers`. With fewer than twenty people nothing is doubtful.
    """
    drawn = villagers(
        village, place=place, index=index, seed=seed, on=on, count=count + len(_WRONG)
    )
    people = _with_doubts(drawn[:count], place)
    lines = [_Line(sheet_row(person), doubt) for person, doubt in people]
    draw = Random(f"{seed}/{index}/roll")  # noqa: S311  # where the mistakes stand, not keys
    for (mistake, spoiled), person in zip(_WRONG.items(), drawn[count:], strict=True):
        line = _Line(sheet_row(person) | spoiled(person, on), mistake)
        lines.insert(draw.randint(1, len(lines)), line)
    lines.append(_Line(sheet_row(drawn[0]), Mistake.REPEATED))
    planted = [
        Planted(row, TITLES[_COLUMNS[line.mistake]], line.mistake)
        for row, line in enumerate(lines, start=FIRST_ROW)
        if line.mistake is not None
    ]
    return DemoRoll(
        title=f"{village}参保登记花名册",
        rows=[line.cells for line in lines],
        people=[person for person, _ in people],
        wrong=[each for each in planted if each.mistake not in DOUBTFUL],
        doubtful=[each for each in planted if each.mistake in DOUBTFUL],
    )


def sheet_row(person: Villager) -> SheetRow:
    """A person as a coordinator types them: some with a small x, ethnicity without 族."""
    number = person.citizen_number
    typed = number.lower() if person.born_on.day % 2 else number
    return {
        "name": person.name,
        "citizen_number": typed,
        "sex": person.sex.value,
        "ethnicity": person.ethnicity.removesuffix("族"),
        "born_on": person.born_on.isoformat(),
        "household_address": person.household_address,
        "phone": person.phone,
        "category": person.category.title,
        "grade": "" if person.grade_fen is None else person.grade_fen // 100,
        "bank_card": person.bank_card,
    }


def roll_workbook(roll: DemoRoll) -> bytes:
    """The roll as an Excel file; the same roll gives the same bytes."""
    import xlsxwriter  # noqa: PLC0415  # only the demo writes rolls

    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True})
    workbook.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001  # Excel has no zones
    sheet = workbook.add_worksheet("花名册")
    text = workbook.add_format({"num_format": "@"})
    bold = workbook.add_format({"bold": True})
    sheet.write_string(0, 0, roll.title, bold)
    for column, (title, width) in enumerate(zip(TITLES.values(), _WIDTHS, strict=True)):
        sheet.set_column(column, column, width, text)
        sheet.write_string(1, column, title, bold)
    for line, cells in enumerate(roll.rows, start=FIRST_ROW - 1):
        for column, key in enumerate(TITLES):
            value = cells[key]
            if isinstance(value, str):
                sheet.write_string(line, column, value, text)
            else:
                sheet.write_number(line, column, value)
    workbook.close()
    return content.getvalue()


def write_roll(roll: DemoRoll, path: Path) -> None:
    """Put the roll where a coordinator would have it."""
    path.write_bytes(roll_workbook(roll))


@dataclass(frozen=True, slots=True)
class _Line:
    cells: SheetRow
    mistake: Mistake | None


def _with_doubts(people: Sequence[Villager], place: str) -> list[tuple[Villager, Mistake | None]]:
    """The people, two of them with something a clerk should look at."""
    marked: list[tuple[Villager, Mistake | None]] = [(person, None) for person in people]
    if len(people) < _ENOUGH_FOR_DOUBTS:
        return marked
    first, second = len(people) // 3, len(people) // 2
    elsewhere = replace(people[first], household_address=f"{place[:6]}外乡外庄村一组")
    marked[first] = elsewhere, Mistake.ADDRESS_ELSEWHERE
    card = people[second].bank_card
    marked[second] = (
        replace(people[second], bank_card=card[:-1] + _other_digit(card[-1])),
        Mistake.CARD_CHECK,
    )
    return marked


def _other_digit(digit: str) -> str:
    return str((int(digit) + 1) % 10)


def _wrong_check(person: Villager, _on: date) -> SheetRow:
    number = person.citizen_number
    return {"citizen_number": number[:17] + ("1" if number[17] != "1" else "2")}


def _impossible_date(person: Villager, _on: date) -> SheetRow:
    first17 = f"{person.citizen_number[:6]}19810229{person.citizen_number[14:17]}"
    return {"citizen_number": first17 + check_character(first17), "born_on": ""}


def _too_young(person: Villager, on: date) -> SheetRow:
    born_on = date(on.year - 12, 3, 1)
    number = citizen_number(born_on, int(person.citizen_number[14:17]))
    return {"citizen_number": number, "born_on": born_on.isoformat()}


def _no_name(_person: Villager, _on: date) -> SheetRow:
    return {"name": ""}


def _odd_grade(_person: Villager, _on: date) -> SheetRow:
    return {"grade": 150}


def _other_sex(person: Villager, _on: date) -> SheetRow:
    return {"sex": (Sex.FEMALE if person.sex is Sex.MALE else Sex.MALE).value}


def _other_birth(person: Villager, _on: date) -> SheetRow:
    return {"born_on": (person.born_on + timedelta(days=1)).isoformat()}


def _digit_missing(person: Villager, _on: date) -> SheetRow:
    return {"citizen_number": person.citizen_number[:9] + person.citizen_number[10:]}


def _digits_lost(person: Villager, _on: date) -> SheetRow:
    return {"citizen_number": float(person.citizen_number[:17] + "0")}


def _short_phone(_person: Villager, _on: date) -> SheetRow:
    return {"phone": f"{PHONE_PREFIX}12345"}


_WRONG: Mapping[Mistake, Callable[[Villager, date], SheetRow]] = {
    Mistake.CHECK_CHARACTER: _wrong_check,
    Mistake.IMPOSSIBLE_DATE: _impossible_date,
    Mistake.TOO_YOUNG: _too_young,
    Mistake.NAME_MISSING: _no_name,
    Mistake.GRADE_NOT_OFFERED: _odd_grade,
    Mistake.SEX_DIFFERS: _other_sex,
    Mistake.BIRTH_DIFFERS: _other_birth,
    Mistake.DIGIT_MISSING: _digit_missing,
    Mistake.DIGITS_LOST: _digits_lost,
    Mistake.PHONE_SHORT: _short_phone,
}
