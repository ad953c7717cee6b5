"""The list as it is posted (公示表)."""

from datetime import date

from node.cases.printed import SCHEME, chinese_date
from node.core.paper import Paper

_WHAT = {
    "enrolment": "参保登记",
    "benefit_claim": "待遇领取",
    "category_grant": "特殊群体认定",
}


def notice_pdf(
    rows: list[dict[str, str]], *, matter: str, title: str, place: str, days: int, printed_on: date
) -> bytes:
    """The list on paper: what it is, how to object, the lines, where to sign and seal."""
    what = _WHAT.get(matter, title)
    paper = Paper(f"{what}人员公示表", footer=f"{place}　{chinese_date(printed_on)}打印")
    paper.heading(f"{SCHEME}{what}人员公示表", under=f"单位：{place}　　共 {len(rows)} 人")
    paper.line(
        f"　　下列人员申请办理{SCHEME}{what}，已经初审、复核，现予公示。"
        f"公示期自张贴之日起 {days} 天。"
        "如有异议，请在公示期内向村（居）民委员会、乡镇（街道）或县级经办机构反映，可以不具名。"
    )
    paper.space(3)
    lines = [
        (str(number), row["name"], row["sex"], row["number"], "")
        for number, row in enumerate(rows, start=1)
    ]
    head = ("序号", "姓名", "性别", "公民身份号码", "备注")
    paper.table(head, lines, widths=(1, 3, 1, 4, 3), aligns=("C", "L", "C", "L", "L"))
    paper.space(4)
    paper.line("张贴日期：　　　　年　　月　　日　　　张贴地点：______________________")
    paper.line("监督电话：______________________　　　村（居）民委员会（盖章）")
    return paper.bytes()
