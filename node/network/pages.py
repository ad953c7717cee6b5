"""The network page: a tree one reads at a glance; silence is the news."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.core.divisions import Places
from node.core.edge import Reading, page
from node.core.errors import NotFound
from node.core.i18n import _
from node.network import service, state
from node.network.bundle_pages import may_carry
from node.network.certificates import shown as shown_certificates
from node.network.incidents import TITLES
from node.network.rules import Alert
from node.network.service import Known, Survey
from node.network.tree import Branch, Line, View, every, find, lines
from node.version import VERSION
from node.web.filters import moment_text
from node.web.i18n import gettext
from tiers import RegionCode

router = APIRouter(prefix="/network", include_in_schema=False)

CHIPS = {
    "here": ("mine", _("本节点")),
    "normal": ("done", _("正常")),
    "late": ("wait", _("迟到")),
    "silent": ("bad", _("失联")),
    "unknown": ("other", _("还没有报告")),
    "none": ("other", _("没有节点")),
}
STATES = ("silent", "late", "unknown", "normal")
CALLS = 6
"""Alerts shown before the rest is only counted."""
LISTED = 200
"""Nodes of one state on a page."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@router.get("")
def index(
    request: Request, uow: Reading, at: str = "", only: str = "", everything: bool = False
) -> Response:
    """This node, the nodes below, its links, and who has which bulletin.

    `at` opens the tree at another node; `only` lists all nodes in one state.
    """
    node = request.app.state.node
    places: Places = node.places
    thresholds = service.thresholds_of(node.settings.alerts)
    found = service.survey(uow, places, thresholds, version=VERSION)
    root = _at(found, at)
    connection = uow.connection
    shown = service.spoken(found)
    return page(
        request,
        "network/index.html",
        may_carry=may_carry(uow),
        counts=_counts(found.root, root, only),
        only=only if only in STATES else "",
        # Called by the template, when it is known in which language.
        tree_rows=partial(_tree_rows, found, root, places, uow.now, only, everything=everything),
        path=_path(found, root, places),
        at=str(root.view.node),
        number=len(found.calls),
        calls=[
            _call(code, alert, places, uow.node)
            for code, alert in found.calls[: CALLS if root is found.root and not only else 0]
        ],
        links=state.links(connection),
        held=state.held_groups(connection),
        incidents=state.open_incidents(connection),
        incident_titles=TITLES,
        skews=node.replica.skews(),
        parked=node.replica.parked(),
        checked=node.replica.checked(),
        in_transit=node.replica.in_transit(),
        certificates=shown_certificates(node.replica.certificates()),
        told=service.held_elsewhere(uow),
        coverage=service.coverage(uow, shown),
    )


def _at(found: Survey, at: str) -> Branch:
    branch = find(found.root, at) if at else found.root
    if branch is None:
        raise NotFound("没有这个节点，或它不在本级辖区之内", field="at")
    return branch


def _counts(whole: Branch, root: Branch, only: str) -> list[tuple[str, str, bool, int]]:
    """Tabs: the tree, and the nodes of each state that there are any of."""
    whole_tree = ("/network", _("全部"), only not in STATES, root.size)
    states = [
        (f"/network?only={name}", CHIPS[name][1], only == name, whole.states[name])
        for name in STATES
        if whole.states[name]
    ]
    return [whole_tree, *states]


def _path(found: Survey, root: Branch, places: Places) -> list[tuple[str, str]]:
    """The way back from an opened branch."""
    top, here = str(found.root.view.node), str(root.view.node)
    steps = []
    while here != top:
        here = places.parents.get(here) or top
        steps.append(("/network" if here == top else f"/network?at={here}", places.name(here)))
    return steps[::-1]


def _tree_rows(
    found: Survey, root: Branch, places: Places, now: datetime, only: str, *, everything: bool
) -> Iterator[dict[str, Any]]:
    if only in STATES:
        for branch in _of_state(found, only):
            name = places.path(branch.view.node, below=found.root.view.node)
            yield _row(Line(0, branch), found, name, now)
        return
    for line in lines(root, everything=everything):
        if line.left_out:
            yield _left_out(line)
        else:
            yield _row(line, found, places.name(line.branch.view.node), now, places)


def _of_state(found: Survey, only: str) -> Sequence[Branch]:
    """Those longest unheard first."""
    chosen = [branch for branch in every(found.root) if branch.view.state == only]
    chosen.sort(key=lambda b: found.known[str(b.view.node)].signs.heard or LONG_AGO)
    return chosen[:LISTED]


def _row(
    line: Line, found: Survey, name: str, now: datetime, places: Places | None = None
) -> dict[str, Any]:
    view, branch = line.branch.view, line.branch
    known = found.known.get(str(view.node))
    kind, text = _chip(view)
    level = gettext(view.node.level.title)
    if known and known.held_by and places:
        level = gettext(
            _("%(level)s · 由%(place)s托管"), level=level, place=places.name(known.held_by)
        )
    return {
        "depth": line.depth,
        "name": name,
        "href": f"/network?at={view.node}" if line.is_folded else "",
        "level": level,
        "cells": [*_cells(known, now), _below(branch)],
        "kind": kind,
        "state": text,
        "here": view.state == "here",
    }


def _chip(view: View) -> tuple[str, str]:
    """The state; of a node that is heard, what else is wrong comes first."""
    if view.state in {"normal", "late"} and view.alerts:
        worst = max(view.alerts, key=lambda alert: alert.severity == "bad")
        return worst.severity, _("要看")
    return CHIPS[view.state]


def _cells(known: Known | None, now: datetime) -> list[str]:
    if known is None:
        return ["—", "—", "—", "—"]
    signs = known.signs
    heard = moment_text(signs.heard, now) if signs.heard else "—"
    waiting = gettext("未知") if signs.waiting is None else f"{signs.waiting:,}"
    return [heard, waiting, f"{signs.held:,}", known.version or gettext("未知")]


def _below(branch: Branch) -> str:
    """How many nodes are below, and how many of them are not well."""
    if not branch.size:
        return ""
    wrong = {name: branch.states[name] for name in ("silent", "late") if branch.states[name]}
    parts = [f"{branch.size:,}"]
    parts += [f"{gettext(CHIPS[name][1])} {number:,}" for name, number in wrong.items()]
    if branch.alerts:
        parts.append(f"{gettext(_('要看'))} {branch.alerts:,}")
    return " · ".join(parts)


def _left_out(line: Line) -> dict[str, Any]:
    return {
        "depth": line.depth,
        "name": gettext(_("另有 %(n)s 个"), n=f"{line.left_out:,}"),
        "href": f"/network?at={line.branch.view.node}&everything=1",
        "level": "",
        "cells": ["", "", "", "", ""],
        "kind": "",
        "state": "",
        "here": False,
    }


def _call(code: RegionCode, alert: Alert, places: Places, here: RegionCode) -> dict[str, Any]:
    return {
        "kind": alert.severity,
        "node": places.path(code, below=here) if code != here else places.name(code),
        "text": alert.text,
        "values": alert.values,
        "href": f"/network?at={code}",
    }
