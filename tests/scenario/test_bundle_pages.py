"""/network/bundle: two buttons, asked of a township and a village over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.network.reporting import report_all
from tests.fixtures.county_site import words
from tests.fixtures.sites import Browser, Clock, Site, open_chain, with_places
from tiers import Role

COUNTY, TOWNSHIP, VILLAGE = "410122000000", "410122101000", "410122101205"
PAGE = "/network/bundle"


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def sites(template: Path, tmp_path: Path) -> Iterator[list[Site]]:
    clock = Clock(datetime(2025, 2, 17, 1, tzinfo=UTC))
    found = open_chain([COUNTY, TOWNSHIP, VILLAGE], template=template, folder=tmp_path, clock=clock)
    yield found
    for site in found:
        site.close()


@pytest.fixture
def desks(sites: list[Site]) -> tuple[Browser, Browser]:
    """The township's clerk and the village's coordinator."""
    _, township, village = sites
    clerk = township.browser("clerk", Role.CLERK)
    return clerk, village.browser("coordinator", Role.COORDINATOR)


def report(site: Site) -> None:
    """Something the village tells: how it does."""
    with site.node.work() as uow:
        report_all(uow)


def download(desk: Browser, **form: str) -> tuple[str, bytes]:
    """A bundle's name and bytes."""
    answer = desk.post(f"{PAGE}/export", form)
    assert answer.status_code == 200, words(answer.text)
    name = answer.headers["content-disposition"].split('filename="')[1].rstrip('"')
    return name, answer.content


def upload(desk: Browser, content: bytes) -> tuple[int, str]:
    """The status and the words that answer an upload."""
    answer = desk.post(f"{PAGE}/import", files={"file": ("a.bundle", content)})
    return answer.status_code, words(answer.text)


def test_what_the_village_wrote_is_carried_by_two_buttons(
    sites: list[Site], desks: tuple[Browser, Browser]
) -> None:
    clerk, coordinator = desks
    _, township, village = sites
    report(village)
    assert "U 盘传递" in coordinator.get("/network").text
    assert "导出到 U 盘" in coordinator.get(PAGE).text
    name, content = download(coordinator, to=TOWNSHIP)
    assert name == f"wuji-{VILLAGE}-to-{TOWNSHIP}-20250217-0900.bundle"
    status, said = upload(clerk, content)
    assert (status, "的数据包已导入，新办理 1 条记录" in said) == (200, True)
    assert "荣庄村" in said
    assert upload(clerk, content)[1].count("此前都已收到，没有重复办理") == 1
    name, receipt = download(clerk, to=VILLAGE, receipt="1")
    assert name.endswith("-0900-receipt.bundle")
    status, said = upload(coordinator, receipt)
    assert (status, "的回执已经登记" in said) == (200, True)
    assert "下载回执" not in said
    assert village.replica.verify().receipts == 1
    assert township.replica.verify().holds
    # What the parent has receipted is not carried again.
    assert "的回执已经登记" in upload(clerk, download(coordinator, to=TOWNSHIP)[1])[1]


def test_what_is_no_bundle_for_here_changes_nothing(
    sites: list[Site], desks: tuple[Browser, Browser]
) -> None:
    clerk, coordinator = desks
    report(sites[2])
    _, content = download(coordinator, to=TOWNSHIP)
    for bad, reason in (
        (b"", "请选择数据包文件"),
        (b"PK\x03\x04 an archive", "这不是五级网络的数据包文件"),
        (content[:-40], "数据包已损坏，或不完整"),
        (content[:-9] + b"123456789", "数据包已损坏，或不完整"),
    ):
        status, said = upload(clerk, bad)
        assert (status, reason in said) == (422, True), said
    status, said = upload(coordinator, content)
    assert (status, "不是给本节点" in said) == (422, True)
    assert sites[1].replica.status().streams == []


def test_a_bundle_larger_than_the_setting_is_left_to_the_administrator(
    sites: list[Site], desks: tuple[Browser, Browser]
) -> None:
    sites[1].node.settings.sync.bundle_mib = 1
    status, said = upload(desks[0], b"x" * ((1 << 20) + 1))
    assert (status, "不能超过 1 MB" in said) == (422, True)


def test_a_bundle_goes_to_a_neighbour_only(
    sites: list[Site], desks: tuple[Browser, Browser]
) -> None:
    clerk, _ = desks
    assert "410122101205）" in clerk.get(PAGE).text
    for to in ("", "410000000000", "410122101206"):
        answer = clerk.post(f"{PAGE}/export", {"to": to})
        assert (answer.status_code, "请选择给谁" in answer.text) == (422, True)


def test_who_has_another_post_or_place_carries_nothing(sites: list[Site]) -> None:
    county, township, _ = sites
    for site, login, role, scope in (
        (county, "li", Role.APPROVER, COUNTY),
        (township, "zhang", Role.COORDINATOR, "410122101206"),
    ):
        desk = site.browser(login, role, scope=scope)
        assert PAGE not in desk.get("/network").text
        assert desk.get(PAGE).status_code == 403
        assert desk.post(f"{PAGE}/export", {"to": TOWNSHIP}).status_code == 403
        assert desk.post(f"{PAGE}/import", files={"file": ("a", b"x")}).status_code == 403


def test_nobody_uploads_without_the_page_of_this_session(
    desks: tuple[Browser, Browser],
) -> None:
    answer = desks[0].client.post(f"{PAGE}/import", files={"file": ("a.bundle", b"x")})
    assert answer.status_code == 403


def test_an_upload_is_looked_at_before_its_body_is_read(
    desks: tuple[Browser, Browser], sites: list[Site]
) -> None:
    """Nobody fills the disk who may not, or with more than may be."""
    clerk, _ = desks
    _, township, _ = sites
    form = {"content-type": "multipart/form-data; boundary=x"}
    too_large = form | {"content-length": str(257 << 20)}
    nobody = TestClient(township.app)

    turned_away = nobody.post(f"{PAGE}/import", content=b"", headers=form, follow_redirects=False)
    refused = clerk.client.post(f"{PAGE}/import", content=b"", headers=too_large)
    endless = clerk.client.post(f"{PAGE}/import", content=iter([b"x"]), headers=form)

    assert turned_away.headers["location"].startswith("/login")
    assert "不能超过 256 MB" in words(refused.text)
    assert "没有说明长度" in words(endless.text)
