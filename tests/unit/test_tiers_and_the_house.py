"""What the tiers say of the house is what the house has."""

from importlib import import_module
from pathlib import Path

import pytest

import node
from node.core.capability import Capability
from node.settings import Settings
from tiers import AUTHORITY, PROFILES, Level

FOLDERS = [
    file.parent.name
    for file in sorted(Path(node.__file__).parent.glob("*/capability.py"))
    if file.parent.name != "core"  # the contract itself
]


@pytest.fixture(scope="module")
def house() -> dict[str, Capability]:
    return {name: import_module(f"node.{name}.capability").CAPABILITY for name in FOLDERS}


def test_every_record_the_house_speaks_may_be_authored_by_somebody(
    house: dict[str, Capability],
) -> None:
    spoken = {kind.name for capability in house.values() for kind in capability.record_types}
    assert spoken
    assert spoken <= set(AUTHORITY)


@pytest.mark.parametrize("level", Level)
def test_every_job_of_a_profile_is_some_capabilitys(
    house: dict[str, Capability], level: Level
) -> None:
    settings = Settings(
        region="410122000000",
        database_url="sqlite://",
        secret_file=Path("keys"),
        bank_folder=Path("bank"),
    )
    offered = {
        job.name
        for capability in house.values()
        for job in (*capability.jobs, *capability.jobs_of(settings))
    }
    assert set(PROFILES[level].jobs) <= offered


def test_a_capability_is_called_like_its_folder(house: dict[str, Capability]) -> None:
    assert {name: capability.name for name, capability in house.items()} == {
        name: name for name in house
    }
