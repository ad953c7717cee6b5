"""Retention: what everybody has leaves the live store, and stays proved, traced and given."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sync import store
from sync.archive_file import Folder
from sync.archive_proof import prove_archive
from sync.archive_store import archived
from sync.archiving import plan_archive, write_archives
from sync.errors import Archived, Malformed
from sync.status import status
from tests.scenario.sync_tree import (
    COUNTY,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    fall,
    rise,
)

SEGMENTS = 4


@pytest.fixture
def line(tree: Tree) -> tuple[Place, Place, Place]:
    """County, township and village; the village has told everybody, the county told the village."""
    county, township, village = tree.grow(COUNTY, TOWNSHIP, VILLAGE)
    for number in range(SEGMENTS):
        village.write("up/province", fact(f"v{number}", number))
        village.replica.seal()
        county.write(f"down/{VILLAGE}", fact(f"c{number}", number))
        county.replica.seal()
    carry(county, township, village)
    return county, township, village


def carry(*places: Place) -> None:
    """Everything up and down, twice: what came is told at the next session."""
    for _ in range(2):
        for parent, child in reversed(list(pairwise(places))):
            assert rise(child, parent) == []
        for parent, child in pairwise(places):
            assert fall(parent, child) == []
            rise(child, parent)


def archive(place: Place, folder: Path, *, days: int = 0) -> int:
    """Archive what can go; how many segments that were. Files are read from there again."""
    plan = plan_archive(place.replica.site, older_than=timedelta(days=days))
    made = write_archives(place.replica.site, plan, folder)
    look_in(place, folder)
    return sum(kept.segments for kept in made)


def look_in(place: Place, folder: Path) -> None:
    """Where the node finds archives from now on."""
    place.replica.site = replace(place.replica.site, archives=Folder(folder))


def bodies(place: Place) -> int:
    with place.engine.connect() as connection:
        return connection.scalar(select(func.count(store.segment.c.body))) or 0


def test_what_everybody_has_is_archived_and_the_live_store_stays_provable(
    line: tuple[Place, Place, Place], tmp_path: Path
) -> None:
    _, township, _ = line
    whole = township.replica.verify()
    assert archive(township, tmp_path) == 2 * SEGMENTS == whole.segments
    assert bodies(township) == 0
    after = township.replica.verify()
    assert after.holds
    assert (after.segments, after.records, after.archived) == (
        whole.segments,
        whole.records,
        whole.segments,
    )
    [proof] = township.replica.trace("x.fact", "v2")
    assert proof.problems() == []
    assert archive(township, tmp_path) == 0


def test_nothing_goes_that_somebody_may_still_need(
    line: tuple[Place, Place, Place], tmp_path: Path, tree: Tree
) -> None:
    county, township, village = line
    assert archive(village, tmp_path, days=90) == 0
    tree.clock.forward(days=91)
    village.write("up/province", fact("late", 1))
    village.replica.seal()
    county.write(f"down/{VILLAGE}", fact("news", 1))
    county.replica.seal()
    assert fall(county, township) == []
    plan = plan_archive(township.replica.site)
    assert (plan.segments, plan.waits_for) == (2 * SEGMENTS, {VILLAGE: 1})
    assert plan_archive(village.replica.site).waits_for == {TOWNSHIP: 1}
    assert archive(village, tmp_path, days=90) == 2 * SEGMENTS
    assert bodies(village) == 1


def test_a_record_that_is_held_back_keeps_its_segment_and_what_follows(
    tree: Tree, tmp_path: Path
) -> None:
    county, township = tree.grow(COUNTY, TOWNSHIP)
    for number in (1, -1, 2):
        township.write("up/county", fact(f"k{number}", number))
        township.replica.seal()
    carry(county, township)
    assert [one.kind for one in county.replica.held_records()] == ["refused"]
    assert archive(county, tmp_path) == 1


def test_a_child_that_was_put_back_gets_its_own_entries_from_the_archive(
    line: tuple[Place, Place, Place], tmp_path: Path
) -> None:
    _, township, village = line
    archive(township, tmp_path)
    with village.engine.begin() as connection:
        for table in (store.segment, store.stream, store.receipt):
            connection.execute(table.delete())
    look_in(township, tmp_path / "away")
    with pytest.raises(Archived, match="放回"):
        fall(township, village)
    look_in(township, tmp_path)
    assert fall(township, village) == []
    assert {f"c{n}" for n in range(SEGMENTS)} <= set(village.facts())
    assert len(status(village.replica.site).streams) == 2


def test_a_stream_in_an_archive_that_is_away_keeps_no_other_from_going_on(
    line: tuple[Place, Place, Place], tmp_path: Path
) -> None:
    county, township, village = line
    archive(township, tmp_path)
    look_in(township, tmp_path / "away")
    county.write("down/all", fact("new", 7, region=COUNTY))
    county.replica.seal()
    assert fall(county, township) == []
    with village.engine.begin() as connection:
        for table in (store.segment, store.stream):
            of_county = table.c.origin == COUNTY
            connection.execute(table.delete().where(of_county))
    with pytest.raises(Archived):
        fall(township, village)
    assert village.facts()["new"] == 7
    away = township.replica.archives_away()
    assert [name.startswith(f"wuji-{TOWNSHIP}-") for name in away] == [True]
    after = township.replica.verify()
    assert (after.holds, after.archived) == (True, 2 * SEGMENTS)


def test_an_archive_that_was_touched_or_cut_is_known_as_such(
    line: tuple[Place, Place, Place], tmp_path: Path
) -> None:
    _, township, _ = line
    archive(township, tmp_path)
    [file] = tmp_path.glob("*.wujiarchive")
    data = file.read_bytes()
    assert prove_archive(township.replica.site, BytesIO(data)).holds
    with pytest.raises(Malformed):
        prove_archive(township.replica.site, BytesIO(data[:-10]))
    with pytest.raises(Malformed):
        prove_archive(township.replica.site, BytesIO(data + b"x"))
    middle = len(data) // 2
    for at in range(middle, middle + 300, 60):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            holds = prove_archive(township.replica.site, BytesIO(changed)).holds
        except Malformed:
            holds = False
        assert not holds


def test_files_are_cut_where_they_are_full_and_hold_everything_together(
    line: tuple[Place, Place, Place], tmp_path: Path
) -> None:
    _, township, _ = line
    plan = plan_archive(township.replica.site, older_than=timedelta(0))
    made = write_archives(township.replica.site, plan, tmp_path, most=1_000)
    assert len(made) > 1
    assert sum(kept.segments for kept in made) == plan.segments == 2 * SEGMENTS
    look_in(township, tmp_path)
    assert township.replica.verify().archived == plan.segments
    with township.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(archived)) == plan.segments
