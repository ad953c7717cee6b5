"""The demo's collecting season: a coordinator's receipts, a bank that is not ours, a month closed.

Who has just turned 60 pays at the counter, with the years that are made up. The year is ordered;
one village collects some in cash; everybody else is presented at a bank of another process, which
turns some down, times out, is late, sends a file twice and cuts one off. In May the income account
is emptied and April is closed, to the fen.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from node.contributions.rules import years_in_words
from node.demo.acts import BATCH, COUNTIES, MAKE_UP_FEN, PREFIX, YEAR, elders_payments, pass_all
from node.demo.client import Desk
from node.demo.plan import HANSI_VILLAGE, ZHONGMU, VillagePlan
from node.demo.stage import Progress, Stage, all_pages
from tiers import RegionCode

BANK = {ZHONGMU: "rural_credit"}
OTHER_BANK = "workbook"
IN_CASH = 12
RECEIPTS = 50


def collect(stage: Stage, progress: Progress) -> None:
    """The season from orders to the closing of April; subsidies follow at the end of the year."""
    stage.world.set_day(YEAR, 4, 21)
    for number, county in enumerate(COUNTIES):
        accountant = _accountant(stage, county)
        _elders_pay(stage, county, accountant)
        accountant.post("/api/contributions/orders", {"year": YEAR})
        progress(f"{county} 生成应缴", 0.1 + 0.1 * number)
    _cash(stage, progress)
    for number, county in enumerate(COUNTIES):
        _through_the_bank(stage, county)
        progress(f"{county} 银行扣款", 0.5 + 0.15 * number)
    stage.world.set_day(YEAR, 5, 6)
    for county in COUNTIES:
        _close_april(_accountant(stage, county))
    progress("四月结账", 0.85)
    stage.world.set_day(YEAR, 11, 28)
    for number, county in enumerate(COUNTIES):
        accountant = _accountant(stage, county)
        accountant.post("/api/contributions/on-behalf", {"year": YEAR})
        accountant.post("/api/contributions/subsidies", {"year": YEAR})
        progress(f"{county} 政府代缴和补贴", 0.9 + 0.1 * number)


def _accountant(stage: Stage, county: RegionCode) -> Desk:
    return stage.desk(county, f"{PREFIX[county]}-account")


def _elders_pay(stage: Stage, county: RegionCode, accountant: Desk) -> None:
    villages = [v for v in stage.world.plan.villages if county.contains(v.code)]
    _make_up(stage, county, villages)
    payments = [payment for village in villages for payment in elders_payments(stage, village)]
    for start in range(0, len(payments), BATCH * 2):
        lot = payments[start : start + BATCH * 2]
        answer = accountant.post("/api/contributions/payments", {"payments": lot})
        stage.facts.setdefault("unpaid", []).extend(
            o["reason"] for o in answer["outcomes"] if o["answer"] != "posted"
        )


def _make_up(stage: Stage, county: RegionCode, villages: list[VillagePlan]) -> None:
    """Past years are applied for at the county's counter and decided by two further people."""
    forms = [form for village in villages for form in _make_up_forms(stage, village)]
    counter, *deciders = (
        stage.desk(county, f"{PREFIX[county]}-{post}") for post in ("accept", "review", "approve")
    )
    for start in range(0, len(forms), BATCH):
        # refused is who was not enrolled after all: the payment says so later
        counter.post("/api/cases", {"matter": "make_up", "forms": forms[start : start + BATCH]})
    for desk, step in zip(deciders, ("review", "approve"), strict=True):
        pass_all(desk, step, all_pages(desk, tab="mine", matter="make_up"))


def _make_up_forms(stage: Stage, village: VillagePlan) -> Iterator[dict[str, Any]]:
    """An application for each elder of a village who pays for past years."""
    names = {each.citizen_number: each.name for each in stage.rolls[village.code].people}
    by_person = groupby(elders_payments(stage, village), key=itemgetter("citizen_number"))
    for number, payments in by_person:
        years = [each["for_year"] for each in payments if each["for_year"] < YEAR]
        if years:
            yield {
                "name": names[number],
                "citizen_number": number,
                "village": str(village.code),
                "years": years_in_words(years),
                "grade_fen": MAKE_UP_FEN,
            }


def _cash(stage: Stage, progress: Progress) -> None:
    """A dozen people of one village pay the coordinator; one receipt is spoiled."""
    accountant = _accountant(stage, ZHONGMU)
    village = {"village": str(HANSI_VILLAGE)}
    accountant.post("/api/contributions/receipts/series", {**village, "count": RECEIPTS})
    plan = next(v for v in stage.world.plan.villages if v.code == HANSI_VILLAGE)
    coordinator = stage.coordinator(plan)
    due: list[dict[str, Any]] = []

    def arrived() -> bool:
        due[:] = coordinator.get("/api/contributions/due", year=YEAR, state="due")
        return len(due) >= IN_CASH

    stage.wait_until(f"{HANSI_VILLAGE} 没有收到应缴", arrived)
    # an order may come before the numbers: the first receipt waits for both
    stage.wait_until(f"{HANSI_VILLAGE} 没有收到收据号", lambda: _has_numbers(coordinator, due))
    for order in [each for each in due if each["own_fen"]][1:IN_CASH]:
        coordinator.post("/api/contributions/receipts", _cash_of(order))
    coordinator.post("/api/contributions/receipts/1/void", {**village, "reason": "姓名写错"})
    handover = coordinator.post("/api/contributions/handovers", village)
    path = f"/api/contributions/handovers/{HANSI_VILLAGE}/{handover['first_no']}/confirmation"
    stage.wait_until(
        "县级没有收到汇缴",
        lambda: bool(accountant.get("/api/contributions/handovers", **village)),
    )
    accountant.post(path, {"fen": handover["fen"], "reference": "现金缴款单0001"})
    progress("协管员代收汇缴", 0.4)


def _cash_of(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "village": str(HANSI_VILLAGE),
        "account_no": order["account_no"],
        "for_year": order["for_year"],
    }


def _has_numbers(coordinator: Desk, due: list[dict[str, Any]]) -> bool:
    first = next(each for each in due if each["own_fen"])
    try:
        coordinator.post("/api/contributions/receipts", _cash_of(first))
    except Exception:  # noqa: BLE001  # refused until the numbers are there; the wait has an end
        return False
    return True


def _through_the_bank(stage: Stage, county: RegionCode) -> None:
    """Present everybody who owes, and exchange files until the bank has answered for all."""
    accountant = _accountant(stage, county)
    bank = BANK.get(county, OTHER_BANK)
    accountant.post("/api/contributions/withholding", {"year": YEAR, "bank": bank})

    def answered() -> bool:
        done = accountant.post("/api/banking/exchange")
        batches = accountant.get("/api/banking/batches")
        return done["quiet"] and all(b["is_sent"] and not b["open"] for b in batches)

    stage.wait_until(f"{county} 的银行没有全部回盘", answered)


def _close_april(accountant: Desk) -> None:
    """Every day is the bank's, what came in goes on to the fiscal account, nothing is left over."""
    path = f"/api/contributions/months/{YEAR}/4"
    month = accountant.get(path)
    last = {"day": f"{YEAR}-04-30", "bank_fen": 0}
    accountant.post(
        "/api/contributions/transfers",
        {"fen": month["to_transfer_fen"], "on": last["day"], "reference": "划拨单0001"},
    )
    for day in month["days"]:
        body = {"day": day["day"], "bank_fen": day["received_fen"]}
        accountant.post("/api/contributions/days", body)
    accountant.post("/api/contributions/days", last)
    closing = {"year": YEAR, "month": 4, "bank_balance_fen": 0}
    accountant.post("/api/contributions/months", closing)
