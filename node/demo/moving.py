"""Somebody of 中牟县 marries into 济源市: the person, the years and the account follow.

Asked for at the new village, let go by the old county, taken in by the new one as it arrives; the
money follows from accountant to accountant.
"""

from datetime import date
from typing import Any

from node.core.errors import Unavailable
from node.demo.acts import PREFIX, YEAR, case_through, pass_all, wait_for_work
from node.demo.client import Desk
from node.demo.pensions import PAID_YEAR
from node.demo.people import Villager
from node.demo.plan import HANSI_VILLAGE, JIYUAN, KEJING_VILLAGE, ZHONGMU, VillagePlan
from node.demo.stage import Progress, Stage, all_pages
from tiers import RegionCode

DAY = (PAID_YEAR, 12, 9)
YOUNGEST, OLDEST = 20, 50
GRADE_FEN = 50_000


def move(stage: Stage, progress: Progress) -> None:
    """From the application at 克井村 to the money on 济源市's income account."""
    stage.world.set_day(*DAY)
    old, new = _village(stage, HANSI_VILLAGE), _village(stage, KEJING_VILLAGE)
    person = _somebody(stage, old)
    form = _application(person, new)
    _entered(stage.coordinator(new), "transfer_in", form)
    stage.facts.setdefault("more_cases", {})[new.code] = 1
    case_through(stage, JIYUAN, new)
    progress("转入地受理、发接收函", 0.3)

    transfer = _listed(stage, ZHONGMU, "out", state="asked")
    leaving = {key: form[key] for key in ("name", "citizen_number")}
    leaving |= {"village": str(old.code), "is_checked": True}
    _entered(_desk(stage, ZHONGMU, "accept"), "transfer_out", leaving)
    for post, step in (("review", "review"), ("approve", "approve")):
        desk = _desk(stage, ZHONGMU, post)
        wait_for_work(stage, "关系转出没有送到", desk, 1)
        pass_all(desk, step, all_pages(desk, tab="mine"))
    progress("转出地结息、转出", 0.6)

    _listed(stage, JIYUAN, "in", state="received")
    _listed(stage, ZHONGMU, "out", state="received")
    path = f"/api/transfers/{transfer}"
    _desk(stage, ZHONGMU, "account").post(f"{path}/payment", {"reference": "ZR-FU-0001"})
    _desk(stage, JIYUAN, "account").post(f"{path}/arrival", {"reference": "ZR-SHOU-0001"})
    stage.facts["moved"] = {"transfer": transfer, "citizen_number": person.citizen_number}
    progress("转移款收付", 1)


def _desk(stage: Stage, county: RegionCode, post: str) -> Desk:
    return stage.desk(county, f"{PREFIX[county]}-{post}")


def _village(stage: Stage, code: RegionCode) -> VillagePlan:
    return next(village for village in stage.world.plan.villages if village.code == code)


def _somebody(stage: Stage, village: VillagePlan) -> Villager:
    """Somebody who contributes and has paid; the last of the roll, whom no other act is about."""
    paid = stage.coordinator(village).get("/api/contributions/due", year=YEAR, state="paid")
    names = [row["name"] for row in paid if row["village"] == str(village.code)]
    for person in reversed(stage.rolls[village.code].people):
        age = YEAR - person.born_on.year
        if names.count(person.name) == 1 and YOUNGEST <= age <= OLDEST:
            return person
    raise Unavailable(f"{village.code} 没有人可以转移")


def _application(person: Villager, village: VillagePlan) -> dict[str, Any]:
    return {
        "name": person.name,
        "citizen_number": person.citizen_number,
        "ethnicity": person.ethnicity,
        "village": str(village.code),
        "household_address": "河南省济源市克井镇克井村18号",
        "phone": person.phone,
        "grade_fen": GRADE_FEN,
        "bank_card": person.bank_card,
        "consent": True,
        "from_county": str(ZHONGMU),
        "moved_on": date(PAID_YEAR, 11, 20).isoformat(),
    }


def _entered(desk: Desk, matter: str, form: dict[str, Any]) -> None:
    answer = desk.post("/api/cases", {"matter": matter, "forms": [form]})
    if answer["accepted"] != 1:
        raise Unavailable(f"{matter} 没有受理：{answer}")


def _listed(stage: Stage, county: RegionCode, side: str, *, state: str) -> str:
    """Wait until the one transfer of the demo has come so far at a county; its id."""
    found: list[str] = []

    def there() -> bool:
        desk = _desk(stage, county, "review")
        listed = desk.get("/api/transfers", side=side)["transfers"]
        found[:] = [each["id"] for each in listed if each["state"] == state]
        return bool(found)

    stage.wait_until(f"{county} 的转移没有到 {state}", there)
    return found[0]
