"""Sticks between places of a tree."""

import io

from sync.bundle import export, plan_export
from sync.bundle_taking import Imported, take_in
from tests.scenario.sync_tree import Place


def stick(giver: Place, *, to: str = "", lock: bool = False, only_receipt: bool = False) -> bytes:
    """A bundle from a node to its parent, or to a child."""
    file = io.BytesIO()
    plan = plan_export(giver.replica, to=to, only_receipt=only_receipt)
    export(giver.replica, plan, file, lock=lock)
    return file.getvalue()


def insert(taker: Place, data: bytes) -> Imported:
    return take_in(taker.replica, io.BytesIO(data))


def carry_up(child: Place, parent: Place, *, lock: bool = False) -> Imported:
    """To the parent, and the receipt back."""
    done = insert(parent, stick(child, lock=lock))
    insert(child, stick(parent, to=child.region, only_receipt=True))
    return done


def carry_down(parent: Place, child: Place, *, lock: bool = False) -> Imported:
    """To a child, and its receipt back."""
    done = insert(child, stick(parent, to=child.region, lock=lock))
    insert(parent, stick(child, only_receipt=True))
    return done
