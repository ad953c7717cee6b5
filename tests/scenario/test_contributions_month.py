"""The accountant's month over HTTP: orders, the bank, the queue, receipts, closing, exports."""

import io
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from node.contributions.models import ContributionOrder, ReceiptSeries
from node.contributions.payers import accounts, enrolments
from node.policy.models import Bulletin
from node.registry.models import Person
from tests.fixtures.banking import text_file
from tests.fixtures.collecting import said, with_cards
from tests.fixtures.county import COUNTY, PROVINCE, VILLAGE
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.offices import Office
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Site, join, open_site, with_places
from tiers import RegionCode, Role

AUTUMN = date(2025, 9, 1)


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[CountySite]:
    with open_county_site(template, tmp_path) as found:
        with_cards(found.county, 3)
        yield found.on(AUTUMN)


def sent(desk: CountySite) -> int:
    """Orders made, a batch made, its file carried to the bank."""
    clerk = desk.accountant
    assert clerk.post("/contributions/orders", {"year": "2025"}).status_code == 303
    answer = clerk.post("/contributions/withholding", {"year": "2025", "bank": "rural_credit"})
    assert answer.headers["location"] == "/banking/batches/1"
    file = clerk.get("/banking/batches/1/files/1")
    assert len(file.content.decode("gbk").splitlines()) == 3
    control = clerk.get("/banking/batches/1/files/1?control=1")
    assert control.content == b"YHDK00000101.TXT|3|600.00\n"
    assert clerk.post("/banking/batches/1/sent").status_code == 303
    return 1


def loaded(desk: CountySite, name: str, rows: list[tuple[int, int, str, int, str]]) -> str:
    """Load a result file with its control totals; where that leads."""
    form = {
        "bank": "rural_credit",
        "lines": str(len(rows)),
        "yuan": f"{sum(row[3] for row in rows) / 100:.2f}",
    }
    file = {"file": (name, text_file(rows))}
    answer = desk.accountant.post("/banking/results", form, files=file)
    assert answer.status_code == 303, words(answer.text)
    return answer.headers["location"]


def test_a_month_from_orders_to_its_closing(desk: CountySite) -> None:
    clerk = desk.accountant
    reviewer = desk.site.browser("li", Role.REVIEWER)
    rows = said(desk.county, sent(desk))
    stranger = (1, 99, "过路人", 12_345, "AAAAAAA")
    good = [*rows[:2], stranger]
    assert "taken=1" in loaded(desk, "YHDKFK1_S.TXT", good)
    assert "again=1" in loaded(desk, "YHDKFK2_S.TXT", good)
    loaded(desk, "YHDKFK1_F.TXT", [(*rows[2][:4], "E000001")])
    assert "账户余额不足" in words(clerk.get("/banking/batches/1?state=failed").text)
    assert "本机构没有报送过这一笔" in words(clerk.get("/banking/results/1").text)
    assert "收到 2 次" in words(clerk.get("/banking").text)

    assert "待查款项 1" in words(clerk.get("/contributions").text)
    page = words(clerk.get("/contributions/queue/1").text)
    assert "缴款人不明" in page
    assert "123.45" in page
    wrong = clerk.post("/contributions/queue/1/proposal", {"way": "refund", "reason": ""})
    assert "请写明理由" in words(wrong.text)
    clerk.post("/contributions/queue/1/proposal", {"way": "refund", "reason": "查无此人"})
    assert clerk.post("/contributions/queue/1/decision", {"answer": "approve"}).status_code == 403
    answer = reviewer.post("/contributions/queue/1/decision", {"answer": "approve"})
    assert answer.status_code == 303

    desk.on(date(2025, 10, 2))
    month = "/contributions/periods?year=2025&month=9"
    assert "收入户还有 400.00 元没有划转财政专户" in words(clerk.get(month).text)
    early = clerk.post("/contributions/periods/month", {"year": "2025", "month": "9"})
    assert early.status_code == 422
    day = {"day": "2025-09-01", "yuan": "1.00"}
    assert "相差 −399.00 元" in words(clerk.post("/contributions/periods/day", day).text)
    clerk.post("/contributions/periods/day", {**day, "yuan": "400.00"})
    transfer = {"on": "2025-09-30", "yuan": "400", "reference": "T1"}
    clerk.post("/contributions/periods/transfer", transfer)
    clerk.post("/contributions/periods/day", {"day": "2025-09-30", "yuan": "0"})
    closing = {"year": "2025", "month": "9", "balance": "0.00"}
    answer = clerk.post("/contributions/periods/month", closing)
    assert answer.status_code == 303, words(answer.text)
    assert "已于" in words(clerk.get(month).text)


def test_exports_add_up(desk: CountySite) -> None:
    rows = said(desk.county, sent(desk))
    loaded(desk, "YHDKFK1_S.TXT", [*rows, (1, 9, "过路人", 50, "AAAAAAA")])
    for path, column, total in (
        ("/contributions/orders.xlsx?year=2025", 5, 600.0),
        ("/contributions/cockpit.xlsx?year=2025", 3, 600.0),
        ("/contributions/cockpit.xlsx?year=2025", 5, 600.0),
        ("/contributions/queue.xlsx", 4, 0.5),
        ("/contributions/periods.xlsx?year=2025&month=9", 1, 600.5),
    ):
        content = desk.accountant.get(path).content
        table = (
            CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        )
        assert table[-1][0] == "合计"
        amounts = [row[column] for row in table[1:-1]]
        assert all(isinstance(each, float) for each in amounts)  # a text would not be summed
        assert sum(amounts) == table[-1][column] == total


def test_a_grade_is_changed_until_the_year_is_at_the_bank(desk: CountySite) -> None:
    clerk = desk.accountant
    clerk.post("/contributions/orders", {"year": "2025"})
    path = "/contributions/orders/1/2025/grade"
    assert "请选择缴费档次" in words(clerk.post(path, {"grade_fen": ""}).text)
    assert clerk.post(path, {"grade_fen": "50000"}).status_code == 303
    assert "500" in words(clerk.get("/contributions/orders?year=2025").text)
    clerk.post("/contributions/withholding", {"year": "2025", "bank": "workbook"})
    assert "已报银行扣款" in words(clerk.post(path, {"grade_fen": "20000"}).text)
    nobody = clerk.post("/contributions/withholding", {"year": "2025", "bank": "workbook"})
    assert "没有可以报银行扣款的人" in words(nobody.text)


def test_money_nobody_can_place_is_taken_in(desk: CountySite) -> None:
    clerk = desk.accountant
    form = {
        "kind": "unknown_payer",
        "yuan": "88.00",
        "received_on": "2025-09-01",
        "reference": "YH1",
        "payer": "某某",
    }
    bad = clerk.post("/contributions/queue/new", {**form, "yuan": "八十八"})
    assert bad.status_code == 422
    assert "某某" in bad.text  # nothing typed is lost
    answer = clerk.post("/contributions/queue/new", form)
    assert answer.headers["location"] == "/contributions/queue/1"
    assert clerk.post("/contributions/queue/new", form).status_code == 409


def test_a_counter_payment_has_a_receipt_that_is_verified(desk: CountySite) -> None:
    clerk = desk.accountant
    form = {
        "payer": next(iter(desk.county.people.values())),
        "for_year": "2025",
        "grade_fen": "20000",
        "method": "counter",
        "reference": "S1",
        "paid_on": "2025-09-01",
    }
    where = clerk.post("/contributions/payments/new", form).headers["location"]
    link = re.search(r'href="(/contributions/payments/[^"]+pdf)"', clerk.get(where).text)
    assert link is not None
    pdf = clerk.get(link[1])
    text = PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    assert "200.00" in text
    assert "窗口缴费" in text


@pytest.fixture
def village(desk: CountySite, template: Path, tmp_path: Path) -> Iterator[tuple[Site, Browser]]:
    """The village's own node, where the year's orders and receipt numbers have arrived."""
    site = open_site(
        VILLAGE,
        url=sqlite_copy(template, tmp_path / "village.sqlite"),
        folder=tmp_path,
        clock=desk.clock,
    )
    join(desk.site, site)
    desk.accountant.post("/contributions/orders", {"year": "2025"})
    series = {"village": VILLAGE, "count": "5"}
    assert desk.accountant.post("/contributions/receipts/series", series).status_code == 303
    ways = [{"way": "coordinator", "region": PROVINCE, "first": "01-01", "last": "12-31"}]
    with desk.county.work() as here, Office(RegionCode(VILLAGE), site.node.engine).work() as there:
        for table in (ContributionOrder, ReceiptSeries, Bulletin, Person):
            for row in here.session.scalars(select(table)):
                there.session.add(table(**row.model_dump()))
        for table in (accounts, enrolments):
            rows = [dict(row) for row in here.connection.execute(select(table)).mappings()]
            there.connection.execute(table.insert(), rows)
        old = here.session.scalars(select(Bulletin)).first()
        assert old is not None
        new = {"id": "ways", "number": "ways", "kind": "collection_ways", "body": {"ways": ways}}
        there.session.add(Bulletin(**{**old.model_dump(), **new}))
    yield site, site.browser("zhang", Role.COORDINATOR)
    site.close()


def test_a_coordinator_collects_and_hands_over(
    desk: CountySite, village: tuple[Site, Browser]
) -> None:
    site, coordinator = village
    page = coordinator.get("/contributions/receipts")
    assert "收款并开收据" in words(page.text)
    assert "赵样本" in words(page.text)
    answer = coordinator.post("/contributions/receipts", {"account_no": "1", "for_year": "2025"})
    assert answer.headers["location"] == "/contributions/receipts?done=1"
    pdf = coordinator.get("/contributions/receipts/1.pdf")
    text = PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    assert "410122-R00000001" in text
    again = coordinator.post("/contributions/receipts", {"account_no": "1", "for_year": "2025"})
    assert "已经开过收据" in words(again.text)
    coordinator.post("/contributions/receipts", {"account_no": "2", "for_year": "2025"})
    unsaid = coordinator.post("/contributions/receipts/2/void", {"reason": " "})
    assert "请写明作废原因" in words(unsaid.text)
    coordinator.post("/contributions/receipts/2/void", {"reason": "写错"})
    assert coordinator.post("/contributions/receipts/handover").status_code == 303
    assert "等待县级清点" in words(coordinator.get("/contributions/receipts").text)
    assert site.region == VILLAGE
    bad = coordinator.post("/contributions/verify", {"code": "https://example"})
    assert "这不是本网络凭证的二维码" in words(bad.text)
