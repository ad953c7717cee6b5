"""Importing a roll (参保登记花名册): every row is checked as the form is, good ones become cases.

Importing the same roll again changes nothing: whoever is enrolled or has a case under way is
reported as such. Rows that cannot go on come back with a reason for each cell.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from node.cases import service as cases
from node.cases.entries import place_of, require_entering
from node.cases.matter import matter_of
from node.cases.steps import desk
from node.core.errors import Forbidden, Invalid, Problems, Refusal
from node.core.work import UnitOfWork
from node.registry.door import notices_many
from node.registry.matters import Enrolment, EnrolmentForm
from node.registry.roll import ALL_TITLES, TITLES, CellProblem, Roll, RollRow, read_roll, repeated
from node.registry.typed import Notice
from tiers import Level

FILE_LARGEST = 10 * 1024 * 1024
ROLL, MIGRATION = "roll", "migration"
_KEYS = {"grade_fen": "grade", "enrolled_on": "opened_on"}


class Verdict(StrEnum):
    """What a row comes to."""

    GOOD = "good"
    BAD = "bad"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row of the file with everything that is wrong with it, or worth a look."""

    row: RollRow
    verdict: Verdict
    problems: tuple[CellProblem, ...] = ()
    notices: tuple[Notice, ...] = ()
    number: str = ""

    def problem_of(self, key: str) -> str:
        """What is wrong in one column, in a sentence."""
        return "；".join(p.message for p in self.problems if p.column == TITLES[key])


@dataclass(frozen=True, slots=True)
class CheckedRoll:
    """A roll and what became of its rows, or would."""

    village: str
    rows: tuple[CheckedRow, ...]
    ignored: tuple[str, ...] = ()

    def of(self, verdict: Verdict) -> list[CheckedRow]:
        """The rows of one kind."""
        return [row for row in self.rows if row.verdict is verdict]


def check_roll(
    uow: UnitOfWork,
    content: bytes,
    *,
    filename: str,
    village: str,
    provenance: str = ROLL,
    headings: Mapping[str, str] | None = None,
) -> CheckedRoll:
    """What importing this file would do; nothing is changed.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read, or the village is not the actor's.
    """
    require_place(uow, village, provenance)
    roll = read_content(content, filename=filename, headings=headings)
    rows = answer_rows(uow, roll.rows, _repeats(roll), village=village, provenance=provenance)
    return CheckedRoll(village, tuple(rows), roll.ignored)


def import_roll(
    uow: UnitOfWork,
    content: bytes,
    *,
    filename: str,
    village: str,
    consent: bool,
    provenance: str = ROLL,
) -> CheckedRoll:
    """Enter the good rows as cases.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read, the village is not the actor's, or nobody vouches that
            everybody on the roll has signed.
    """
    require_consent(consent=consent)
    require_place(uow, village, provenance)
    roll = read_content(content, filename=filename)
    rows = answer_rows(
        uow, roll.rows, _repeats(roll), village=village, provenance=provenance, enters=True
    )
    return CheckedRoll(village, tuple(rows), roll.ignored)


def require_consent(*, consent: bool) -> None:
    """Somebody has to vouch for the signatures on paper.

    Raises:
        Invalid: nobody does.
    """
    if not consent:
        raise Invalid("请确认花名册中每个人都已本人签字同意", field="consent")


def require_place(uow: UnitOfWork, village: str, provenance: str) -> None:
    """Who may bring a roll of this village here; old data come in at the county only.

    Raises:
        Forbidden: entering cases here is not the actor's duty, or this is no county.
        Invalid: the village is not the actor's.
    """
    require_entering(uow)
    place_of(uow, matter_of(Enrolment.code), EnrolmentForm(village=village))
    if provenance == MIGRATION and desk(uow).level is not Level.COUNTY:
        raise Forbidden("存量数据由县级受理员导入，经县级复核、审批后生效")


def read_content(
    content: bytes, *, filename: str, headings: Mapping[str, str] | None = None
) -> Roll:
    """The rows of a file of a size this program takes.

    Raises:
        Invalid: it is too large, or cannot be read.
    """
    if len(content) > FILE_LARGEST:
        raise Invalid("文件超过 10 MB，请分成几个文件", field="file")
    return read_roll(content, filename=filename, headings=headings)


def _repeats(roll: Roll) -> dict[int, list[CellProblem]]:
    twice: dict[int, list[CellProblem]] = defaultdict(list)
    for problem in repeated(roll.rows):
        twice[problem.row].append(problem)
    return twice


def answer_rows(
    uow: UnitOfWork,
    rows: Sequence[RollRow],
    twice: Mapping[int, Sequence[CellProblem]],
    *,
    village: str,
    provenance: str,
    enters: bool = False,
) -> list[CheckedRow]:
    """What each row comes to; with `enters` the good ones become cases."""
    stopped = {row.number: [*row.problems, *twice.get(row.number, ())] for row in rows}
    values = {row.number: _values(row, village, provenance) for row in rows}
    whole = [row for row in rows if not stopped[row.number]]
    broken = [row for row in rows if stopped[row.number]]
    asked = _answers(uow, broken, values)
    answers = asked | _answers(uow, whole, values, provenance=provenance if enters else "")
    noticed = _notices(uow, values)
    return [
        _row(row, stopped[row.number], answers[row.number], noticed.get(row.number, ()))
        for row in rows
    ]


def _values(row: RollRow, village: str, provenance: str) -> dict[str, Any]:
    typed = {key: value for key, value in row.values.items() if value not in ("", None)}
    typed.pop("grade", None)
    opened_on = typed.pop("opened_on", None)
    if provenance == MIGRATION and opened_on is not None:
        typed["enrolled_on"] = opened_on
    return {**typed, "grade_fen": row.grade_fen, "village": village, "consent": True}


def _answers(
    uow: UnitOfWork,
    rows: Sequence[RollRow],
    values: Mapping[int, Mapping[str, Any]],
    *,
    provenance: str = "",
) -> dict[int, cases.Outcome]:
    """What the cases say to each row; with a provenance the good ones are entered."""
    entries = [values[row.number] for row in rows]
    if not entries:
        return {}
    if provenance:
        outcomes = cases.submit_many(uow, Enrolment.code, entries, provenance=provenance)
    else:
        refusals = cases.preview_many(uow, Enrolment.code, entries)
        outcomes = [cases.Outcome("", refusal=refusal) for refusal in refusals]
    return dict(zip((row.number for row in rows), outcomes, strict=True))


def _row(
    row: RollRow,
    stopped: Sequence[CellProblem],
    answer: cases.Outcome,
    notices: tuple[Notice, ...],
) -> CheckedRow:
    found = _problems(answer.refusal)
    columns = {problem.column for problem in stopped}
    told = [
        CellProblem(row.number, column_title(problem.field), problem.message) for problem in found
    ]
    problems = (*stopped, *(problem for problem in told if problem.column not in columns))
    if not problems:
        return CheckedRow(row, Verdict.GOOD, notices=notices, number=answer.number)
    is_there = not stopped and all(problem.details.get("already") for problem in found)
    return CheckedRow(row, Verdict.ALREADY if is_there else Verdict.BAD, tuple(problems))


def _problems(refusal: Refusal | None) -> Sequence[Refusal]:
    if refusal is None:
        return ()
    return refusal.problems if isinstance(refusal, Problems) else (refusal,)


def column_title(field: str | None) -> str:
    """The column of the roll that a field of the form comes from; empty for those it has not."""
    return ALL_TITLES.get(_KEYS.get(field or "", field or ""), "")


def _notices(
    uow: UnitOfWork, values: Mapping[int, Mapping[str, Any]]
) -> dict[int, tuple[Notice, ...]]:
    """What to look at in each row that can be read, by its number."""
    arrivals = {}
    for number, typed in values.items():
        known = {name: value for name, value in typed.items() if value is not None}
        try:
            arrivals[number] = EnrolmentForm.model_validate(known).arrival()
        except ValueError:
            continue
    found = notices_many(uow, list(arrivals.values()))
    return dict(zip(arrivals, map(tuple, found), strict=True))
