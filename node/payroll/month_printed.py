"""养老金发放情况表: a place's month on paper, for the coordinator who goes from door to door."""

from collections.abc import Iterator, Sequence
from datetime import date

from node.core.divisions import Places
from node.core.errors import Invalid
from node.core.money import yuan
from node.core.paper import Paper
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from node.payroll.month import PRINTED, Came, PersonMonth, people_paid, tallies
from tiers import RegionCode


def month_pdf(
    uow: UnitOfWork, place: RegionCode, month: date, places: Places, *, came: Came | None = None
) -> bytes:
    """The list as PDF: the sums, then everybody, with what to do about whoever was not reached.

    Raises:
        Invalid: it would be longer than `PRINTED` lines.
    """
    found = people_paid(uow, place, month, came=came, size=PRINTED)
    if found.total > PRINTED:
        raise Invalid(f"名单超过 {PRINTED} 人，请选择一个乡镇或村分别打印", field="region")
    name = f"{month.year}年{month.month}月"
    title = "养老金发放情况表"
    paper = Paper(title, landscape=True, footer=f"{places.path(place)}　{uow.today}打印")
    paper.heading(title, under=f"{places.path(place)}　{name}　单位：元")
    paper.facts(
        [
            (each.came.title, f"{each.people} 人　{yuan(each.fen)} 元")
            for each in tallies(uow, place, month)
            if came in {None, each.came}
        ]
    )
    paper.space()
    paper.table(
        ["序号", "姓名", "公民身份号码", "所在村", "金额", "结果", "到账日期", "原因和怎么办"],
        _rows(found.items, places),
        widths=[6, 10, 20, 14, 11, 11, 12, 46],
        aligns=["R", "L", "L", "L", "R", "L", "L", "L"],
    )
    paper.to_sign("协管员", "日期")
    return paper.bytes()


def _rows(people: Sequence[PersonMonth], places: Places) -> Iterator[list[str]]:
    for number, each in enumerate(people, start=1):
        todo = "，".join(
            part for part in (each.why, each.remedy.title if each.remedy else "") if part
        )
        yield [
            str(number),
            each.name,
            mask_citizen_number(each.citizen_number),
            places.name(each.village),
            yuan(each.fen),
            each.came.title,
            each.paid_on.isoformat() if each.paid_on else "",
            "。".join(part for part in todo if part),
        ]
