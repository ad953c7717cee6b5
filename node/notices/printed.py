"""The list as it is posted (公示表)."""

from datetime import date
from typing import Any

from node.cases.printed import SCHEME, chinese_date
from node.core.paper import Align, Paper
from node.notices.yearly import YearlyList

_WHAT = {
    "enrolment": "参保登记",
    "benefit_claim": "待遇领取",
    "category_grant": "特殊群体认定",
}


def notice_pdf(
    rows: list[dict[str, Any]],
    *,
    matter: str,
    title: str,
    place: str,
    days: int,
    printed_on: date,
    yearly: YearlyList | None = None,
    year: int | None = None,
) -> bytes:
    """The list on paper: what it is, how to object, the lines, where to sign and seal."""
    what = f"{year} 年度{title}" if yearly else f"{_WHAT.get(matter, title)}人员"
    said = f"申请办理{SCHEME}{_WHAT.get(matter, title)}，已经初审、复核，现予公示。"
    said = f"{year} 年度{yearly.said}" if yearly else said
    paper = Paper(f"{what}公示表", footer=f"{place}　{chinese_date(printed_on)}打印")
    paper.heading(f"{SCHEME}{what}公示表", under=f"单位：{place}　　共 {len(rows)} 人")
    paper.line(
        f"　　下列人员{said}公示期自张贴之日起 {days} 天。"
        "如有异议，请在公示期内向村（居）民委员会、乡镇（街道）或县级经办机构反映，可以不具名。"
    )
    paper.space(3)
    more = tuple(yearly.columns) if yearly else ("备注",)
    lines = [
        (str(number), row["name"], row["sex"], row["number"], *row.get("values", [""]))
        for number, row in enumerate(rows, start=1)
    ]
    head = ("序号", "姓名", "性别", "公民身份号码", *more)
    widths = (1, 3, 1, 4, *(2 if yearly else 3 for _ in more))
    aligns: tuple[Align, ...] = ("C", "L", "C", "L", *("R" if yearly else "L" for _ in more))
    paper.table(head, lines, widths=widths, aligns=aligns)
    paper.space(4)
    paper.line("张贴日期：　　　　年　　月　　日　　　张贴地点：______________________")
    paper.line("监督电话：______________________　　　村（居）民委员会（盖章）")
    return paper.bytes()
