"""A month by four people at their desks, page by page, without script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from node.banking.rules import LineState
from node.benefits.models import Entitlement
from tests.fixtures.county import COUNTY, VILLAGE, publish
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.sites import Browser, with_places
from tiers import Role


@dataclass
class Desks:
    """The four of them, over one store."""

    place: CountySite
    payers: Payers
    officer: Browser
    reviewer: Browser

    def on(self, day: date) -> None:
        self.place.on(day)
        for browser in (self.officer, self.reviewer):
            browser.enter()


@pytest.fixture(scope="module")
def desks(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """Three pensioners, September 2025."""
    folder = tmp_path_factory.mktemp("payroll-pages")
    known = with_places(migrated_sqlite, folder, "410122000000")
    with open_county_site(known, folder) as place:
        payers = open_payers(place.county)
        payers.county.on(date(2025, 8, 20))
        payers.pensioners(date(1950, 1, 1), date(1951, 2, 2), date(1952, 3, 3))
        officer = place.site.browser("wu", Role.PAYROLL_OFFICER)
        reviewer = place.site.browser("li", Role.REVIEWER)
        found = Desks(place, payers, officer, reviewer)
        place.clock.now = datetime(2025, 9, 3, 1, tzinfo=UTC)
        found.on(date(2025, 9, 3))
        yield found


def test_a_month_by_four_people(desks: Desks) -> None:
    officer, reviewer = desks.officer, desks.reviewer
    accountant, approver = desks.place.accountant, desks.place.approver
    front = words(officer.get("/payroll").text)
    assert "本月各步骤" in front
    assert "编制名册" in front
    # the list is due today, its review tomorrow: who is here is called from whatever page
    assert '发放<span class="count">2</span>' in officer.get("/identity/me").text
    assert officer.post("/payroll/runs", {"month": "2031-01"}).status_code == 422
    answer = officer.post("/payroll/runs", {"month": "2025-09"})
    assert answer.status_code == 303
    run = answer.headers["location"]
    assert "应发的人都在名册中，没有人多发" in words(officer.get(run).text)
    assert officer.post(f"{run}/review").status_code == 403
    assert reviewer.post(f"{run}/review", {"explanation": "首月"}).status_code == 303
    assert approver.post(f"{run}/approval").status_code == 303
    money = words(accountant.get(run).text)
    assert "省级财政" in money
    assert "未到齐" in money
    bad = accountant.post(f"{run}/receipts", {"payer": "city", "amount": "很多", "reference": "A"})
    assert bad.status_code == 422
    assert "很多" in bad.text
    desks.payers.fund(1)
    assert accountant.post(f"{run}/sending", {"bank": "workbook"}).status_code == 303
    desks.payers.mark_sent()
    one = desks.payers.known[0]
    desks.payers.answer({one: LineState.FAILED})
    listed = words(accountant.get(f"{run}/payments?state=failed").text)
    assert "账户已销户" in listed
    assert accountant.post(f"{run}/settlement").status_code == 303
    assert "已结清" in words(accountant.get(run).text)
    assert officer.get(f"{run}/list.pdf").content.startswith(b"%PDF")
    rates = words(officer.get("/payroll").text)
    assert "66.66%" in rates
    foreseen = words(officer.get("/payroll/forecast").text)
    assert "2026年8月" in foreseen
    assert "保监发〔2016〕107号" in foreseen
    assert officer.post("/payroll/forecast").status_code == 303
    assert reviewer.post("/payroll/forecast").status_code == 403
    people = words(officer.get("/payroll/month?came=failed").text)
    assert "账户已销户 请本人换用能收款的银行卡" in people
    assert "全部 3" in people
    assert officer.get("/payroll/month?came=lost").status_code == 422
    assert officer.get("/payroll/month/list.pdf").content.startswith(b"%PDF")
    (told,) = officer.get("/api/payroll/months").json()
    listing = officer.get(f"/api/payroll/months/{told}?came=failed").json()
    assert [each["why"] for each in listing["people"]] == ["账户已销户"]
    assert (listing["total"], sum(listing["tallies"].values())) == (1, 3)
    assert officer.get("/api/payroll/months/never").status_code == 422
    ahead = officer.get("/api/payroll/forecast").json()
    assert len(ahead["months"]) == 12
    assert sum(each["fen"] for each in ahead["months"]) == ahead["counties"][0]["fen"]


def test_the_lists_say_whom_to_ask_and_whom_to_see(desks: Desks) -> None:
    listed = words(desks.officer.get("/registry/worklists/not-paid").text)
    assert "账户已销户" in listed
    assert "请本人换用能收款的银行卡" in listed
    desks.on(date(2026, 7, 10))
    assert "2026-08-20" in words(desks.officer.get("/registry/worklists/certification").text)


def test_a_standard_that_reaches_back_is_carried_out_on_its_page(desks: Desks) -> None:
    approver = desks.place.approver
    desks.on(date(2026, 7, 10))
    publish(
        desks.place.county,
        "base_pension",
        {"monthly_fen": 12_300},
        effective_from=date(2026, 1, 1),
    )
    bad = approver.post("/benefits/adjustments", {"from_month": "一月", "reason": "提标"})
    assert bad.status_code == 422
    assert "一月" in bad.text
    form = {"from_month": "2026-01", "reason": "提高标准"}
    answer = approver.post("/benefits/adjustments", form)
    assert answer.headers["location"] == "/benefits/adjustments?done=3"
    assert "提高标准" in words(approver.get("/benefits/adjustments").text)
    assert desks.officer.post("/benefits/adjustments", form).status_code == 403


def test_what_was_paid_twice_is_claimed_planned_and_repaid_on_its_pages(desks: Desks) -> None:
    desks.on(date(2026, 7, 13))
    one = next(iter(desks.payers.known[1:]))
    with desks.payers.county.work() as uow:
        who = uow.session.get_one(Entitlement, (COUNTY, one)).person_id
    acceptor = desks.place.site.browser("sun", Role.ACCEPTOR)
    form = {
        "name": "赵样本",
        "citizen_number": desks.payers.county.people[who],
        "village": VILLAGE,
        "first": "2026-03-01",
        "last": "2026-03-01",
        "cause": "double_benefit",
        "evidence": "other",
        "explanation": "同时领取职工养老金",
        "monthly": "很多",
    }
    sent = {"matter": "overpayment_recovery", "forms": [form]}
    assert acceptor.send("/api/cases", sent)["accepted"] == 0
    form |= {"monthly": "50"}
    assert "没有发放过" in str(acceptor.send("/api/cases", sent)["outcomes"])
    form |= {"first": "2025-09-03", "last": "2025-09-30"}
    ids = [each["id"] for each in acceptor.send("/api/cases", sent)["outcomes"]]
    assert desks.reviewer.send("/api/cases/review", {"ids": ids})["accepted"] == 1
    approver, accountant = desks.place.approver, desks.place.accountant
    assert approver.send("/api/cases/approve", {"ids": ids})["accepted"] == 1
    listed = approver.get("/payroll/recoveries")
    assert "每月 50.00 元，还需 3 个月" in words(listed.text)
    [address] = set(re.findall(r"/payroll/recoveries/[0-9a-f-]{36}", listed.text))
    assert approver.post(f"{address}/plan", {"monthly": "-1"}).status_code == 422
    assert approver.post(f"{address}/plan", {"monthly": "30"}).status_code == 303
    paid = {"amount": "100", "reference": "R-1"}
    assert accountant.post(f"{address}/repayments", paid).status_code == 303
    assert accountant.post(f"{address}/repayments", paid).status_code == 409
    shown = words(accountant.get(address).text)
    assert "尚欠（元） 13.00" in shown
    assert "多发待遇退回，R-1 100.00" in shown
    assert accountant.get(f"{address}/agreement.pdf").content.startswith(b"%PDF")
    (owed,) = accountant.get("/api/payroll/recoveries").json()["recoveries"]
    assert owed["fen"] - owed["set_off_fen"] - owed["repaid_fen"] == 1_300
    assert accountant.get("/api/payroll/recoveries?state=lost").status_code == 422
    last = {"amount": "13", "reference": "R-2"}
    assert accountant.post(f"{address}/repayments", last).status_code == 303
    assert "没有要追回的待遇" in words(accountant.get("/payroll/recoveries").text)
