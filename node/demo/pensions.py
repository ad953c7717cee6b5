"""The pensions of the demo's second year: twelve months through a bank that fails, times out, sends
files twice and cuts them off; a death reported late, a standard raised backwards.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from node.core.errors import Unavailable
from node.demo import bulletins
from node.demo.acts import COUNTIES, PREFIX, YEAR, case_through, publish, wait_acknowledged
from node.demo.client import Desk
from node.demo.paper import sheet
from node.demo.plan import HANSI_VILLAGE, ZHONGMU
from node.demo.stage import Progress, Stage
from tiers import RegionCode

PAID_YEAR = YEAR + 1
MONTHS = 12
ATTEMPTS = 4
BANK = {COUNTIES[0]: "rural_credit", COUNTIES[1]: "workbook"}
DIED, REPORTED = 6, 9
RAISED = 5


def pay_a_year(stage: Stage, progress: Progress) -> None:
    """Every month both counties compute, review, approve, get the money, send, settle.

    Side by side: the network's clock is one, but their desks and books are their own.
    """
    with ThreadPoolExecutor(len(COUNTIES)) as counties:
        _pay_months(stage, progress, counties)


def _pay_months(stage: Stage, progress: Progress, counties: ThreadPoolExecutor) -> None:
    for month in range(1, MONTHS + 1):
        stage.world.set_day(PAID_YEAR, month, 4)
        if month == RAISED:
            raised = publish(stage, bulletins.raised_pension())
            wait_acknowledged(stage, raised, len(stage.world.plan.posts))
        if month == REPORTED:
            _report_death(stage)
        paying = [counties.submit(_county_month, stage, county, month) for county in COUNTIES]
        for paid in paying:
            paid.result()
        progress(f"{month} 月发放", month / MONTHS)


def _county_month(stage: Stage, county: RegionCode, month: int) -> None:
    if month == RAISED:
        _raise(stage, county)
    _pay_month(stage, county, date(PAID_YEAR, month, 1))


def _raise(stage: Stage, county: RegionCode) -> None:
    body = {"from_month": f"{PAID_YEAR}-01", "reason": "提高基础养老金标准，自 1 月起执行"}
    answer = _desk(stage, county, "approve").post("/api/benefits/redeterminations", body)
    stage.facts.setdefault("raised", {})[county] = answer["people"]


def _desk(stage: Stage, county: RegionCode, post: str) -> Desk:
    return stage.desk(county, f"{PREFIX[county]}-{post}")


def _pay_month(stage: Stage, county: RegionCode, month: date) -> None:
    officer, accountant = _desk(stage, county, "pay"), _desk(stage, county, "account")
    run = officer.post("/api/payroll/runs", {"month": month.isoformat()[:7]})
    path = f"/api/payroll/runs/{run['run_no']}"
    _desk(stage, county, "review").post(f"{path}/review", {"explanation": "逐项核对"})
    _desk(stage, county, "approve").post(f"{path}/approval")
    for asked in accountant.get(path)["funding"]:
        receipt = {
            "payer": asked["payer"],
            "fen": asked["fen"],
            "arrived_on": month.replace(day=4).isoformat(),
            "reference": f"{asked['payer']}-{run['run_no']}",
        }
        accountant.post(f"{path}/receipts", receipt)
    for _attempt in range(ATTEMPTS):
        accountant.post(f"{path}/sending", {"bank": BANK[county]})
        _until_answered(stage, accountant, path)
        if not accountant.get(path)["payments"].get("failed"):
            break
        accountant.post(f"{path}/preparation")
    accountant.post(f"{path}/settlement")


def _until_answered(stage: Stage, accountant: Desk, path: str) -> None:
    """Files go out and come in until the bank has said what became of every line."""

    def answered() -> bool:
        accountant.post("/api/banking/exchange")
        states = accountant.get(path)["payments"]
        return not any(states.get(state) for state in ("waiting", "sent", "unclear"))

    stage.wait_until(f"{path} 银行没有答复全部明细", answered)


def _report_death(stage: Stage) -> None:
    """The village hears in September of somebody who died in June: three months were overpaid."""
    village = next(v for v in stage.world.plan.villages if v.code == HANSI_VILLAGE)
    person = _somebody_drawing(stage)
    form = {
        "name": person["name"],
        "citizen_number": person["citizen_number"],
        "village": str(village.code),
        "died_on": f"{PAID_YEAR}-{DIED:02d}-18",
        "evidence": "death",
        "heir_name": "继承人",
        "heir_relation": "子女",
        "heir_card": "6217000012345678903",
    }
    coordinator = stage.coordinator(village)
    if not coordinator.apply("death_report", form, photo=sheet()):
        raise Unavailable("死亡申报没有受理")
    case_through(stage, ZHONGMU, village)
    stage.facts["more_cases"] = {village.code: 1}
    stage.facts["died"] = person["citizen_number"]


def _somebody_drawing(stage: Stage) -> dict[str, Any]:
    roll = stage.rolls[HANSI_VILLAGE]
    turned = [p for p in roll.people if p.born_on.year + 60 <= YEAR]
    accepted = stage.facts["claims"][HANSI_VILLAGE]["accepted"]
    if not accepted:
        raise Unavailable("荣庄村没有领取待遇的人")
    person = turned[len(turned) // 2]
    return {"name": person.name, "citizen_number": person.citizen_number}
