"""Printed and exported forms of the books: the acceptance sheet, the trial balance as Excel."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from node.accounts.general_ledger import TrialBalance
from node.accounts.models import LedgerRequest
from node.accounts.sources import Source
from node.accounts.statement import Statement
from node.core.clock import business_date
from node.core.money import yuan
from node.core.paper import Paper
from node.core.signing import Facts, attest
from node.core.work import UnitOfWork

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

FEN_PER_YUAN = 100


OPENING = "opening"
"""What the code on an acceptance sheet says it is."""


def acceptance_sheet(uow: UnitOfWork, request: LedgerRequest, *, office: str) -> bytes:
    """期初数据验收单: what was taken over, control totals, who put it up and who accepted it.

    Once decided it is signed by the county's node: its code holds the file's fingerprint and the
    totals, and any node verifies it with no line.

    Raises:
        Unavailable: it is decided, and this node has not joined the network yet.
    """
    told = request.told
    paper = Paper("期初数据验收单", footer=office)
    paper.heading("个人账户期初数据验收单", under=office)
    decided = business_date(request.decided_at).isoformat() if request.decided_at else "待验收"
    paper.facts(
        [
            ("数据文件", str(told["filename"])),
            ("期初日", str(told["as_of"])),
            ("人数控制数", f"{told['people']:,} 人"),
            ("金额控制数", f"{yuan(told['fen'])} 元"),
            ("提交人", request.requested_by_name),
            ("提交日期", business_date(request.requested_at).isoformat()),
            ("验收人", request.decided_by_name or "待验收"),
            ("验收日期", decided),
            ("记账凭证", str(request.entry_no or "未记账")),
            ("结论", _verdict(request)),
        ]
    )
    paper.line(f"文件指纹（SHA-256）：{request.subject}", size=8)
    paper.section("各来源金额")
    parts = [[Source(name).title, yuan(fen)] for name, fen in told["by_source"].items()]
    paper.table(
        ["来源", "金额（元）"],
        [*parts, ["合计", yuan(told["fen"])]],
        widths=[2, 1],
        aligns=["L", "R"],
    )
    paper.line("文件逐行核对无误，人数和金额与原系统控制数一致，一次记入一张凭证。")
    if request.decided_at:
        paper.line("用本系统任何一级节点的“核验凭证”扫描下面的二维码，不联网也能核验真伪。")
        paper.code(attest(uow.connection, request.county_code, signed_facts(request, decided)))
    paper.to_sign("提交人", "验收人", "单位（盖章）")
    return paper.bytes()


def signed_facts(request: LedgerRequest, decided: str) -> Facts:
    """What the code of an acceptance sheet says; amounts in fen."""
    told = request.told
    return {
        "what": OPENING,
        "number": f"{request.county_code[:6]}-{request.entry_no or 0}",
        "verdict": _verdict(request),
        "file": request.subject,
        "people": int(told["people"]),
        "fen": int(told["fen"]),
        "as_of": str(told["as_of"]),
        "asked_by": request.requested_by_name,
        "decided_by": request.decided_by_name,
        "on": decided,
    }


def _verdict(request: LedgerRequest) -> str:
    if request.decided_at is None:
        return "待验收"
    return "验收合格，已记账" if request.is_approved else "不予验收"


def trial_balance_workbook(balance: TrialBalance, *, title: str) -> bytes:
    """科目余额表 whose figures are numbers in yuan and whose totals are formulas."""
    rows = [
        [
            row.number,
            row.title,
            "借" if row.side == "debit" else "贷",
            *(row.opening, row.debit, row.credit, row.closing),
        ]
        for row in balance.rows
    ]
    heads = ["编号", "科目", "方向", "年初余额", "本年借方", "本年贷方", "期末余额"]
    return _workbook("科目余额表", title, heads, rows, money=range(3, 7), summed=(4, 5))


def statement_workbook(statement: Statement, *, title: str) -> bytes:
    """An account's year: every posting a number, and their sum a formula."""
    rows = [
        [line.on.isoformat(), line.summary, line.source.title, line.basis, line.fen, line.balance]
        for line in statement.lines
    ]
    heads = ["日期", "摘要", "来源", "依据", "金额", "余额"]
    return _workbook("明细", title, heads, rows, money=(4, 5), summed=(4,))


def _workbook(
    name: str,
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    money: Sequence[int],
    summed: Sequence[int],
) -> bytes:
    import xlsxwriter  # noqa: PLC0415  # only this download needs it

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet: Worksheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True})
    amount = book.add_format({"num_format": "#,##0.00"})
    total = book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1})
    sheet.write(0, 0, f"{title}　单位：元", bold)
    sheet.write_row(2, 0, heads, bold)
    first = 3
    for at, row in enumerate(rows, start=first):
        for column, value in enumerate(row):
            if column in money and value is not None:
                sheet.write_number(at, column, value / FEN_PER_YUAN, amount)
            elif value is not None:
                sheet.write_string(at, column, str(value))
    last = first + len(rows)
    sheet.write_string(last, 0, "合计", bold)
    for column in summed if rows else ():
        letter = "ABCDEFG"[column]
        known = sum(row[column] or 0 for row in rows) / FEN_PER_YUAN
        sheet.write_formula(last, column, f"=SUM({letter}{first + 1}:{letter}{last})", total, known)
    sheet.set_column(0, len(heads) - 1, 16)
    sheet.freeze_panes(first, 0)
    book.close()
    return content.getvalue()
