"""Importing a roll (参保登记花名册): every row is checked as the form is, good ones become cases.

Importing the same roll again changes nothing: whoever is enrolled or has a case under way is
reported as such. Rows that cannot go on come back with a reason for each cell.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import col, select

from node.cases import service as cases
from node.cases.entries import place_of, require_entering
from node.cases.matter import matter_of
from node.core.errors import Invalid, NotFound, Problems, Refusal
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.registry.door import notices_many
from node.registry.matters import Enrolment, EnrolmentForm
from node.registry.models import RollFile
from node.registry.roll import TITLES, CellProblem, RollRow, read_roll, repeated
from node.registry.typed import Notice

FILE_LARGEST = 10 * 1024 * 1024
_KEYS = {"grade_fen": "grade"}


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


def check_roll(uow: UnitOfWork, content: bytes, *, filename: str, village: str) -> CheckedRoll:
    """What importing this file would do; nothing is changed.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read, or the village is not the actor's.
    """
    return _checked(uow, content, filename=filename, village=village, enters=False)


def import_roll(
    uow: UnitOfWork, content: bytes, *, filename: str, village: str, consent: bool
) -> CheckedRoll:
    """Enter the good rows as cases of enrolment.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read, the village is not the actor's, or nobody vouches that
            everybody on the roll has signed.
    """
    if not consent:
        raise Invalid("请确认花名册中每个人都已本人签字同意", field="consent")
    return _checked(uow, content, filename=filename, village=village, enters=True)


def _checked(
    uow: UnitOfWork, content: bytes, *, filename: str, village: str, enters: bool
) -> CheckedRoll:
    require_entering(uow)
    matter = matter_of(Enrolment.code)
    place_of(uow, matter, EnrolmentForm(village=village))
    if len(content) > FILE_LARGEST:
        raise Invalid("文件超过 10 MB，请分成几个文件", field="file")
    roll = read_roll(content, filename=filename)
    twice: dict[int, list[CellProblem]] = defaultdict(list)
    for problem in repeated(roll.rows):
        twice[problem.row].append(problem)
    stopped = {row.number: [*row.problems, *twice[row.number]] for row in roll.rows}
    values = {row.number: _values(row, village) for row in roll.rows}
    whole = [row for row in roll.rows if not stopped[row.number]]
    broken = [row for row in roll.rows if stopped[row.number]]
    answers = _answers(uow, whole, values, enters=enters) | _answers(
        uow, broken, values, enters=False
    )
    noticed = _notices(uow, values)
    checked = [
        _row(row, stopped[row.number], answers[row.number], noticed.get(row.number, ()))
        for row in roll.rows
    ]
    return CheckedRoll(village, tuple(checked), roll.ignored)


def _values(row: RollRow, village: str) -> dict[str, Any]:
    typed = {key: value for key, value in row.values.items() if value not in ("", None)}
    typed.pop("grade", None)
    return {**typed, "grade_fen": row.grade_fen, "village": village, "consent": True}


def _answers(
    uow: UnitOfWork,
    rows: Sequence[RollRow],
    values: Mapping[int, Mapping[str, Any]],
    *,
    enters: bool,
) -> dict[int, cases.Outcome]:
    entries = [values[row.number] for row in rows]
    if not entries:
        return {}
    if enters:
        outcomes = cases.submit_many(uow, Enrolment.code, entries, provenance="roll")
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
    return TITLES.get(_KEYS.get(field or "", field or ""), "")


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


def keep_roll(uow: UnitOfWork, content: bytes, *, filename: str, village: str) -> RollFile:
    """Keep an uploaded roll, so that it can be looked at before it is imported.

    Raises:
        Forbidden, Invalid: as `check_roll`.
    """
    check_roll(uow, content, filename=filename, village=village)
    kept = RollFile(
        id=new_id(),
        owner=uow.actor.id,
        village=village,
        filename=filename,
        content=base64.b64encode(content).decode(),
        uploaded_at=uow.now,
    )
    uow.session.add(kept)
    return kept


def kept_rolls(uow: UnitOfWork) -> Sequence[RollFile]:
    """The actor's rolls, the latest first."""
    statement = select(RollFile).where(RollFile.owner == uow.actor.id)
    return uow.session.exec(statement.order_by(col(RollFile.uploaded_at).desc()).limit(20)).all()


def kept_roll(uow: UnitOfWork, roll_id: str) -> tuple[RollFile, CheckedRoll]:
    """A kept roll and what its rows come to now.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    kept = _own(uow, roll_id)
    content = base64.b64decode(kept.content)
    return kept, check_roll(uow, content, filename=kept.filename, village=kept.village)


def import_kept(uow: UnitOfWork, roll_id: str, *, consent: bool) -> CheckedRoll:
    """Import a kept roll.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Forbidden, Invalid: as `import_roll`.
    """
    kept = _own(uow, roll_id)
    content = base64.b64decode(kept.content)
    done = import_roll(uow, content, filename=kept.filename, village=kept.village, consent=consent)
    kept.imported_at = uow.now
    kept.accepted += len(done.of(Verdict.GOOD))
    uow.session.add(kept)
    return done


def discard_roll(uow: UnitOfWork, roll_id: str) -> None:
    """Throw a kept roll away.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    uow.session.delete(_own(uow, roll_id))


def _own(uow: UnitOfWork, roll_id: str) -> RollFile:
    kept = uow.session.get(RollFile, roll_id)
    if kept is None or kept.owner != uow.actor.id:
        raise NotFound("没有找到这份花名册，可能已经删除")
    return kept
