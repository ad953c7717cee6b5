"""Photos of a case: kept with the draft, behind the case on the line, proved where they arrive."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

import sync
from node.attachments import records
from node.attachments.records import CHUNK, apply_chunks, pieces
from node.attachments.service import present
from sync.record import Record
from sync.segment import read_header
from tests.fixtures.offices import COUNTY, MORNING, TOWNSHIP, VILLAGE
from tests.fixtures.sites import Clock, open_chain, with_places
from tests.scenario.test_cases_pages import Desks, errors, typed, words
from tests.unit.test_attachments_imaging import picture
from tiers import Role

HASH = re.compile(r"attachments/([0-9a-f]{64})")


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desks(template: Path, tmp_path: Path) -> Iterator[Desks]:
    clock = Clock(MORNING)
    sites = open_chain((COUNTY, TOWNSHIP, VILLAGE), template=template, folder=tmp_path, clock=clock)
    opened = Desks(sites, clock)
    yield opened
    opened.close()


def photo(seed: int = 1) -> bytes:
    """A photo that does not compress: three pieces or more."""
    written = BytesIO()
    Image.effect_noise((700, 500), 40 + seed).convert("RGB").save(written, "JPEG", quality=90)
    return written.getvalue()


def begun(desks: Desks, *photos: bytes, draft: str = "d1", **over: str) -> str:
    """A draft with pictures; what its page says."""
    files = [("file", (f"{n}.jpg", one)) for n, one in enumerate(photos)]
    form = typed(do="attach", draft=draft, kind="household", **over)
    answer = desks.coordinator.post("/cases/new/enrolment", form, files=files)
    assert answer.headers["location"] == f"/cases/drafts/{draft}#papers", answer.text
    return desks.coordinator.get(f"/cases/drafts/{draft}").text


def test_a_photo_follows_its_case_and_is_proved_where_it_arrives(desks: Desks) -> None:
    page = begun(desks, photo())
    [digest] = set(HASH.findall(page))
    assert 'value="赵样本"' in page
    small = desks.coordinator.get(f"/cases/drafts/d1/attachments/{digest}?size=small")
    assert (small.headers["content-type"], small.content[:2]) == ("image/jpeg", b"\xff\xd8")
    sent = desks.coordinator.post("/cases/drafts/d1", typed())
    case = sent.headers["location"].partition("?")[0]

    _only_the_case_goes_first(desks)
    assert "附件在路上" in words(desks.clerk.get(case).text)
    assert desks.clerk.get(f"{case}/attachments/{digest}").status_code == 404
    assert desks.clerk.post(f"{case}/pass").status_code == 303  # a case never waits for its photos

    desks.sync()
    for browser in (desks.clerk, desks.reviewer):
        assert "附件在路上" not in words(browser.get(case).text)
        whole = browser.get(f"{case}/attachments/{digest}")
        assert Image.open(BytesIO(whole.content)).size == (700, 500)
        assert browser.get(f"{case}/attachments/{'0' * 64}").status_code == 404
    with desks.county.node.work() as uow:
        [access] = uow.connection.exec_driver_sql("select what from access_log").scalars()
    assert str(access).endswith("的附件：户口簿")


def _only_the_case_goes_first(desks: Desks) -> None:
    """Hand the township what the village would send first on a poor line."""
    village, township = desks.village.replica, desks.township.replica
    village.seal()
    heads = village.accept_welcome(township.welcome(village.hello()))
    first = village.outgoing(heads, budget=1)
    assert [read_header(one.header).route for one in first] == ["up/county"]
    whole = village.outgoing(heads, budget=1 << 22)
    routes = [read_header(one.header).route for one in whole]
    assert routes == sorted(routes)
    assert routes.count("up/county/later") >= 1
    names = {(h.origin, h.epoch) for h in (read_header(one.header) for one in first)}
    taken = township.take(first, village.chain_for(names), from_node=VILLAGE)
    village.record_receipt(taken.receipt)


def test_nothing_of_a_photo_lies_in_clear_on_the_disk(desks: Desks) -> None:
    begun(desks, photo())
    with desks.village.node.engine.connect() as connection:
        stored = [
            bytes(row[0]) for row in connection.exec_driver_sql("select content from picture_piece")
        ]
        assert stored
        assert not any(one.startswith(b"\xff\xd8") for one in stored)
        plain = connection.execute(select(pieces.c.content).order_by(pieces.c.number)).scalars()
        assert next(iter(plain)).startswith(b"\xff\xd8")


def test_a_draft_gains_and_loses_pictures_and_nobody_else_sees_them(desks: Desks) -> None:
    same = photo()
    [digest] = set(HASH.findall(begun(desks, same)))
    assert set(HASH.findall(begun(desks, same, draft="d2"))) == {digest}
    other = desks.village.browser("sun", Role.COORDINATOR)
    assert other.get(f"/cases/drafts/d1/attachments/{digest}").status_code == 404
    for draft, still_here in (("d1", True), ("d2", False)):
        gone = desks.coordinator.post(f"/cases/drafts/{draft}", typed(do=f"detach:{digest}"))
        assert gone.status_code == 303
        with desks.village.node.work() as uow:
            assert bool(present(uow, [digest])) is still_here
    assert not HASH.findall(desks.coordinator.get("/cases/drafts/d1").text)


def test_files_that_are_no_pictures_are_refused_and_what_was_typed_stays(desks: Desks) -> None:
    def sent(content: bytes, **over: str) -> str:
        form = typed(do="attach", draft="d1", kind="identity") | over
        files = {"file": ("id.jpg", content)}
        answer = desks.coordinator.post("/cases/new/enrolment", form, files=files)
        assert answer.status_code == 422
        assert 'value="赵样本"' in answer.text
        return ",".join(errors(answer.text))

    assert sent(b"#!/bin/sh") == "file"
    assert sent(b"") == "file"
    assert sent(picture(), kind="secret") == "kind"


def test_a_correction_keeps_the_photos_and_may_change_them(desks: Desks) -> None:
    [first] = set(HASH.findall(begun(desks, photo(1))))
    sent = desks.coordinator.post("/cases/drafts/d1", typed())
    case = sent.headers["location"].partition("?")[0]
    desks.sync()
    desks.clerk.post(f"{case}/return", {"reason": "户口簿看不清"})
    desks.sync()
    assert set(HASH.findall(desks.coordinator.get(f"{case}/correction").text)) == {first}
    files = {"file": ("b.jpg", photo(2))}
    more = desks.coordinator.post(
        f"{case}/correction", typed(do="attach", kind="household"), files=files
    )
    assert more.headers["location"] == f"{case}/correction#papers"
    both = set(HASH.findall(desks.coordinator.get(f"{case}/correction").text))
    assert len(both) == 2
    desks.coordinator.post(f"{case}/correction", typed(do=f"detach:{first}"))
    assert desks.coordinator.post(f"{case}/correction", typed()).status_code == 303
    desks.sync()
    assert set(HASH.findall(desks.clerk.get(case).text)) == both - {first}
    assert "附件在路上" not in words(desks.clerk.get(case).text)


def chunk(**over: object) -> sync.Arrived:
    """The only piece of a small picture, as a village would send it."""
    content = b"0123456789"
    body: dict[str, object] = {
        "hash": "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882",
        "number": 0,
        "pieces": 1,
        "size": len(content),
        "content": "MDEyMzQ1Njc4OQ==",
    }
    record = Record(CHUNK.name, 1, "k", VILLAGE, "2026-03-16T01:00:00Z", "zhang", body | over)
    return sync.Arrived(record, VILLAGE, "1", "up/county/later", 1)


BAD = [
    ({"content": "@@@@"}, "无法读取"),
    ({"content": None}, "无法读取"),
    ({"number": 1}, "不符"),
    ({"pieces": 2}, "不符"),
    ({"size": 11}, "不符"),
    ({"size": records.KEPT_LARGEST + 1, "pieces": records.PIECES_MOST + 1}, "不符"),
    ({"hash": "../etc"}, "不符"),
    ({"hash": "f" * 64}, "散列值不符"),
]


def test_a_piece_that_is_none_or_proves_another_picture_is_refused(desks: Desks) -> None:
    for over, sentence in BAD:
        with pytest.raises(sync.Refused, match=sentence), desks.county.node.work() as uow:
            apply_chunks(uow, [chunk(**over)])


def test_pieces_may_come_twice_and_in_any_order(desks: Desks) -> None:
    digest = str(chunk().record.body["hash"])
    for _ in range(2):
        with desks.county.node.work() as uow:
            apply_chunks(uow, [chunk(), chunk()])
            assert present(uow, [digest]) == {digest}
