"""领取资格认证提醒单: slips to cut and hand out before a certificate runs out, four on a page."""

from datetime import date

from node.benefits import certification_round as going_round
from node.cases.printed import chinese_date
from node.core.divisions import Places
from node.core.errors import Invalid
from node.core.paper import Paper
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from tiers import RegionCode

A_PAGE = 4
SLIP = 74.0
"""Height of a slip, in millimetres."""


def reminders_pdf(uow: UnitOfWork, place: RegionCode, places: Places) -> bytes:
    """Slips for everybody of a place who has to be seen and is not reported yet.

    Raises:
        Invalid: there is nobody.
    """
    listed = going_round.listed(uow, place, everybody=False)
    waiting = [row for row in listed if not row["reported"]]
    if not waiting:
        raise Invalid("现在没有要提醒的人")
    paper = Paper("领取资格认证提醒单")
    for number, row in enumerate(waiting):
        slot = number % A_PAGE
        if number and not slot:
            paper.new_page()
        paper.line("领取资格认证提醒单", size=14, align="C")
        paper.space(2)
        paper.prose(f"{row['name']}（{mask_citizen_number(row['citizen_number'])}）：")
        paper.prose(_words(row["certified_until"], on=uow.today))
        paper.line(f"{places.path(row['village'])}　{chinese_date(uow.today)}", align="R")
        if slot < A_PAGE - 1:
            paper.cut("沿此线裁开", at=SLIP * (slot + 1))
    return paper.bytes()


def _words(until: date, *, on: date) -> str:
    when = "已于" if until < on else "将于"
    return (
        f"您的养老金领取资格认证{when}{chinese_date(until)}到期。"
        "请带身份证找村协管员当面认证；行动不便的，请告诉协管员上门办理。"
        "没有认证的会暂停发放养老金，认证以后恢复并补发。"
    )
