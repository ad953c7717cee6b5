"""Rolls that were uploaded: kept to be looked at, their columns named, imported in parts.

An import goes on where it stopped: every part is a transaction of its own, and who is entered
already is left alone. So a power cut in the middle costs nothing but a click.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlmodel import col, select

from node.core.db import upsert
from node.core.errors import Conflict, Invalid, NotFound, Refusal
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.registry.models import RollFile, RollHeading
from node.registry.roll import ALL_TITLES, REQUIRED, Roll, heading_cells, known_heading, repeated
from node.registry.rolls import (
    FILE_LARGEST,
    ROLL,
    CheckedRoll,
    Verdict,
    answer_rows,
    check_roll,
    read_content,
    require_consent,
    require_place,
)

PART = 1_000
STALE = timedelta(minutes=1)
"""An import that has not moved for so long has stopped, with the machine perhaps."""
KEPT_SHOWN = 20
roll_headings = RollHeading.__table__  # type: ignore[attr-defined]

Work = Callable[[], AbstractContextManager[UnitOfWork]]


def keep_roll(
    uow: UnitOfWork, content: bytes, *, filename: str, village: str, kind: str = ROLL
) -> RollFile:
    """Keep an uploaded roll, so that it can be looked at before it is imported.

    Its columns need not be known yet: `columns_of` asks for them.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read, or the village is not the actor's.
    """
    require_place(uow, village, kind)
    if len(content) > FILE_LARGEST:
        raise Invalid("文件超过 10 MB，请分成几个文件", field="file")
    heading_cells(content, filename=filename)
    kept = RollFile(
        id=new_id(),
        owner=uow.actor.id,
        village=village,
        filename=filename,
        content=base64.b64encode(content).decode(),
        kind=kind,
        uploaded_at=uow.now,
    )
    uow.session.add(kept)
    return kept


def kept_rolls(uow: UnitOfWork) -> Sequence[RollFile]:
    """The actor's rolls, the latest first."""
    statement = select(RollFile).where(RollFile.owner == uow.actor.id)
    latest = statement.order_by(col(RollFile.uploaded_at).desc()).limit(KEPT_SHOWN)
    return uow.session.exec(latest).all()


def kept_file(uow: UnitOfWork, roll_id: str) -> RollFile:
    """A kept roll, unread.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    kept = uow.session.get(RollFile, roll_id)
    if kept is None or kept.owner != uow.actor.id:
        raise NotFound("没有找到这份花名册，可能已经删除")
    return kept


def kept_roll(uow: UnitOfWork, roll_id: str) -> tuple[RollFile, CheckedRoll]:
    """A kept roll and what its rows come to now.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Invalid: its columns are not known yet.
    """
    kept = kept_file(uow, roll_id)
    checked = check_roll(
        uow,
        _content(kept),
        filename=kept.filename,
        village=kept.village,
        provenance=kept.kind,
        headings=remembered(uow),
    )
    return kept, checked


def lacks_columns(uow: UnitOfWork, kept: RollFile) -> bool:
    """Whether somebody has to say first where name and citizen number stand."""
    own = remembered(uow)
    cells = heading_cells(_content(kept), filename=kept.filename)
    known = {own.get(cell, known_heading(cell)) for cell in cells}
    return not set(REQUIRED) <= known


def columns_of(uow: UnitOfWork, kept: RollFile) -> list[tuple[str, str]]:
    """The headings of a file, each with the field it is taken for; empty where for none."""
    own = remembered(uow)
    cells = heading_cells(_content(kept), filename=kept.filename)
    return [(cell, own.get(cell, known_heading(cell))) for cell in cells]


def remembered(uow: UnitOfWork) -> dict[str, str]:
    """What the headings of this office's files stand for, as somebody once said."""
    statement = select(RollHeading).where(RollHeading.place == str(uow.actor.scope))
    return {row.heading: row.field for row in uow.session.exec(statement)}


def name_columns(uow: UnitOfWork, roll_id: str, meant: Mapping[str, str]) -> None:
    """Say what the headings of a file stand for; the next file of this office is read by it.

    Raises:
        NotFound: there is no such roll, or it is somebody else's.
        Invalid: a field is given twice, or name or citizen number is missing.
    """
    kept = kept_file(uow, roll_id)
    cells = heading_cells(_content(kept), filename=kept.filename)
    given = {cell: meant.get(cell, "") for cell in cells}
    fields = [field for field in given.values() if field]
    if unknown := set(fields) - set(ALL_TITLES):
        raise Invalid("请从列表中选择栏目", field=f"column-{min(unknown)}")
    for field in fields:
        if fields.count(field) > 1:
            raise Invalid("“{title}”选了两次，请改正一处", field="columns", title=ALL_TITLES[field])
    for field in REQUIRED:
        if field not in fields:
            raise Invalid("请指出哪一栏是“{title}”", field="columns", title=ALL_TITLES[field])
    rows = [
        {"place": str(uow.actor.scope), "heading": cell, "field": field}
        for cell, field in given.items()
    ]
    upsert(uow.connection, roll_headings, rows)


def begin_import(uow: UnitOfWork, roll_id: str, *, consent: bool) -> RollFile:
    """Begin to import a kept roll, or go on where it stopped.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Forbidden, Invalid: as `import_roll`.
        Conflict: it is under way.
    """
    kept = kept_file(uow, roll_id)
    if is_under_way(kept, uow):
        raise Conflict("这份花名册正在导入，请稍候")
    require_place(uow, kept.village, kept.kind)
    require_consent(consent=consent)
    if kept.rows_done >= kept.rows_total:
        kept.rows_done = 0
        kept.rows_total = len(_read(uow, kept).rows)
    kept.moved_at, kept.stopped = uow.now, ""
    uow.session.add(kept)
    return kept


def is_under_way(kept: RollFile, uow: UnitOfWork) -> bool:
    """Whether parts of it are being imported now."""
    moved = kept.moved_at is not None and uow.now - kept.moved_at < STALE
    return kept.rows_done < kept.rows_total and moved and not kept.stopped


def run_import(work: Work, roll_id: str) -> None:
    """Import part after part, each in a unit of work of its own; a refusal stops it and is kept."""
    with work() as uow:
        roll = _read(uow, kept_file(uow, roll_id))
    try:
        while _import_part(work, roll_id, roll):
            pass
    except Refusal as refusal:
        with work() as uow:
            kept = kept_file(uow, roll_id)
            kept.stopped = refusal.message
            uow.session.add(kept)


def import_kept(work: Work, roll_id: str, *, consent: bool) -> RollFile:
    """Import a kept roll from beginning to end; what became of it.

    Raises:
        NotFound, Forbidden, Invalid, Conflict: as `begin_import`.
    """
    with work() as uow:
        begin_import(uow, roll_id, consent=consent)
    run_import(work, roll_id)
    with work() as uow:
        return kept_file(uow, roll_id)


def _import_part(work: Work, roll_id: str, roll: Roll) -> bool:
    """The next thousand rows; whether any are left."""
    twice = {problem.row: [problem] for problem in repeated(roll.rows)}
    with work() as uow:
        kept = kept_file(uow, roll_id)
        rows = roll.rows[kept.rows_done : kept.rows_done + PART]
        done = answer_rows(
            uow, rows, twice, village=kept.village, provenance=kept.kind, enters=True
        )
        kept.rows_done += len(rows)
        kept.accepted += sum(each.verdict is Verdict.GOOD for each in done)
        kept.moved_at = uow.now
        is_left = kept.rows_done < len(roll.rows)
        if not is_left:
            kept.imported_at, kept.rows_done = uow.now, kept.rows_total
        uow.session.add(kept)
        return is_left


def discard_roll(uow: UnitOfWork, roll_id: str) -> None:
    """Throw a kept roll away.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    uow.session.delete(kept_file(uow, roll_id))


def _content(kept: RollFile) -> bytes:
    return base64.b64decode(kept.content)


def _read(uow: UnitOfWork, kept: RollFile) -> Roll:
    return read_content(_content(kept), filename=kept.filename, headings=remembered(uow))
