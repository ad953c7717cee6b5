"""Where an enrolled person stands (参保状态): contributing, drawing a pension."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from node.core.db import BATCH_ROWS
from node.core.work import UnitOfWork
from node.registry.codes import Standing
from node.registry.records import enrolments, publish_enrolment_changes


def begin_drawing(uow: UnitOfWork, cards: Mapping[str, str]) -> None:
    """From now on these people draw a pension; `cards` is the account to pay into, by person.

    An empty card leaves the one on record.
    """
    ids = list(cards)
    for start in range(0, len(ids), BATCH_ROWS // 2):
        mine = (
            enrolments.c.county_code == str(uow.node),
            enrolments.c.person_id.in_(ids[start : start + BATCH_ROWS // 2]),
            enrolments.c.closed_on.is_(None),
        )
        uow.connection.execute(update(enrolments).where(*mine).values(state=Standing.DRAWING.value))
        rows = uow.connection.execute(select(enrolments).where(*mine)).mappings().all()
        publish_enrolment_changes(uow, _with_cards(uow, [dict(row) for row in rows], cards))


def _with_cards(
    uow: UnitOfWork, rows: Sequence[dict[str, Any]], cards: Mapping[str, str]
) -> list[dict[str, Any]]:
    changed = []
    for row in rows:
        card = cards[row["person_id"]]
        if card and card != row["bank_account"]:
            key = (enrolments.c.county_code == row["county_code"], enrolments.c.id == row["id"])
            uow.connection.execute(update(enrolments).where(*key).values(bank_account=card))
        changed.append({**row, "bank_account": card or row["bank_account"]})
    return changed


def turn_standing(uow: UnitOfWork, person_ids: Sequence[str], standing: Standing) -> None:
    """The open enrolments of these people stand so from now on (待遇暂停、恢复)."""
    for start in range(0, len(person_ids), BATCH_ROWS // 2):
        mine = (
            enrolments.c.county_code == str(uow.node),
            enrolments.c.person_id.in_(person_ids[start : start + BATCH_ROWS // 2]),
            enrolments.c.closed_on.is_(None),
        )
        uow.connection.execute(update(enrolments).where(*mine).values(state=standing.value))
        rows = uow.connection.execute(select(enrolments).where(*mine)).mappings().all()
        publish_enrolment_changes(uow, [dict(row) for row in rows])
