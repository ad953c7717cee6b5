"""The accountant's and the approver's pages of accounts, over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import BytesIO
from pathlib import Path
from threading import Event

import pytest
from pypdf import PdfReader
from sqlalchemy import event

from node.accounts.general_ledger import account_counts
from node.accounts.service import account
from node.contributions.service import confirm_payments
from node.core.errors import NotFound
from node.network.metrics import exposition
from tests.fixtures.county import COUNTY, OTHER_VILLAGE, VILLAGE, payments, publish_rate
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.offices import person
from tests.fixtures.sites import with_places
from tiers import RegionCode, Role

NEW_YEAR = date(2026, 1, 5)


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[CountySite]:
    """Two people have paid in March 2025; it is January and the rate of 2025 is here."""
    with open_county_site(template, tmp_path) as found:
        accounts = found.county.enrol(date(1980, 1, 1), date(1981, 1, 1))
        found.on(NEW_YEAR)
        publish_rate(found.county, 2025)
        with found.county.work(found.county.accountant) as uow:
            confirm_payments(uow, payments(accounts))
        yield found.on(NEW_YEAR)


def test_the_year_end_takes_two_people_and_two_clicks(desk: CountySite) -> None:
    before = words(desk.accountant.get("/accounts").text)
    assert "未试算" in before
    assert "试算 2025 年度利息" in before
    assert desk.accountant.post("/accounts/year-ends", {"year": "2025"}).status_code == 303
    assert "待审批" in words(desk.accountant.get("/accounts").text)

    refused = desk.accountant.post("/accounts/year-ends/2025/approval")
    assert refused.status_code == 403
    asked = words(desk.approver.get("/accounts").text)
    assert "审批后 2 户记入利息 8.26 元，并关闭 2025 年度，不能撤回。" in asked
    assert desk.approver.post("/accounts/year-ends/2025/approval").status_code == 303
    done = words(desk.accountant.get("/accounts").text)
    assert "已结息" in done
    assert "2.75%" in done


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("INSERT INTO account_closing", "第 1 步（共 5 步），逐户计算积数和利息"),
        ("INSERT INTO posting", "第 2 步（共 5 步），逐户记入利息"),
        ("SELECT village, count(*)", "第 3 步（共 5 步），逐村写好发往各级的记录"),
        ("INSERT INTO journal_entry", "第 4 步（共 5 步），登记凭证，核对控制科目"),
        ("INSERT INTO sync_outbox", "第 5 步（共 5 步），写入磁盘"),
    ],
)
def test_everybody_sees_how_far_a_year_end_has_come(
    desk: CountySite, statement: str, shown: str
) -> None:
    desk.accountant.post("/accounts/year-ends", {"year": "2025"})
    there, go_on = Event(), Event()

    def wait(_connection: object, _cursor: object, sql: str, *_more: object) -> None:
        if sql.lstrip().startswith(statement):
            there.set()
            go_on.wait(20)

    event.listen(desk.site.node.engine, "before_cursor_execute", wait)
    with ThreadPoolExecutor(1) as pool:
        approved = pool.submit(desk.approver.post, "/accounts/year-ends/2025/approval")
        assert there.wait(20)
        page = desk.accountant.get("/accounts")
        told = exposition(desk.site.node)
        piece = words(desk.accountant.get("/accounts/year-ends/progress").text)
        go_on.set()
        assert approved.result().status_code == 303
    assert shown in words(page.text)
    assert page.headers["refresh"] == "2"  # the browser looks again, with JavaScript or without
    assert shown in piece
    assert f"wuji_year_end_step {shown[2]}.0" in told  # at the command line, where no page is
    done = desk.accountant.get("/accounts")
    assert "已结息" in words(done.text)
    assert "refresh" not in done.headers
    assert desk.accountant.get("/accounts/year-ends/progress").text.strip() == ""
    assert "wuji_year_end_step 0.0" in exposition(desk.site.node)


def test_an_account_is_found_by_number_by_name_and_by_citizen_number(desk: CountySite) -> None:
    citizen = next(iter(desk.county.people.values()))
    for text in ("410122-00000001", "1", citizen, "赵样本"):
        found = words(desk.accountant.get(f"/accounts?text={text}").text)
        assert "410122-00000001" in found
        assert "200.00" in found
        assert citizen not in found
    assert "没有找到这个账户" in words(desk.accountant.get("/accounts?text=无此人").text)


def test_the_account_shows_each_year_and_prints_its_statement(desk: CountySite) -> None:
    desk.accountant.post("/accounts/year-ends", {"year": "2025"})
    desk.approver.post("/accounts/year-ends/2025/approval")
    shown = words(desk.accountant.get("/accounts/410122-00000001?year=2025").text)
    assert "2025 年度缴费" in shown
    assert "积数 1,800.00 元·月 × 2.75% ÷ 12 = 4.1250，四舍五入到分" in shown
    assert "204.13" in shown
    carried = words(desk.accountant.get("/accounts/410122-00000001?year=2026").text)
    assert "上年结转" in carried
    printed = words(desk.accountant.get("/accounts/410122-00000001/statements/2025").text)
    assert "个人账户对账单" in printed
    assert "利息按月积数法计算" in printed


def test_a_wrong_posting_is_taken_back_with_a_reason(desk: CountySite) -> None:
    page = desk.accountant.get("/accounts/1?year=2025").text
    assert "/accounts/postings/1/1/reversal" in page
    assert "/reversal" not in desk.approver.get("/accounts/1?year=2025").text

    empty = desk.accountant.post("/accounts/postings/1/1/reversal", {"reason": " "})
    assert empty.status_code == 422
    assert "请写明冲销原因" in words(empty.text)
    done = desk.accountant.post("/accounts/postings/1/1/reversal", {"reason": "扣错人"})
    assert done.headers["location"] == "/accounts/410122-00000001?year=2025"
    shown = words(desk.accountant.get("/accounts/1?year=2025").text)
    assert "红字冲销 扣错人" in shown
    assert "−200.00" in shown
    again = desk.accountant.post("/accounts/postings/1/1/reversal", {"reason": "扣错人"})
    assert again.status_code == 409
    assert "已经冲销" in words(again.text)


def test_every_figure_opens_into_its_evidence(desk: CountySite) -> None:
    ledger = words(desk.accountant.get("/accounts/ledger?year=2025").text)
    assert "借贷平衡" in ledger
    assert "收入户存款" in ledger
    assert "400.00" in ledger
    listed = desk.accountant.get("/accounts/entries?year=2025").text
    assert 'href="/accounts/entries/1?county=410122000000"' in listed
    voucher = words(desk.accountant.get("/accounts/entries/1").text)
    assert "个人账户基金" in voucher
    assert "共 2 笔" in voucher
    assert "410122-00000002" in voucher
    check = words(desk.accountant.get("/accounts/check").text)
    assert "全部相符" in check
    assert "没有负余额" in check


def test_the_person_shows_the_account(desk: CountySite) -> None:
    person = next(iter(desk.county.people))
    shown = words(desk.accountant.get(f"/registry/{person}").text)
    assert "账户余额（元） 200.00" in shown
    assert "410122-00000001" in shown


def test_an_administrator_sees_no_account(desk: CountySite) -> None:
    admin = desk.site.browser("admin", Role.ADMINISTRATOR)
    for path in ("/accounts", "/accounts/1", "/accounts/ledger", "/contributions", "/benefits"):
        assert admin.get(path).status_code == 403


def test_nobody_sees_accounts_of_another_village(desk: CountySite) -> None:
    """A township's clerk for one hosted village has a scope smaller than the node."""
    other = person("李初审", OTHER_VILLAGE, Role.CLERK)
    with desk.county.work(other) as uow:
        with pytest.raises(NotFound, match="不在您负责的区域内"):
            account(uow, RegionCode(COUNTY), 1)
        assert account_counts(uow) == {}


def test_programs_get_the_same_as_json(desk: CountySite) -> None:
    desk.accountant.send("/api/accounts/year-ends", {"year": 2025})
    run = desk.approver.send("/api/accounts/year-ends/2025/approval", {})
    assert (run["accounts"], run["interest_fen"]) == (2, 826)
    assert desk.approver.send("/api/accounts/year-ends/2025/approval", {}) == run
    account = desk.accountant.get("/api/accounts/410122-00000001").json()
    assert (account["balance"], account["total"]) == ({"individual": 20_413}, 20_413)
    statement = desk.accountant.get("/api/accounts/1/statements/2025").json()
    assert [line["fen"] for line in statement["lines"]] == [20_000, 413]
    assert all(found["ok"] for found in desk.accountant.get("/api/accounts/verification").json())
    balance = desk.accountant.get("/api/accounts/trial-balance/2025").json()
    assert balance["difference"] == 0
    missing = desk.accountant.get("/api/accounts/99")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_village_gets_its_statements_in_one_pdf_with_every_fen_explained(
    desk: CountySite,
) -> None:
    desk.accountant.post("/accounts/year-ends", {"year": "2025"})
    desk.approver.post("/accounts/year-ends/2025/approval")
    assert "全村对账单" in words(desk.accountant.get("/accounts").text)

    sent = desk.accountant.get(f"/accounts/statements?village={VILLAGE}&year=2025")
    assert sent.headers["content-type"] == "application/pdf"
    pages = [page.extract_text() for page in PdfReader(BytesIO(sent.content)).pages]
    assert len(pages) == 2
    for number, text in enumerate(pages, 1):
        said = text.replace("\n", "")
        for part in (f"410122-{number:08d}", "2025-03-05 缴费", "积数 1,800.00 元·月 × 2.75% ÷ 12"):
            assert part in said
        assert "204.13" in text

    one = desk.accountant.get("/accounts/410122-00000002/statements/2025.pdf")
    (page,) = PdfReader(BytesIO(one.content)).pages
    assert "410122-00000002" in page.extract_text()

    assert desk.accountant.get("/accounts/statements?village=xx").status_code == 422
    elsewhere = desk.accountant.get("/accounts/statements?village=410122100203&year=2025")
    assert len(PdfReader(BytesIO(elsewhere.content)).pages) == 1  # nobody lives there
