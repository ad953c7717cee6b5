"""Opening balances: every cell is looked at, totals agree to the fen, two people, one voucher."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from node.accounts.balances import balances
from node.accounts.books_paper import signed_facts
from node.accounts.opening import accept_opening, check_opening, openings, request_opening
from node.accounts.opening_file import read_opening
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.contributions.closing import close_day, close_month, transfer
from node.contributions.service import confirm_payments
from node.core.errors import Conflict, Forbidden, Invalid
from node.core.signing import attest
from tests.fixtures.county import COUNTY, County, closing, open_county, payments, publish_rate
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.sites import with_places

NEW_YEAR = date(2025, 1, 10)
HEAD = ["姓名", "身份证号", "个人缴费（元）", "省级补贴", "合计", "备注"]


def workbook(*rows: list[object]) -> bytes:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["个人账户期初余额"])
    for at, row in enumerate([HEAD, *rows], start=1):
        sheet.write_row(at, 0, row)
    book.close()
    return content.getvalue()


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        found.enrol(date(1980, 1, 1), date(1981, 1, 1))
        yield found


def numbers(county: County) -> list[str]:
    return list(county.people.values())


def good(county: County) -> bytes:
    one, two = numbers(county)
    return workbook(
        ["赵样本", one, 1234.56, 100, 1334.56, ""],
        ["赵样本", two, "2,000.00", "", "", "老户"],
        ["合计", "", 3234.56, 100, 3334.56, ""],
    )


def ask(county: County, content: bytes, *, people: int = 2, fen: int = 333_456) -> str:
    with county.work(county.accountant) as uow:
        return request_opening(
            uow,
            content,
            filename="期初.xlsx",
            people=people,
            fen=fen,
            as_of=date(2024, 12, 31),
        ).id


def test_a_file_is_put_up_by_one_and_accepted_by_another(county: County) -> None:
    asked = ask(county, good(county))
    with pytest.raises(Forbidden, match="审批"), county.work(county.accountant) as uow:
        accept_opening(uow, asked)
    with county.work(county.approver) as uow:
        done = accept_opening(uow, asked)
        assert done.entry_no == 1
    with county.work() as uow:
        assert balances(uow, [1, 2]) == {
            1: {Source.INDIVIDUAL: 123_456, Source.SUBSIDY_PROVINCE: 10_000},
            2: {Source.INDIVIDUAL: 200_000},
        }
        assert [each.detail for each in verify(uow) if not each.ok] == []
    with pytest.raises(Invalid, match="已经有期初余额"):
        ask(county, good(county))
    county.on(date(2026, 1, 5))
    publish_rate(county, 2025, ppm=30_000)
    with county.work() as uow:  # what was there at New Year earns all twelve months
        close_year(uow, 2025)
        assert balances(uow, [2]) == {2: {Source.INDIVIDUAL: 206_000}}


def test_control_totals_agree_to_the_fen_or_nothing_is_put_up(county: County) -> None:
    with pytest.raises(Invalid, match=r"相差 0\.01 元"):
        ask(county, good(county), fen=333_455)
    with pytest.raises(Invalid, match="文件有 2 人，控制数为 3 人"):
        ask(county, good(county), people=3)


def test_every_wrong_cell_is_named(county: County) -> None:
    one, two = numbers(county)
    content = workbook(
        ["钱错名", one, 100, 0, 100, ""],
        ["赵样本", two, "十元", 10.001, 100, ""],
        ["赵样本", two, -1, "", "", ""],
        ["无此人", "410199198001019996", 1, "", 2, ""],
        ["赵样本", "", 1, "", "", ""],
    )
    with county.work(county.accountant) as uow:
        found = check_opening(uow, content, filename="x.xlsx")
    assert [(each.row, each.column) for each in found.problems] == [
        (3, "姓名"),
        (4, "个人缴费"),
        (4, "省级补贴"),
        (4, "合计"),
        (5, "公民身份号码"),
        (5, "个人缴费"),
        (6, "合计"),
        (6, "公民身份号码"),
        (7, "公民身份号码"),
    ]
    assert found.file.ignored == ["备注"]
    with pytest.raises(Invalid, match="有 9 处需要改正"):
        ask(county, content)


def test_who_got_a_balance_since_is_not_given_a_second(county: County) -> None:
    first = ask(county, good(county))
    one, _ = numbers(county)
    other = ask(county, workbook(["赵样本", one, 5, "", "", ""]), people=1, fen=500)
    with county.work(county.approver) as uow:
        accept_opening(uow, other)
    with pytest.raises(Conflict, match="已经有期初余额"), county.work(county.approver) as uow:
        accept_opening(uow, first)


def test_a_csv_in_gbk_is_read_and_a_file_without_headings_is_not() -> None:
    text = "姓名,公民身份号码,老农保\n张三,41019919800101001X,12.30\n"
    found = read_opening(text.encode("gbk"), filename="旧.csv")
    assert (found.total, found.rows[0].fen) == (1_230, {Source.LEGACY_RURAL: 1_230})
    with pytest.raises(Invalid, match="没有找到表头"):
        read_opening(b"a,b\n1,2\n", filename="x.csv")


@pytest.fixture
def desk(migrated_sqlite: Path, tmp_path: Path) -> Iterator[CountySite]:
    template = with_places(migrated_sqlite, tmp_path, COUNTY)
    with open_county_site(template, tmp_path) as found:
        found.county.enrol(date(1980, 1, 1), date(1981, 1, 1))
        yield found.on(NEW_YEAR)


def test_the_pages_look_keep_what_was_typed_accept_and_print(desk: CountySite) -> None:
    content = good(desk.county)
    typed = {"people": "2", "total": "3334.57", "as_of": "2024-12-31"}

    def send(intent: str) -> str:
        sent = desk.accountant.post(
            "/accounts/openings",
            {**typed, "intent": intent},
            files={"file": ("期初.xlsx", content)},
        )
        return words(sent.text) if sent.status_code != 303 else "303"

    assert "核对结果：期初.xlsx" in send("look")
    refused = send("ask")
    assert "相差 −0.01 元" in refused
    assert "核对结果" in refused
    typed["total"] = "3,334.56"
    assert send("ask") == "303"
    listed = desk.approver.get("/accounts/openings").text
    accept = next(part.split('"')[0] for part in listed.split('action="') if "/acceptance" in part)
    assert desk.approver.post(accept).status_code == 303
    pdf = desk.accountant.get(accept.removesuffix("/acceptance") + ".pdf").content
    text = PdfReader(BytesIO(pdf)).pages[0].extract_text()
    for said in ("个人账户期初数据验收单", "3,334.56", "验收合格，已记账", "期初.xlsx", "省级补贴"):
        assert said in text
    assert "扫描下面的二维码" in text
    with desk.county.work() as uow:
        (request,) = openings(uow)
        code = attest(uow.connection, COUNTY, signed_facts(request, "2025-01-10"))
    proved = words(desk.approver.post("/contributions/verify", {"code": code}).text)
    for said in ("凭证真实", "期初数据验收单", "3,334.56", "验收合格，已记账", request.subject):
        assert said in proved
    assert "凭证真实" not in desk.approver.post("/contributions/verify", {"code": code[:-9]}).text


def test_months_are_closed_on_a_page_and_workbooks_can_be_summed(desk: CountySite) -> None:
    with desk.county.on(date(2025, 3, 5)).work(desk.county.accountant) as uow:
        confirm_payments(uow, payments([1, 2]))
    desk.on(date(2025, 4, 2))
    assert "结账" in words(desk.accountant.get("/accounts/books?year=2025").text)
    refused = desk.accountant.post("/accounts/books/2025/3/lock")
    assert refused.status_code == 422  # no way around the bank's statement
    for why in ("收入户还没有与银行对平", "还有 1 天没有对账：5 日", "400.00 元没有划转"):
        assert why in words(refused.text)
    with desk.county.on(date(2025, 4, 2)).work(desk.county.accountant) as uow:
        last = date(2025, 3, 31)
        transfer(uow, fen=40_000, on=last, reference="划拨单1")
        close_day(uow, date(2025, 3, 5), bank_fen=40_000)
        close_day(uow, last, bank_fen=0)
        close_month(uow, 2025, 3, bank_balance_fen=0)
    shown = words(desk.approver.get("/accounts/books?year=2025").text)
    assert "已结账" in shown
    empty = desk.approver.post("/accounts/books/2025/3/reopen", {"reason": " "})
    assert "请写明反结账原因" in words(empty.text)
    assert (
        desk.approver.post("/accounts/books/2025/3/reopen", {"reason": "漏记"}).status_code == 303
    )
    assert "漏记" in words(desk.accountant.get("/accounts/books?year=2025").text)
    assert desk.accountant.post("/accounts/books/2025/3/lock").status_code == 422
    closing = {"year": "2025", "month": "3", "balance": "0.00"}  # the bank's balance, stated anew
    assert desk.accountant.post("/contributions/periods/month", closing).status_code == 303
    assert desk.approver.post("/accounts/books/2025/4/lock").status_code == 403

    for path, column, fen in (
        (
            "/accounts/ledger.xlsx?year=2025",
            4,
            80_000,
        ),  # what came in, and on to the fiscal account
        ("/accounts/1/statements/2025.xlsx", 4, 20_000),
    ):
        content = desk.accountant.get(path).content
        rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
        figures = [row[column] for row in rows[3:] if row[0] != "合计"]
        assert all(isinstance(each, float) for each in figures if each != "")
        assert sum(each for each in figures if isinstance(each, float)) * 100 == fen


def test_a_rate_published_anew_is_corrected_on_the_page_by_two_people(desk: CountySite) -> None:
    with desk.county.on(date(2025, 3, 5)).work(desk.county.accountant) as uow:
        confirm_payments(uow, payments([1, 2]))
    desk.on(date(2026, 1, 5))
    publish_rate(desk.county, 2025, ppm=20_000)
    with desk.county.work() as uow:
        close_year(uow, 2025)
    publish_rate(desk.county, 2025, ppm=30_000)
    assert "2.00% 3.00%" in words(desk.accountant.get("/accounts/books").text)
    assert desk.accountant.post("/accounts/books/rates", {"year": "2025"}).status_code == 303
    shown = desk.approver.get("/accounts/books").text
    assert "3.00" in words(shown)  # 200.00 × 9 months × 1 % ÷ 12 = 1.50, twice
    approval = next(p.split('"')[0] for p in shown.split('action="') if "/approval" in p)
    assert desk.approver.post(approval).status_code == 303
    assert "已记账" in words(desk.accountant.get("/accounts/books").text)
    statement = words(desk.accountant.get("/accounts/1?year=2025").text)
    assert "年利率 2.00% → 3.00%，利息 3.00 → 4.50 元，差额 1.50 元" in statement


def test_a_posting_missed_last_year_is_put_up_and_posted_by_two_people(desk: CountySite) -> None:
    desk.on(date(2026, 1, 5))
    publish_rate(desk.county, 2025, ppm=30_000)
    with desk.county.work(desk.county.accountant) as uow:
        confirm_payments(uow, payments([1]))
    with desk.county.work() as uow:
        close_year(uow, 2025)
    typed = {"source": "collective", "amount": "100", "paid_on": "2025-06-10", "reason": "回单漏记"}
    for wrong, said in (
        ({"amount": "-5"}, "金额应大于零"),
        ({"paid_on": "2026-01-02"}, "只补记已经结息的年度"),
        ({"paid_on": "去年"}, "日期写作 2025-12-31"),
        ({"reason": ""}, "请写明补记原因"),
        ({"source": ""}, "请选择资金来源"),
    ):
        refused = desk.accountant.post("/accounts/1/late", {**typed, **wrong})
        assert refused.status_code == 422
        assert said in words(refused.text)
    assert desk.accountant.post("/accounts/1/late", typed).status_code == 303
    shown = desk.approver.get("/accounts/books").text
    assert "回单漏记" in words(shown)
    approval = next(p.split('"')[0] for p in shown.split('action="') if "/late/" in p)
    assert desk.approver.post(approval).status_code == 303
    statement = words(desk.accountant.get("/accounts/1?year=2026").text)
    # 100.00 from July on: six months at 3 % come to 1.50
    assert "2025 年度集体补助 2026-01-05 补记，自年初起计息" in statement
    assert "2025 年度利息更正 更正以前年度利息：补记 2025 年：回单漏记" in statement
    with desk.county.work() as uow:
        assert balances(uow, [1])[1][Source.COLLECTIVE] == 10_150


def test_programs_post_late_by_two_people_too(desk: CountySite) -> None:
    desk.on(date(2026, 1, 6))
    publish_rate(desk.county, 2025, ppm=30_000)
    with desk.county.work(desk.county.accountant) as uow:
        confirm_payments(uow, payments([1]))
    with desk.county.work() as uow:
        close_year(uow, 2025)
    path = "/api/accounts/late-postings"
    body = {"number": "1", "source": "collective", "fen": 10_000, "paid_on": "2025-06-10"}
    asked = desk.accountant.send(path, {**body, "reason": "村集体补助回单漏记"})
    done = desk.approver.send(f"{path}/{asked['id']}/approval", {})
    assert done["entry_no"] == 3
    corrections = desk.accountant.get("/api/accounts/1/statements/2025").json()["corrections"]
    assert [(each["source"], each["fen"]) for each in corrections] == [("collective", 150)]
