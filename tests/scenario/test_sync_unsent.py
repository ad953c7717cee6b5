"""What a node says has not reached its parent: unsealed, sealed without a receipt, and no more."""

from sync import PLAIN
from sync.unsent import unsent_keys
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    rise,
)


def _unsent(place: Place, *types: str) -> frozenset[str]:
    with place.engine.connect() as connection:
        return unsent_keys(connection, types or ("x.fact",), vault=PLAIN)


def test_a_key_is_unsent_until_the_parent_gave_its_receipt(tree: Tree) -> None:
    tree.grow(PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
    village, township = tree[VILLAGE], tree[TOWNSHIP]
    village.write("up/county", fact("a", 1), fact("b", 1, kind="x.step", of="a"))
    assert _unsent(village) == {"a"}
    village.replica.seal()
    assert _unsent(village) == {"a"}
    assert _unsent(village, "x.fact", "x.step") == {"a", "b"}

    assert rise(village, township) == []
    assert _unsent(village, "x.fact", "x.step") == set()
    village.write("up/county", fact("c", 1))
    assert _unsent(village) == {"c"}


def test_what_others_wrote_and_what_goes_down_is_not_unsent(tree: Tree) -> None:
    tree.grow(PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
    village, township = tree[VILLAGE], tree[TOWNSHIP]
    township.replica.host(region=HOSTED, level="village")
    village.write("up/county", fact("theirs", 1))
    village.replica.seal()
    rise(village, township)

    township.write(f"down/{VILLAGE}", fact("down", 1))
    township.write("up/county", fact("hosted", 1, region=HOSTED), origin=HOSTED)
    township.replica.seal()

    assert _unsent(township) == {"hosted"}
