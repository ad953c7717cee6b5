"""The transfer desk page by page, without script: both counties, paper, mistakes at the field."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from node.policy.models import Bulletin
from tests.fixtures.county_site import words
from tests.fixtures.movers import JIYUAN, ZHONGMU, Movers, bulletin, open_movers
from tests.fixtures.sites import Browser
from tiers import Role


@dataclass
class Desks:
    """Somebody with every post that transfers need, at both counties."""

    movers: Movers
    number: str
    transfer: str
    old: Browser
    new: Browser


@pytest.fixture(scope="module")
def desks(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """A letter has come to the old county."""
    movers = open_movers(migrated_sqlite, tmp_path_factory.mktemp("transfer-pages"))
    movers.on(date(2026, 7, 6))
    number = movers.enrol(ZHONGMU, date(1985, 5, 5), years=[2025, 2026])
    transfer = movers.ask(number, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    posts = (Role.ACCEPTOR, Role.REVIEWER, Role.ACCOUNTANT)
    old = movers.sites[ZHONGMU].browser("old", *posts)
    new = movers.sites[JIYUAN].browser("new", *posts)
    yield Desks(movers, number, transfer, old, new)
    movers.close()


def test_from_the_letter_to_the_money(desks: Desks) -> None:
    old, new, path = desks.old, desks.new, f"/transfers/{desks.transfer}"
    listed = words(old.get("/transfers").text)
    assert "郑州市中牟县 济源市" in listed
    assert "还剩 15 个工作日" in listed
    page = words(old.get(path).text)
    assert "受理关系转出" in page
    refused = old.post(f"{path}/refusal", {"reason": "不"})
    assert refused.status_code == 422
    assert "请写明不予转出的原因" in words(refused.text)
    assert 'value="不"' in refused.text  # nothing typed is lost
    assert old.post(f"{path}/payment", {"reference": "1"}).status_code == 409
    assert old.get(f"{path}/sheet.pdf").status_code == 404

    person = desks.movers.known(ZHONGMU, desks.number).person_id
    begun = old.get(f"/cases/new/transfer_out/for/{person}")
    assert begun.status_code == 200
    assert desks.number in begun.text
    desks.movers.let_go(desks.number, old=ZHONGMU)
    desks.movers.sync()

    assert "答复接收函" not in old.get(path).text
    arrived = words(new.get(path).text)
    assert "已接收入账" in arrived
    assert "共 2 年" in arrived
    assert new.post(f"{path}/arrival", {"reference": " "}).status_code == 422
    assert new.post(f"{path}/arrival", {"reference": "收-1"}).status_code == 303
    assert old.post(f"{path}/payment", {"reference": "付-1"}).status_code == 303
    assert old.post(f"{path}/payment", {"reference": "付-1"}).status_code == 409
    desks.movers.sync()
    assert "已办完" in words(new.get(path).text)
    assert "赵样本" in new.get("/transfers?side=done").text
    here = desks.movers.known(JIYUAN, desks.number).person_id
    assert "关系转入" in words(new.get(f"/registry/{here}").text)


def test_letter_and_sheet_are_printed(desks: Desks) -> None:
    for paper, title in (("letter", "关系转入接收函"), ("sheet", "关系转移信息表")):
        answer = desks.new.get(f"/transfers/{desks.transfer}/{paper}.pdf")
        assert answer.headers["content-type"] == "application/pdf", answer.text
        text = "".join(each.extract_text() for each in PdfReader(BytesIO(answer.content)).pages)
        assert title in text
        assert desks.number in text


def test_how_long_a_step_may_take_is_for_a_bulletin_to_say(desks: Desks) -> None:
    site = desks.movers.sites[JIYUAN]
    with site.node.work() as uow:
        body = {"transfer_days": 9}
        drafted = {"drafted_at": uow.now, "published_at": uow.now}
        uow.session.add(Bulletin(**bulletin(90, "deadlines", body), **drafted))
    letter = desks.new.get(f"/transfers/{desks.transfer}/letter.pdf")
    text = "".join(each.extract_text() for each in PdfReader(BytesIO(letter.content)).pages)
    assert "9 个工作日" in text
