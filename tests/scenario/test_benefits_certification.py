"""A certification round: ticked at the village with photos, by lists at the county, reminded of on
paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import select

from node.benefits.life_records import LIFE_TYPES
from node.benefits.models import SurvivalCertificate
from node.benefits.rate_records import RATED
from node.benefits.records import DETERMINED, entitlements
from node.cases.papers import read_papers
from node.cases.records import cases
from node.registry.records import CHANGED, people
from tests.fixtures.county import COUNTY, VILLAGE, publish
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.offices import KINDS, Office, carry
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Site, open_site, with_places
from tiers import RegionCode, Role

KINDS.update({kind.name: kind for kind in (DETERMINED, RATED, CHANGED, *LIFE_TYPES)})
BORN = (date(1950, 1, 1), date(1951, 2, 2), date(1952, 3, 3))
CERTIFICATION = {"valid_months": 12, "remind_days": 60, "grace_months": 1}


@dataclass
class Round:
    """The county, and a village with a machine of its own."""

    place: CountySite
    payers: Payers
    village: Site
    office: Office
    coordinator: Browser

    def carry(self) -> None:
        carry(self.payers.county.office, self.office)

    def people(self) -> dict[str, tuple[str, str]]:
        """Number and id by entitlement, as the county knows them."""
        joined = select(entitlements.c.id, people.c.id, people.c.citizen_number).where(
            people.c.id == entitlements.c.person_id
        )
        with self.payers.county.work() as uow:
            return {row[0]: (row[1], row[2]) for row in uow.connection.execute(joined)}


@pytest.fixture
def going(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Round]:
    """Three pensioners of August 2025, July 2026."""
    known = with_places(migrated_sqlite, tmp_path, COUNTY)
    with open_county_site(known, tmp_path) as place:
        payers = open_payers(place.county)
        bulletin = publish(place.county, "certification", CERTIFICATION)
        payers.county.on(date(2025, 8, 20))
        payers.pensioners(*BORN)
        url = sqlite_copy(known, tmp_path / "village.sqlite")
        village = open_site(VILLAGE, url=url, folder=tmp_path, clock=place.clock)
        village.replica.found(node=VILLAGE, level="village")
        office = Office(RegionCode(VILLAGE), village.node.engine)
        place.on(date(2026, 7, 10))
        coordinator = village.browser("zhang", Role.COORDINATOR)
        found = Round(place, payers, village, office, coordinator)
        found.carry()
        with office.work() as uow:
            uow.session.merge(bulletin)
        yield found
        village.close()


def photo() -> bytes:
    content = BytesIO()
    Image.new("RGB", (320, 240), (120, 90, 60)).save(content, "JPEG")
    return content.getvalue()


def test_a_round_is_ticked_at_the_village_in_one_go_with_a_photo(going: Round) -> None:
    page = going.coordinator.get("/benefits/certifications")
    assert "3 人的认证快到期或已到期" in words(page.text)
    one, other, _ = (person for person, _ in going.people().values())
    form = {"certified_on": "2026-07-09", "method": "comparison", "people": [one]}
    assert going.coordinator.post("/benefits/certifications", form).status_code == 422
    form["method"] = "home_visit"
    bad = {f"photo-{other}": ("a.jpg", b"no picture", "image/jpeg")}
    answer = going.coordinator.post("/benefits/certifications", form, files=bad)
    assert answer.status_code == 422
    assert f'value="{one}" aria-label="赵样本" checked' in answer.text
    files = {f"photo-{other}": ("a.jpg", photo(), "image/jpeg")}
    answer = going.coordinator.post("/benefits/certifications", form, files=files)
    assert answer.headers["location"].endswith("done=2&refused=0")
    assert "已上报" in words(going.coordinator.get("/benefits/certifications").text)
    slips = going.coordinator.get("/benefits/certifications/reminders.pdf").content
    said = "".join(page.extract_text() for page in PdfReader(BytesIO(slips)).pages)
    assert "".join(said.split()).count("提醒单") == 1
    with going.office.work() as uow:
        kept = uow.connection.execute(select(cases.c.attachments)).scalars().all()
    assert sorted(len(read_papers(each)) for each in kept) == [0, 1]
    going.carry()
    decide(going, 2)


def decide(going: Round, count: int) -> None:
    """The county reviews and approves what has come; so many certificates are kept."""
    with going.payers.county.work() as uow:
        ids = list(uow.connection.execute(select(cases.c.id)).scalars())
    reviewer = going.place.site.browser("li", Role.REVIEWER)
    assert reviewer.send("/api/cases/review", {"ids": ids})["accepted"] == count
    assert going.place.approver.send("/api/cases/approve", {"ids": ids})["accepted"] == count
    with going.payers.county.work() as uow:
        kept = uow.session.scalars(select(SurvivalCertificate)).all()
    assert len(kept) == count


def test_a_list_of_another_office_certifies_whom_it_names(going: Round) -> None:
    acceptor = going.place.site.browser("sun", Role.ACCEPTOR)
    one, other, third = (number for _, number in going.people().values())
    rows = (
        "某局就诊数据\n姓名,身份证号,就诊日期\n"
        f"赵样本,{one},2026-06-30\n钱别人,{other},2026-06-30\n赵样本,{third},没有\n"
        "孙外县,410199195001010000,2026-05-01\n"
    )
    address = "/benefits/certifications/comparison"
    form = {"certified_on": "2026-07-10", "source": ""}
    upload = {"file": ("list.csv", rows.encode("gb18030"), "text/csv")}
    assert acceptor.post(address, form, files=upload).status_code == 422
    form["source"] = "市医保局就诊数据"
    assert going.coordinator.post(address, form, files=upload).status_code == 403
    answer = words(acceptor.post(address, form, files=upload).text)
    for said in (
        "已受理 1 人的认证",
        "姓名与参保登记不符",
        "日期应写成",
        "不在本县领取（人） 1",
    ):
        assert said in answer
    again = words(acceptor.post(address, form, files=upload).text)
    assert "名单中没有可以受理的人" in again
    wrong = {"file": ("list.csv", "名字,数\n甲,1\n".encode(), "text/csv")}
    assert "没有“公民身份号码”一列" in acceptor.post(address, form, files=wrong).text
    decide(going, 1)
    assert "认证进度" in words(acceptor.get("/benefits/certifications").text)
