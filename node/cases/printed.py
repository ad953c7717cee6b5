"""Cases on paper: the official form of a matter, and the receipt its applicant takes home.

Source of the layouts: the forms annexed to 人社部发〔2014〕23号 (参保, 变更, 注销登记表): facts in
a ruled grid, the applicant's declaration, then the opinions of village, township and county with
name, date and seal. Numbers stand in full on paper, so printing is recorded as reading them is.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from node.cases import service
from node.cases.matter import Matter, matter_of
from node.cases.models import Case, CaseStep
from node.cases.papers import read_papers
from node.cases.rules import Action, State
from node.cases.sheet import REGISTERED, Line, sheet
from node.cases.steps import due_on, path_of
from node.core.access import record_access
from node.core.clock import shanghai
from node.core.divisions import Places
from node.core.paper import Paper, label_width
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from tiers import Level

SCHEME = "城乡居民基本养老保险"
DECLARATION = (
    "本人自愿办理以上业务，所填内容和所附材料真实有效，同意经办机构为办理业务核验相关信息。"
)
WIDTHS = {"4": 16.0, "6": 20.0, "10": 25.0, "14": 34.0, "20": 50.0}
HALF = 148.5
_BLANK_DATE = "　　　年　　月　　日"
_DESKS = {
    Action.SUBMIT: "村（居）委会意见",
    Action.FIRST_REVIEW: "乡镇（街道）经办机构意见",
    Action.REVIEW: "县级经办机构复核意见",
    Action.APPROVE: "县级经办机构审批意见",
}
_ENTERED_ABOVE = "受理意见"


def forms_pdf(uow: UnitOfWork, case_ids: Sequence[str], places: Places) -> bytes:
    """The official forms of cases, each on a page of its own, in the order asked for.

    Raises:
        NotFound: one is not here, or not in the region the actor works for.
    """
    cases = _printable(uow, case_ids)
    matter = matter_of(cases[0].matter)
    paper = Paper(paper_title(matter), footer=_printed_by(uow, places))
    for place, case in enumerate(cases):
        if place:
            paper.new_page()
        _form(uow, paper, case, places)
        record_access(
            uow, case.id, what=f"{case.number}的完整表单", reason="打印登记表", about="case"
        )
    return paper.bytes()


def receipts_pdf(uow: UnitOfWork, case_ids: Sequence[str], places: Places) -> bytes:
    """Receipts (受理回执): the applicant's half and the stub, one page for each case.

    Raises:
        NotFound: as `forms_pdf`.
    """
    cases = _printable(uow, case_ids)
    paper = Paper("受理回执", footer=_printed_by(uow, places))
    for place, case in enumerate(cases):
        if place:
            paper.new_page()
        _receipt(uow, paper, case, places, copy="申请人留存", top=6.0)
        paper.cut("沿此线裁开", at=HALF)
        _receipt(uow, paper, case, places, copy="经办机构存根", top=HALF + 4)
    return paper.bytes()


def paper_title(matter: Matter[Any]) -> str:
    """The name of a matter's form."""
    return matter.paper_title or f"{SCHEME}{matter.title}表"


def _printable(uow: UnitOfWork, case_ids: Sequence[str]) -> list[Case]:
    return [service.case_of(uow, case_id) for case_id in dict.fromkeys(case_ids)]


def _printed_by(uow: UnitOfWork, places: Places) -> str:
    return f"{places.path(uow.node)}　{uow.actor.name}　{chinese_date(uow.today)}打印"


def _form(uow: UnitOfWork, paper: Paper, case: Case, places: Places) -> None:
    matter = matter_of(case.matter)
    shown = sheet(uow, matter, case, full=True)
    paper.qr(case.number, under=case.number[-13:])
    place = places.path(case.village)
    paper.heading(paper_title(matter), under=f"{place}　　受理号：{case.number}")
    lines = [line for _, part in shown["groups"] for line in part]
    registered = shown["before_title"] == REGISTERED
    changed = [line for line in lines if line.changed] if registered else []
    plain = [line for line in lines if line not in changed and (line.words or not registered)]
    for row in packed(plain, paper.width):
        paper.grid([row])
    if changed:
        rows = [(line.title, line.before or "（无）", line.words) for line in changed]
        paper.table(("变更项目", "变更前", "变更后"), rows, widths=(2, 4, 4))
    if attached := _attached(case):
        paper.grid([[("所附材料", attached, 0.0)]])
    paper.box("申请人声明", DECLARATION, bottom=f"申请人（签字或手印）：　　　　　　{_BLANK_DATE}")
    for label, text, bottom in opinions(uow, case):
        paper.box(label, text, bottom=bottom)
    paper.line("本表一式两份，申请人、县级经办机构各存一份。", size=8)


def packed(lines: Sequence[Line], width: float) -> Iterator[list[tuple[str, str, float]]]:
    """Fields in rows of a page: short ones side by side, as on the official forms."""
    row: list[tuple[str, str, float]] = []
    left = width
    for line in lines:
        wanted = WIDTHS.get(line.width, width)
        if row and label_width(line.title) + wanted > left:
            yield row
            row, left = [], width
        row.append((line.title, line.words, wanted))
        left -= label_width(line.title) + wanted
    if row:
        yield row


def _attached(case: Case) -> str:
    counted = Counter(paper.title for paper in read_papers(case.attachments))
    return "、".join(f"{title} {number} 张" for title, number in counted.items())


def opinions(uow: UnitOfWork, case: Case) -> Iterator[tuple[str, str, str]]:
    """The boxes of the desks a case passes, filled in by the latest step of each."""
    done: dict[Action, CaseStep] = {
        Action(step.action): step for step in service.timeline(uow, case)
    }
    path = path_of(case)
    yield _opinion(Action.SUBMIT, done, entered_at=path.entered_at)
    for stage in path.stages:
        yield _opinion(stage.action, done, entered_at=path.entered_at)


def _opinion(
    action: Action, done: dict[Action, CaseStep], *, entered_at: Level
) -> tuple[str, str, str]:
    above = action is Action.SUBMIT and entered_at is not Level.VILLAGE
    label = _ENTERED_ABOVE if above else _DESKS[action]
    step = done.get(action)
    if step is None:
        return label, "", f"经办人（签字）：　　　　　　（盖章）{_BLANK_DATE}"
    return label, step.opinion, f"经办人：{step.actor_name}　（盖章）　{chinese_date(step.at)}"


def _receipt(
    uow: UnitOfWork, paper: Paper, case: Case, places: Places, *, copy: str, top: float
) -> None:
    matter = matter_of(case.matter)
    number = str(service.typed_values(case).get(matter.number_field, ""))
    paper.qr(case.number, under="扫码查询", top=top)
    paper.heading("受理回执", under=f"{SCHEME}　（{copy}）")
    paper.space(4)
    paper.grid(
        [
            [("受理号", case.number, 0.0)],
            [("办理事项", matter.title, 60.0), ("申请人", case.subject_name, 0.0)],
            [
                ("公民身份号码", mask_citizen_number(number), 60.0),
                ("经办人", case.entered_by_name, 0.0),
            ],
            [
                ("受理单位", places.path(case.origin), 60.0),
                ("受理日期", chinese_date(case.entered_at), 0.0),
            ],
            [("收到材料", _attached(case) or "申请表", 0.0)],
            [("办结期限", _promised(uow, case), 0.0)],
        ]
    )
    paper.space(2)
    paper.line("凭受理号或右上角二维码，可到村、乡镇、县经办窗口查询办理进度。", size=9)
    paper.line("材料不齐或有误的，经办机构会一次告知；逾期未办结的，可向县级经办机构反映。", size=9)
    paper.to_sign("申请人", "经办人")


def _promised(uow: UnitOfWork, case: Case) -> str:
    """The days of every desk of the path together: 社会保险经办条例 §10 asks for 10."""
    if not State(case.state).is_open:
        return "已办结"
    days = matter_of(case.matter).days
    total = sum(days.get(stage.state, 0) for stage in path_of(case).stages)
    due = due_on(uow, case.matter, State(case.state))
    ends = f"，本步骤应于{chinese_date(case.due_on or due)}前完成" if case.due_on or due else ""
    return f"自受理之日起 {total} 个工作日内{ends}"


def chinese_date(value: date | datetime | None) -> str:
    """2026年3月16日, as printed forms write dates."""
    if value is None:
        return _BLANK_DATE
    day = shanghai(value).date() if isinstance(value, datetime) else value
    return f"{day.year}年{day.month}月{day.day}日"
