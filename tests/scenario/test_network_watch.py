"""Who needs somebody's eye is told to the tiers above, on the page and in the metrics."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from node.core.work import UP_PROVINCE
from node.network.records import table as reports
from node.network.reporting import report_all
from node.network.signs import own_signs
from sync.incidents import note_incident
from sync.segment import StreamId, read_header
from sync.trust import setup_of
from tests.fixtures.county_site import words
from tests.fixtures.sites import Clock, Site, open_chain, open_site, with_places
from tiers import Role

COUNTY, TOWNSHIP, VILLAGE = "410122000000", "410122101000", "410122101205"


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 12, 1, tzinfo=UTC))


@pytest.fixture
def sites(template: Path, tmp_path: Path, clock: Clock) -> Iterator[list[Site]]:
    found = open_chain([COUNTY, TOWNSHIP, VILLAGE], template=template, folder=tmp_path, clock=clock)
    yield found
    for site in found:
        site.close()


def report_up(sites: list[Site]) -> None:
    """Every node says how it is, and the line carries it to the top."""
    for site in reversed(sites):
        with site.node.work() as uow:
            report_all(uow)
    for parent, child in reversed(list(pairwise(sites))):
        held = child.replica.accept_welcome(parent.replica.welcome(child.replica.hello()))
        child.replica.seal()
        sent = child.replica.outgoing(held, budget=1 << 20)
        authors = {setup_of(read_header(sealed.header).stream) for sealed in sent}
        chain = child.replica.chain_for(authors)
        taken = parent.replica.take(sent, chain, from_node=child.region)
        assert not taken.refused
        child.replica.record_receipt(taken.receipt)


def fork(site: Site) -> None:
    """What the engine writes down when it sees one."""
    engine_site = site.replica.site
    name = StreamId(site.region, "e1", UP_PROVINCE)
    with site.node.engine.begin() as connection:
        note_incident(engine_site, connection, "fork", name, seq=3, detail="同号不同")


def test_a_fork_at_the_village_is_seen_at_the_county_and_goes_when_it_is_mended(
    sites: list[Site],
) -> None:
    county, _, village = sites
    desk = county.browser("admin", Role.ADMINISTRATOR)
    fork(village)
    report_up(sites)
    page = words(desk.get("/network").text)
    assert "荣庄村委会 记录流分叉或一个身份两台机器：1 处" in page
    metrics = desk.get("/metrics").text
    assert 'wuji_alerts{rule="fork"} 1.0' in metrics
    assert 'wuji_nodes{state="normal"} 2.0' in metrics
    assert f'wuji_link_bytes_total{{direction="in",peer="{TOWNSHIP}"}}' in metrics
    with village.node.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sync_incident SET closed_at = at")
    report_up(sites)
    assert "记录流分叉" not in words(desk.get("/network").text)


def test_a_village_that_goes_silent_is_late_first_and_counted_beside_the_navigation(
    sites: list[Site], clock: Clock
) -> None:
    county = sites[0]
    report_up(sites)
    desk = county.browser("admin", Role.ADMINISTRATOR)
    assert "没有要看的事" in words(desk.get("/network").text)
    clock.forward(hours=3)
    desk.enter()
    assert "迟到 2" in words(desk.get("/network").text)
    clock.forward(days=3)
    desk.enter()
    page = words(desk.get("/network").text)
    assert "韩寺镇 3 天没有消息，连同下级 1 个节点" in page
    assert "2 件事要看" not in page
    assert "荣庄村" in words(desk.get(f"/network?at={TOWNSHIP}").text)
    listed = words(desk.get("/network?only=silent").text)
    assert listed.index("韩寺镇") < listed.index("韩寺镇荣庄村委会")
    assert desk.get("/network?at=419001000000").status_code == 404


def test_what_waits_is_measured_by_stream_in_records_and_seconds(
    sites: list[Site], clock: Clock
) -> None:
    village = sites[-1]
    report_up(sites)
    with village.node.work() as uow:
        report_all(uow)
    village.replica.seal()
    clock.forward(hours=30)
    desk = village.browser("coordinator", Role.COORDINATOR)
    metrics = desk.get("/metrics").text
    assert "wuji_waiting_records 1.0" in metrics
    assert f"wuji_waiting_seconds {30 * 3600}.0" in metrics
    [lag] = [m for m in metrics.splitlines() if m.startswith("wuji_stream_lag_seconds{")]
    assert lag.endswith(f" {30 * 3600}.0")
    assert "1 条记录等待上送，最早的已等 30 小时" in words(desk.get("/network").text)


def test_signs_are_read_alike_on_both_databases(
    migrated_url: str, tmp_path: Path, clock: Clock
) -> None:
    site = open_site(COUNTY, url=migrated_url, folder=tmp_path, clock=clock)
    try:
        site.replica.found(node=COUNTY, level="county")
        fork(site)
        with site.node.work() as uow:
            signs = own_signs(uow)
            report_all(uow)
        assert signs.incidents == {"fork": 1}
        assert signs.certificate_until is not None
        assert (signs.certificate_until - clock.now).days == 7_300
        with site.node.work(writing=False) as uow:
            facts = uow.connection.execute(select(reports.c.facts)).scalar_one()
        assert (facts["incident_kinds"], facts["quarantine"]) == ({"fork": 1}, [0, 0, 0])
    finally:
        site.close()
