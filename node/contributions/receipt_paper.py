"""收据 on paper, with a code that any node of the network verifies offline."""

from node.contributions.models import Contribution, Receipt
from node.contributions.payers import accounts_of
from node.contributions.receipts import printed_number
from node.core.clock import shanghai
from node.core.errors import Conflict, Invalid
from node.core.money import yuan
from node.core.paper import Paper
from node.core.signing import attest
from node.core.work import UnitOfWork

TITLE = "城乡居民养老保险缴费收据"
WAYS = {
    "bank": "银行扣款",
    "counter": "窗口缴费",
    "coordinator": "协管员代收",
    "collective": "集体补助",
    "on_behalf": "政府代缴",
}


def cash_receipt(uow: UnitOfWork, receipt: Receipt) -> bytes:
    """The receipt a coordinator hands to whoever paid in cash, signed by the village.

    Raises:
        Conflict: it is void.
        Invalid: it names no year.
    """
    if receipt.voided:
        raise Conflict("该收据已经作废，不能打印")
    if receipt.for_year is None:
        raise Invalid("收据没有缴费年度")
    number = printed_number(receipt.county_code, receipt.receipt_no)
    return _paper(
        uow,
        receipt.village,
        number=number,
        payer=receipt.payer,
        fen=receipt.fen,
        year=receipt.for_year,
        on=receipt.taken_on.isoformat(),
        way="coordinator",
        by=receipt.taken_by_name,
    )


def payment_receipt(uow: UnitOfWork, paid: Contribution) -> bytes:
    """The receipt of a payment that is in the books, signed by the county.

    Raises:
        Conflict: it was reversed.
    """
    if paid.reversed_entry is not None:
        raise Conflict("该笔缴费已经冲销，不能打印收据")
    payer = accounts_of(uow, [paid.account_no]).get(paid.account_no, "")
    return _paper(
        uow,
        paid.county_code,
        number=f"{paid.county_code[:6]}-{paid.entry_no}-{paid.line_no}",
        payer=payer,
        fen=paid.fen,
        year=paid.for_year,
        on=paid.paid_on.isoformat(),
        way=paid.method,
        by=uow.actor.name,
    )


def _paper(
    uow: UnitOfWork,
    signer: str,
    *,
    number: str,
    payer: str,
    fen: int,
    year: int,
    on: str,
    way: str,
    by: str,
) -> bytes:
    facts: dict[str, str | int] = {
        "number": number,
        "payer": payer,
        "fen": fen,
        "year": year,
        "on": on,
        "way": way,
    }
    paper = Paper(TITLE, footer=f"{number}　打印于 {shanghai(uow.now):%Y-%m-%d %H:%M}")
    paper.heading(TITLE, under=f"编号 {number}")
    paper.facts(
        [
            ("缴款人", payer),
            ("缴费年度", f"{year}"),
            ("金额（元）", yuan(fen)),
            ("缴款日期", on),
            ("缴费方式", WAYS.get(way, way)),
            ("经手人", by),
        ]
    )
    paper.space(6)
    paper.line("用本系统任何一级节点的“核验凭证”扫描下面的二维码，不联网也能核验真伪。")
    paper.code(attest(uow.connection, signer, facts))
    paper.to_sign("收款人", "缴款人")
    return paper.bytes()
