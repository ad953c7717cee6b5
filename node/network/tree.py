"""The network as a tree one reads at a glance: folded, counted, the worst first. Pure.

A county has some 2,800 villages, a page some forty lines. So a branch is opened only while there
is room, those with something wrong before others; a folded one says how many nodes are in it and
in which state, and of many brothers without fault only the first are shown.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from node.network.rules import RANK, Alert
from tiers import RegionCode, RegionError

LINES = 40
"""Rows of a page before branches stay folded."""
BROTHERS = 30
"""Children of the node a page is about, when all are well."""
WORST = 100
"""Children of one node shown because something is wrong."""
ORDER = {"silent": 3, "late": 1, "unknown": 0, "normal": 0, "here": 0, "none": 0}


@dataclass(frozen=True, slots=True)
class View:
    """One node as the page shows it. `state` "none": a place between nodes, without one."""

    node: RegionCode
    state: str
    alerts: Sequence[Alert] = ()

    @property
    def badness(self) -> int:
        """0 for a node that is well; a silent one comes before one with a warning."""
        worst = max((RANK[alert.severity] for alert in self.alerts), default=0)
        return max(ORDER[self.state], worst)


@dataclass(slots=True)
class Branch:
    """A node and what is below it, counted."""

    view: View
    children: list["Branch"] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    worst: int = 0
    alerts: int = 0

    @property
    def size(self) -> int:
        """Nodes below."""
        return self.states.total()


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the page: a branch at its depth, or how many brothers were left out."""

    depth: int
    branch: Branch
    is_folded: bool = False
    left_out: int = 0


def grow(root: RegionCode, views: Mapping[str, View], parents: Mapping[str, str | None]) -> Branch:
    """All nodes below `root` as a tree of places; places between nodes join what is below them."""
    branches = {str(root): Branch(views.get(str(root)) or View(root, "none"))}
    for node in sorted(views):
        _hang(node, root, views, parents, branches)
    _count(branches[str(root)])
    return branches[str(root)]


def lines(root: Branch, *, everything: bool = False) -> list[Line]:
    """What fits on a page, parents before their children and the worst first.

    `everything` shows all direct children of the root, however many.
    """
    glance = _Glance(root, everything)
    return list(glance.flat(root, 0, glance.opened()))


def find(root: Branch, node: str) -> Branch | None:
    """The branch of one place."""
    if str(root.view.node) == node:
        return root
    try:
        place = RegionCode(node)
    except RegionError:
        return None
    inside = (find(child, node) for child in root.children if child.view.node.contains(place))
    return next((found for found in inside if found), None)


def every(root: Branch) -> Iterator[Branch]:
    """The branch and all below it."""
    yield root
    for child in root.children:
        yield from every(child)


def tops(root: Branch, state: str) -> Iterator[tuple[View, int]]:
    """The highest nodes in a state, and how many below each share it: one cause, one line."""
    for child in root.children:
        if child.view.state == state:
            yield child.view, child.states[state]
        else:
            yield from tops(child, state)


def _hang(
    node: str,
    root: RegionCode,
    views: Mapping[str, View],
    parents: Mapping[str, str | None],
    branches: dict[str, Branch],
) -> None:
    missing: list[Branch] = []
    here: str | None = node
    while here is not None and here not in branches:
        branch = branches[here] = Branch(views.get(here) or View(RegionCode(here), "none"))
        if missing:
            branch.children.append(missing[-1])
        missing.append(branch)
        here = parents.get(here)
    if missing:
        branches[here or str(root)].children.append(missing[-1])


def _count(branch: Branch) -> None:
    for child in branch.children:
        _count(child)
        branch.states += child.states
        if child.view.state != "none":
            branch.states[child.view.state] += 1
        branch.worst = max(branch.worst, child.worst, child.view.badness)
        branch.alerts += child.alerts + len(child.view.alerts)
    branch.children.sort(key=_worst_first)


def _worst_first(branch: Branch) -> tuple[int, int, str]:
    worst = max(branch.worst, branch.view.badness)
    silent = branch.states["silent"] + (branch.view.state == "silent")
    return -worst, -silent, str(branch.view.node)


@dataclass(frozen=True, slots=True)
class _Glance:
    """What of one tree is shown. A tree that fits on the page is shown whole."""

    root: Branch
    everything: bool

    def shown(self, branch: Branch) -> list[Branch]:
        """Children of an opened branch, the worst first."""
        if self.root.size <= LINES or (branch is self.root and self.everything):
            return branch.children
        wrong = sum(max(child.worst, child.view.badness) > 0 for child in branch.children)
        if branch is not self.root:
            return branch.children[: min(wrong, WORST)]
        return branch.children[: min(max(BROTHERS, wrong), WORST)]

    def opened(self) -> set[str]:
        """Which branches are opened: while there is room, the worst first, then the upper."""
        opened = {str(self.root.view.node)}
        room = LINES - len(self.shown(self.root))
        waiting: list[tuple[int, int, str, Branch]] = []
        self._offer(self.root, 1, waiting)
        while waiting:
            _, depth, node, branch = heappop(waiting)
            shown = self.shown(branch)
            if shown and len(shown) <= room:
                room -= len(shown)
                opened.add(node)
                self._offer(branch, depth + 1, waiting)
        return opened

    def _offer(
        self, branch: Branch, depth: int, waiting: list[tuple[int, int, str, Branch]]
    ) -> None:
        for child in self.shown(branch):
            if child.children:
                heappush(waiting, (-child.worst, depth, str(child.view.node), child))

    def flat(self, branch: Branch, depth: int, opened: set[str]) -> Iterator[Line]:
        """The branch and what is opened below it; what of an opened one is left out, counted."""
        is_open = str(branch.view.node) in opened
        yield Line(depth, branch, is_folded=bool(branch.children) and not is_open)
        if not is_open:
            return
        shown = self.shown(branch)
        for child in shown:
            yield from self.flat(child, depth + 1, opened)
        left_out = len(branch.children) - len(shown)
        if left_out:
            yield Line(depth + 1, branch, left_out=left_out)
