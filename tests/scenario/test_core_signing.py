"""What a village prints is verified by any other node of the network, offline."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import segno

from node.core.errors import Invalid, Unavailable
from node.core.signing import MARK, attest, check
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Clock, Site, join, open_chain, open_site

CHAIN = ["410000000000", "410100000000", "410122000000", "410122101000", "410122101205"]
FACTS = {"receipt": "410122-R00000123", "payer": "赵样本", "fen": 20_000, "year": 2025}


@pytest.fixture
def chain(migrated_sqlite: Path, tmp_path: Path) -> Iterator[list[Site]]:
    clock = Clock(datetime(2025, 9, 1, 1, tzinfo=UTC))
    sites = open_chain(CHAIN, template=migrated_sqlite, folder=tmp_path, clock=clock)
    url = sqlite_copy(migrated_sqlite, tmp_path / "other.sqlite")
    other = open_site("419001000000", url=url, folder=tmp_path, clock=clock)
    join(sites[0], other)
    sites[3].replica.host(region="410122101206", level="village")
    sites.append(other)
    yield sites
    for site in sites:
        site.close()


def printed(site: Site, node: str) -> str:
    with site.node.engine.connect() as connection:
        return attest(connection, node, FACTS)


def test_every_node_of_the_network_verifies_it(chain: list[Site]) -> None:
    code = printed(chain[4], CHAIN[4])
    for site in chain:
        with site.node.engine.connect() as connection:
            found = check(connection, code.lower())
            assert (found.node, found.facts) == (CHAIN[4], FACTS)
    made = segno.make(code, error="m")
    assert made.mode == "alphanumeric"
    assert int(made.version) <= 32  # still scanned from paper at 50 mm


def test_a_hosted_village_signs_with_its_own_key(chain: list[Site]) -> None:
    code = printed(chain[3], "410122101206")
    with chain[5].node.engine.connect() as connection:
        assert check(connection, code).node == "410122101206"


def test_nobody_signs_for_another(chain: list[Site]) -> None:
    with pytest.raises(Unavailable):
        printed(chain[2], CHAIN[4])


def test_a_changed_code_is_refused(chain: list[Site]) -> None:
    code = printed(chain[4], CHAIN[4])
    with chain[0].node.engine.connect() as connection:
        for changed in (code[:-9], MARK + "A" * 40, "HTTPS://X", code[:60] + code[70:]):
            with pytest.raises(Invalid):
                check(connection, changed)


def test_another_networks_code_is_refused(
    chain: list[Site], migrated_sqlite: Path, tmp_path: Path
) -> None:
    clock = Clock(datetime(2025, 9, 1, 1, tzinfo=UTC))
    folder = tmp_path / "foreign"
    folder.mkdir()
    (root,) = open_chain(CHAIN[:1], template=migrated_sqlite, folder=folder, clock=clock)
    code = printed(root, CHAIN[0])
    root.close()
    with chain[0].node.engine.connect() as connection, pytest.raises(Invalid):
        check(connection, code)
