"""What changes in people's registrations in the demo's year: every matter once in every village.

One village works without its line while its coordinator enters; one key change comes back with a
remark beside its field and goes through the second time.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from node.core.errors import Unavailable
from node.demo.acts import COUNTIES, PREFIX, YEAR, pass_all, restart, wait_for_work
from node.demo.client import Desk
from node.demo.paper import sheet
from node.demo.people import Villager
from node.demo.plan import VillagePlan
from node.demo.stage import Progress, Stage, all_pages
from tiers import Level

Form = Mapping[str, Any]
CHANGES_DAY = (YEAR, 12, 2)
CARD = "6219990000000000028"
STRAIGHT = frozenset({"detail_change", "grade_choice", "complaint"})
"""Matters that go from the village to the county; the others pass the township."""
ON_PAPER = frozenset({"cancellation"})
"""Matters that go nowhere without a photo of the evidence."""
RETURNED = "key_change"
YOUNGEST, OLDEST = 18, 50
TRIES = 10


def _changes() -> Mapping[str, Callable[[Villager], Form]]:
    day = f"{YEAR}-11-20"
    return {
        "detail_change": lambda person: {"new_address": f"{person.household_address}新1号"},
        "key_change": lambda _: {"new_bank_card": CARD, "reason": "换卡", "evidence": "other"},
        "contribution_pause": lambda _: {"reason": "military", "since": day},
        "category_grant": lambda _: {
            "category": "minimum_living",
            "evidence": "civil_affairs",
            "evidence_number": f"{YEAR}低保017",
            "valid_from": f"{YEAR}-07-01",
        },
        "cancellation": lambda _: {
            "reason": "employees_scheme",
            "happened_on": day,
            "evidence": "other_agency",
        },
        "grade_choice": lambda _: {"year": YEAR + 1, "grade_fen": 100_000},
    }


def change(stage: Stage, progress: Progress) -> None:
    """Entered at the villages, one of them offline; reviewed, returned once, decided."""
    stage.world.set_day(*CHANGES_DAY)
    plan = stage.world.plan
    for village in plan.villages:
        if village.starts_offline:
            restart(stage, plan.post(village.node), offline=True)
        entered = [*_enter(stage, village), _complain(stage, village)]
        stage.facts.setdefault("changes", {})[village.code] = entered
        if village.starts_offline:
            restart(stage, plan.post(village.node), offline=False)
    progress("村级填报", 0.4)
    _first_reviews(stage)
    progress("乡级初审，退回补正", 0.7)
    for county in COUNTIES:
        inside = [v.code for v in plan.villages if county.contains(v.code)]
        expected = sum(len(stage.facts["changes"][code]) for code in inside)
        reviewer = stage.desk(county, f"{PREFIX[county]}-review")
        approver = stage.desk(county, f"{PREFIX[county]}-approve")
        wait_for_work(stage, f"{county} 没有收齐变更业务", reviewer, expected)
        pass_all(reviewer, "review", all_pages(reviewer, tab="mine"))
        pass_all(approver, "approve", all_pages(approver, tab="mine"))
    progress("县级复核、审批", 1)


def _enter(stage: Stage, village: VillagePlan) -> Iterator[str]:
    """One case of each matter, each about somebody else."""
    desk = stage.coordinator(village)
    people = iter(
        person
        for person in stage.rolls[village.code].people
        if person.grade_fen and YOUNGEST <= YEAR - person.born_on.year <= OLDEST
    )
    for matter, more in _changes().items():
        for person in islice(people, TRIES):
            who = {"name": person.name, "citizen_number": person.citizen_number}
            form = {**who, "village": str(village.code), **more(person)}
            case_id = _sent(desk, matter, form)
            if case_id:  # somebody on the roll was turned down in February
                yield case_id
                break
        else:
            raise Unavailable(f"{village.code} 没有人可以办理 {matter}")


def _sent(desk: Desk, matter: str, form: Form) -> str:
    """The case's id; nothing when it was refused."""
    if matter in ON_PAPER:
        return desk.apply(matter, form, photo=sheet())
    answer = desk.post("/api/cases", {"matter": matter, "forms": [form]})
    return str(answer["outcomes"][0]["id"]) if answer["accepted"] else ""


def _complain(stage: Stage, village: VillagePlan) -> str:
    form = {
        "kind": "complaint",
        "content": "去年的缴费票据没有发给本人",
        "village": str(village.code),
        "is_anonymous": True,
    }
    answer = stage.coordinator(village).post("/api/cases", {"matter": "complaint", "forms": [form]})
    return str(answer["outcomes"][0]["id"])


def _first_reviews(stage: Stage) -> None:
    plan = stage.world.plan
    passing = len(_changes()) + 1 - len(STRAIGHT)
    for post in plan.at(Level.TOWNSHIP):
        mine = [village for village in plan.villages if post.code.contains(village.code)]
        clerk = stage.desk(post.code, post.people[0].login)
        wait_for_work(stage, f"{post.code} 没有收齐变更业务", clerk, passing * len(mine))
        waiting = all_pages(clerk, tab="mine")
        back = [case for case in waiting if case["matter"] == RETURNED]
        remark = {"evidence_number": "请填写换卡凭证的编号"}
        clerk.post("/api/cases/return", {"ids": [c["id"] for c in back], "remarks": remark})
        pass_all(clerk, "first-review", [case for case in waiting if case not in back])
        for village in mine:
            ids = [case["id"] for case in back if case["village"] == village.code]
            _correct(stage, village, ids)
        wait_for_work(stage, f"{post.code} 没有收到补正", clerk, len(back))
        pass_all(clerk, "first-review", all_pages(clerk, tab="mine"))


def _correct(stage: Stage, village: VillagePlan, ids: list[str]) -> None:
    desk = stage.coordinator(village)
    stage.wait_until(
        f"{village.code} 没有收到退回",
        lambda: {case["id"] for case in all_pages(desk, tab="returned")} >= set(ids),
    )
    for case_id in ids:
        form = desk.get(f"/api/cases/{case_id}/form", reason="补正")
        form["evidence_number"] = f"{village.code[-3:]}-{YEAR}"
        desk.post(f"/api/cases/{case_id}/correction", {"form": form, "note": "已填写编号"})
