"""The network page's tree: a county of 2,800 villages fits on a page, the worst first."""

from collections.abc import Mapping

from node.network.rules import Alert
from node.network.tree import LINES, View, every, find, grow, lines, tops
from tiers import RegionCode

COUNTY = RegionCode("410122000000")
TOWNSHIPS = [f"410122{number:03}000" for number in range(100, 138)]
VILLAGES = [f"{town[:9]}{number:03}" for town in TOWNSHIPS for number in range(200, 274)]
PARENTS: dict[str, str | None] = {
    **dict.fromkeys(TOWNSHIPS, str(COUNTY)),
    **{village: f"{village[:9]}000" for village in VILLAGES},
}


def views(states: Mapping[str, str], *, quiet: str = "normal") -> dict[str, View]:
    nodes = [*TOWNSHIPS, *VILLAGES]
    found = {node: View(RegionCode(node), states.get(node, quiet)) for node in nodes}
    return found | {str(COUNTY): View(COUNTY, "here")}


def test_a_county_of_2800_villages_is_read_at_a_glance_and_loses_nobody() -> None:
    silent = VILLAGES[1_500]
    root = grow(COUNTY, views({silent: "silent"}), PARENTS)
    assert root.size == len(TOWNSHIPS) + len(VILLAGES)
    assert (root.states["silent"], root.states["normal"]) == (1, root.size - 1)
    shown = lines(root)
    assert len(shown) <= LINES + 2
    assert shown[1].branch.view.node == silent[:9] + "000"
    assert shown[2].branch.view.node == silent
    folded = sum(line.branch.size + 1 for line in shown if line.is_folded)
    assert folded == 29 * 75
    assert [line.left_out for line in shown if line.left_out] == [73, len(TOWNSHIPS) - 30]


def test_an_opened_township_shows_its_silent_village_first() -> None:
    silent = VILLAGES[1_500]
    root = grow(COUNTY, views({silent: "silent"}), PARENTS)
    township = find(root, silent[:9] + "000")
    assert township is not None
    first, *others = lines(township)[1:]
    assert first.branch.view.node == silent
    assert others[-1].left_out == 74 - 30
    assert len(others) == 30
    assert len(lines(township, everything=True)) == 75


def test_a_small_network_is_shown_whole() -> None:
    known = {node: view for node, view in views({}).items() if node < "410122100237"}
    root = grow(COUNTY, known, PARENTS)
    assert (root.size, len(lines(root))) == (38, 39)


def test_a_silent_township_is_one_line_with_its_villages_counted() -> None:
    down = TOWNSHIPS[3]
    states = {village: "silent" for village in VILLAGES if village.startswith(down[:9])}
    root = grow(COUNTY, views({**states, down: "silent", VILLAGES[0]: "silent"}), PARENTS)
    assert [(str(view.node), below) for view, below in tops(root, "silent")] == [
        (down, 74),
        (VILLAGES[0], 0),
    ]


def test_places_without_a_node_join_what_is_below_them() -> None:
    village = VILLAGES[0]
    known = {village: View(RegionCode(village), "normal", (Alert("parked", "wait", ""),))}
    root = grow(COUNTY, known, PARENTS)
    assert [str(branch.view.node) for branch in every(root)] == [COUNTY, TOWNSHIPS[0], village]
    assert (root.size, root.alerts, root.children[0].view.state) == (1, 1, "none")
    assert [line.depth for line in lines(root)] == [0, 1, 2]
