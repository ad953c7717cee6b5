"""A village's roll becomes cases: every mistake is found, nothing is entered twice."""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from node.cases import service as cases
from node.cases.service import Tab
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Problems
from node.demo.roll import demo_roll, roll_workbook
from node.registry import roll_kept, rolls
from node.registry import service as people
from node.registry.roll import TITLES
from node.registry.roll_answer import REASON, bad_rows_workbook
from node.registry.rolls import Verdict
from tests.fixtures.offices import (
    COUNTY,
    HOSTED,
    VILLAGE,
    Office,
    Work,
    citizen_number,
    enrolment_form,
    open_office,
    person,
)
from tiers import Role

COORDINATOR = person("张协办", VILLAGE, Role.COORDINATOR)
GRADES = (20_000, 30_000, 50_000, 80_000, 100_000, 200_000, 300_000, 500_000)
FILE = "荣庄村花名册.xlsx"


@pytest.fixture
def office(migrated_url: str) -> Iterator[Office]:
    opened = open_office(migrated_url, VILLAGE, grades=GRADES)
    yield opened
    opened.engine.dispose()


def sheet(*rows: Mapping[str, object]) -> bytes:
    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True})
    page = workbook.add_worksheet()
    for column, (key, title) in enumerate(TITLES.items()):
        page.write(0, column, title)
        for line, row in enumerate(rows, start=1):
            page.write(line, column, row.get(key, ""))
    workbook.close()
    return content.getvalue()


def row(serial: int, **over: object) -> dict[str, object]:
    plain = {
        "name": "赵样本",
        "citizen_number": citizen_number(serial),
        "household_address": "中牟县韩寺镇荣庄村一组",
        "grade": 200,
    }
    return plain | over


def imported(office: Office, content: bytes, *, village: str = VILLAGE) -> rolls.CheckedRoll:
    with office.work(COORDINATOR) as uow:
        return rolls.import_roll(uow, content, filename=FILE, village=village, consent=True)


def total(office: Office) -> int:
    with office.work(COORDINATOR) as uow:
        return cases.inbox(uow, Tab.RECENT).total


def numbers(checked: Sequence[rolls.CheckedRow]) -> list[int]:
    return [one.row.number for one in checked]


def test_every_planted_mistake_is_found_in_its_cell_and_nothing_else(office: Office) -> None:
    roll = demo_roll(
        "荣庄村", place="中牟县韩寺镇", index=1, seed=7, on=date(2026, 3, 16), count=60
    )
    done = imported(office, roll_workbook(roll))
    found = sorted((p.row, p.column) for one in done.of(Verdict.BAD) for p in one.problems)
    assert found == sorted((planted.row, planted.column) for planted in roll.wrong)
    assert len(done.of(Verdict.GOOD)) == 60
    assert total(office) == 60
    with office.work(COORDINATOR) as uow:
        assert {c.provenance for c in cases.inbox(uow, Tab.RECENT, size=500).items} == {"roll"}


def test_importing_a_roll_again_changes_nothing(office: Office) -> None:
    content = sheet(row(1), row(2), row(3, name=""))
    first, again = imported(office, content), imported(office, content)
    assert [one.verdict for one in first.rows] == [Verdict.GOOD, Verdict.GOOD, Verdict.BAD]
    assert [one.verdict for one in again.rows] == [Verdict.ALREADY, Verdict.ALREADY, Verdict.BAD]
    assert total(office) == 2


def test_a_preview_says_what_the_import_will_do_and_enters_nothing(office: Office) -> None:
    content = sheet(row(1), row(1), row(2, grade=123))
    with office.work(COORDINATOR) as uow:
        seen = rolls.check_roll(uow, content, filename=FILE, village=VILLAGE)
    assert total(office) == 0
    done = imported(office, content)
    assert [one.verdict for one in seen.rows] == [one.verdict for one in done.rows]
    assert numbers(done.of(Verdict.BAD)) == [3, 4]
    assert done.rows[1].problem_of("citizen_number") == "与第 2 行的公民身份号码重复"


def test_a_row_is_checked_as_the_form_is(office: Office) -> None:
    over: dict[str, object] = {"phone": "123", "household_address": " ", "name": "John"}
    done = imported(office, sheet(row(1, **over)))
    of_roll = {(p.column, p.message) for p in done.rows[0].problems}
    with office.work(COORDINATOR) as uow:
        (outcome,) = cases.submit_many(uow, "enrolment", [enrolment_form(1, **over)])
        of_form = {
            (rolls.column_title(p.field), p.message)
            for p in outcome.refusal.problems  # type: ignore[union-attr]
        }
    assert of_roll == of_form
    assert len(of_roll) == 3


def test_who_is_past_sixty_needs_no_grade(office: Office) -> None:
    old = row(1, citizen_number=citizen_number(1, born="19550315"), grade="")
    done = imported(office, sheet(old, row(2, grade="")))
    assert [one.verdict for one in done.rows] == [Verdict.GOOD, Verdict.BAD]
    assert done.rows[1].problem_of("grade") == "请选择缴费档次"


def test_bad_rows_come_back_as_a_file_that_can_be_sent_again(office: Office) -> None:
    done = imported(office, sheet(row(1), row(2, name="", phone="12"), row(3, grade=150)))
    answer = bad_rows_workbook(done.of(Verdict.BAD))
    table = CalamineWorkbook.from_filelike(io.BytesIO(answer)).get_sheet_by_index(0).to_python()
    assert table[0] == [*TITLES.values(), REASON]
    assert [line[1] for line in table[1:]] == [citizen_number(2), citizen_number(3)]
    assert "姓名：请填写姓名" in str(table[1][-1])
    assert "联系电话：" in str(table[1][-1])

    again = imported(office, answer)
    assert [one.verdict for one in again.rows] == [Verdict.BAD, Verdict.BAD]
    assert again.ignored == (REASON,)


def test_a_roll_is_for_a_village_of_the_coordinator_and_signed_by_everybody(
    office: Office,
) -> None:
    content = sheet(row(1))
    with pytest.raises(Invalid, match="不在您负责的区域"):
        imported(office, content, village=HOSTED)
    with office.work(COORDINATOR) as uow, pytest.raises(Invalid, match="签字同意"):
        rolls.import_roll(uow, content, filename=FILE, village=VILLAGE, consent=False)
    reader = person("旁观", VILLAGE, Role.ADMINISTRATOR)
    with office.work(reader) as uow, pytest.raises(Forbidden):
        rolls.check_roll(uow, content, filename=FILE, village=VILLAGE)
    assert total(office) == 0


def kept(office: Office, content: bytes, **over: str) -> str:
    with office.work(COORDINATOR) as uow:
        return roll_kept.keep_roll(uow, content, filename=FILE, village=VILLAGE, **over).id


def test_a_kept_roll_is_its_owners_alone_and_leaves_when_discarded(office: Office) -> None:
    roll_id = kept(office, sheet(row(1), row(2)))
    other = person("李协办", VILLAGE, Role.COORDINATOR)
    with office.work(other) as uow, pytest.raises(NotFound):
        roll_kept.kept_roll(uow, roll_id)
    done = roll_kept.import_kept(lambda: office.work(COORDINATOR), roll_id, consent=True)
    assert done.accepted == 2
    with office.work(COORDINATOR) as uow:
        stored, seen = roll_kept.kept_roll(uow, roll_id)
        assert stored.imported_at is not None
        assert {one.verdict for one in seen.rows} == {Verdict.ALREADY}
        roll_kept.discard_roll(uow, roll_id)
    with office.work(COORDINATOR) as uow:
        assert roll_kept.kept_rolls(uow) == []


def test_an_import_goes_on_where_it_stopped(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll_kept, "PART", 2)
    monkeypatch.setattr(roll_kept, "STALE", timedelta(hours=1))
    roll_id = kept(office, sheet(*(row(serial) for serial in range(1, 6)), row(1)))
    parts = 0

    def work() -> Work:
        nonlocal parts
        parts += 1
        if parts == 4:  # begun, read, two rows; then the power fails
            raise PowerCutError
        return office.work(COORDINATOR)

    with pytest.raises(PowerCutError):
        roll_kept.import_kept(work, roll_id, consent=True)
    assert total(office) == 2
    with office.work(COORDINATOR) as uow:
        stopped = roll_kept.kept_file(uow, roll_id)
        assert (stopped.rows_done, stopped.rows_total) == (2, 6)
        with pytest.raises(Conflict, match="正在导入"):
            roll_kept.begin_import(uow, roll_id, consent=True)
    office.now += timedelta(hours=1)
    done = roll_kept.import_kept(lambda: office.work(COORDINATOR), roll_id, consent=True)
    assert (done.rows_done, done.accepted, total(office)) == (6, 5, 5)


class PowerCutError(Exception):
    """The machine is gone."""


def test_columns_are_named_once_and_remembered_for_this_office(office: Office) -> None:
    text = f"村民,证号,住在\n赵样本,{citizen_number(1)},荣庄村一组\n"
    first = kept(office, text.encode("gb18030"))
    with office.work(COORDINATOR) as uow:
        file = roll_kept.kept_file(uow, first)
        assert roll_kept.lacks_columns(uow, file)
        assert roll_kept.columns_of(uow, file) == [("村民", ""), ("证号", ""), ("住在", "")]
        with pytest.raises(Invalid, match="公民身份号码"):
            roll_kept.name_columns(uow, first, {"村民": "name"})
        with pytest.raises(Invalid, match="选了两次"):
            roll_kept.name_columns(uow, first, {"村民": "name", "证号": "name"})
        meant = {"村民": "name", "证号": "citizen_number", "住在": "household_address"}
        roll_kept.name_columns(uow, first, meant)
    second = kept(office, text.replace("赵样本", "赵又来").encode("utf-8"))
    with office.work(COORDINATOR) as uow:
        assert not roll_kept.lacks_columns(uow, roll_kept.kept_file(uow, second))
        _, checked = roll_kept.kept_roll(uow, second)
        (only,) = checked.rows
        assert only.row.applicant().household_address == "荣庄村一组"
    elsewhere = person("孙协办", HOSTED, Role.COORDINATOR)
    with office.work(elsewhere) as uow:
        assert roll_kept.remembered(uow) == {}


def test_old_data_come_in_at_the_county_and_keep_their_first_day(
    migrated_sqlite_url: str,
) -> None:
    county = open_office(migrated_sqlite_url, COUNTY, grades=GRADES)
    acceptor = person("钱受理", COUNTY, Role.ACCEPTOR)
    content = (
        "姓名,公民身份号码,户籍地址,参保日期\n"
        f"赵样本,{citizen_number(1)},荣庄村一组,2012-07-01\n"
        f"钱样本,{citizen_number(2)},荣庄村一组,2008-01-01\n"
    ).encode("gb18030")
    given = {"filename": "a.csv", "village": VILLAGE, "provenance": rolls.MIGRATION}
    with county.work(acceptor) as uow:
        done = rolls.import_roll(uow, content, consent=True, **given)  # type: ignore[arg-type]
    (bad,) = done.of(Verdict.BAD)
    assert "2009-09-01 至今天" in bad.problems[0].message
    assert bad.problems[0].column == "参保日期"
    (good,) = done.of(Verdict.GOOD)
    with county.work(person("李复核", COUNTY, Role.REVIEWER)) as uow:
        (case,) = cases.inbox(uow, Tab.MINE).items
        assert (case.number, case.provenance) == (good.number, "migration")
        cases.review_many(uow, [case.id])
    with county.work(person("王审批", COUNTY, Role.APPROVER)) as uow:
        cases.approve_many(uow, [case.id])
        enrolled = people.by_number(uow, citizen_number(1))
        assert enrolled is not None
        (enrolment,) = people.enrolments_of(uow, enrolled)
        assert (enrolment.opened_on, enrolment.grade_fen) == (date(2012, 7, 1), None)
    county.engine.dispose()


def test_old_data_are_not_for_villages(office: Office) -> None:
    with pytest.raises(Forbidden, match="县级"):
        kept(office, sheet(row(1)), kind=rolls.MIGRATION)
    with office.work(COORDINATOR) as uow, pytest.raises(Problems) as caught:
        cases.submit(uow, "enrolment", enrolment_form(enrolled_on="2012-07-01"))
    assert [each.field for each in caught.value.problems] == ["enrolled_on"]


def test_the_files_content_is_not_readable_in_the_database(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    office = open_office(migrated_sqlite_url, VILLAGE, grades=GRADES)
    imported(office, sheet(row(1)))
    with office.work(COORDINATOR) as uow:
        roll_kept.keep_roll(uow, sheet(row(2)), filename=FILE, village=VILLAGE)
    office.engine.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("node.sqlite*"))
    for serial in (1, 2):
        assert citizen_number(serial).encode() not in stored
    assert "赵样本".encode() in stored  # names are searched for and stand in clear
