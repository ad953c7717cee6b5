"""The acts of the demo's year, played by people at their desks through the nodes' own routes."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from node.core.errors import Unavailable
from node.demo import bulletins
from node.demo.client import Desk
from node.demo.people import Villager
from node.demo.plan import JIYUAN, PROVINCE, ZHONGMU, Post, VillagePlan
from node.demo.roll import demo_roll, roll_workbook
from node.demo.stage import Progress, Stage, all_pages
from tiers import Level, RegionCode

YEAR = bulletins.YEAR
PENSION_AGE = 60
SCHEME_BEGAN = 2012
MAKE_UP_FEN = 20_000
BATCH = 500

COUNTIES = (ZHONGMU, JIYUAN)
PREFIX = {ZHONGMU: "zhongmu", JIYUAN: "jiyuan"}


def publish_policy(stage: Stage, progress: Progress) -> None:
    """One officer drafts, another publishes; every node acknowledges."""
    stage.world.set_day(YEAR, 1, 6)
    january = bulletins.january()
    made = [publish(stage, bulletin) for bulletin in january]
    below = len(stage.world.plan.posts) - 1 + sum(len(p.hosts) for p in stage.world.plan.posts)
    for number, bulletin_id in enumerate(made, start=1):
        wait_acknowledged(stage, bulletin_id, below)
        progress("逐级确认", number / len(made))


def publish(stage: Stage, bulletin: dict[str, Any]) -> str:
    draft = stage.desk(PROVINCE, "henan-policy1").post("/api/policy/bulletins", bulletin)
    officer = stage.desk(PROVINCE, "henan-policy2")
    officer.post(f"/api/policy/bulletins/{draft['id']}/publication")
    return str(draft["id"])


def wait_acknowledged(stage: Stage, bulletin_id: str, below: int) -> None:
    officer = stage.desk(PROVINCE, "henan-policy2")
    path = f"/api/policy/bulletins/{bulletin_id}/coverage"
    stage.wait_until(
        f"还有节点没有确认文件 {bulletin_id}", lambda: len(officer.get(path)["nodes"]) >= below
    )


def enter_rolls(stage: Stage, progress: Progress) -> None:
    """Coordinators import their Excel rolls; one of them while the line is down."""
    stage.world.set_day(YEAR, 2, 17)
    plan = stage.world.plan
    for number, village in enumerate(plan.villages, start=1):
        post = plan.post(village.node)
        if village.starts_offline:
            restart(stage, post, offline=True)
        _enter_roll(stage, village)
        progress(f"录入 {village.code}", number / len(plan.villages))
    for village in plan.villages:
        if village.starts_offline:
            restart(stage, plan.post(village.node), offline=False)


def restart(stage: Stage, post: Post, *, offline: bool) -> None:
    """Stop a node's process and start it with or without its line."""
    stage.world.stop(post)
    stage.world.start(post, offline=offline)
    stage.world.wait_ready(post)
    stage.leave(*(person.login for person in post.people))


def _enter_roll(stage: Stage, village: VillagePlan) -> None:
    places = stage.facts["places"]
    roll = demo_roll(
        places.name(village.code),
        place=places.path(places.parent(village.code)),
        index=village.index,
        seed=stage.seed,
        on=date(YEAR, 2, 17),
        count=stage.people,
    )
    stage.rolls[village.code] = roll
    answer = stage.coordinator(village).upload(
        "/api/registry/rolls",
        name=f"{village.code}.xlsx",
        content=roll_workbook(roll),
        fields={"village": str(village.code)},
    )
    stage.facts.setdefault("refused_rows", {})[village.code] = answer
    if answer["accepted"] != stage.people:
        raise Unavailable(f"{village.code} 应受理 {stage.people} 人，实际 {answer}")


def first_reviews(stage: Stage, progress: Progress) -> None:
    """Township clerks pass most cases and send a few back; villages correct and send again."""
    stage.world.set_day(YEAR, 2, 20)
    plan = stage.world.plan
    townships = plan.at(Level.TOWNSHIP)
    for number, post in enumerate(townships):
        mine = [v for v in plan.villages if post.code.contains(v.code)]
        clerk = _clerk(stage, post)
        expected = stage.people * len(mine)
        wait_for_work(stage, f"{post.code} 没有收齐申请", clerk, expected)
        cases = all_pages(clerk, tab="mine")
        back, good = cases[:2], cases[2:]
        reason = {"remarks": {"household_address": "住址缺少门牌号，请补充"}}
        clerk.post("/api/cases/return", {"ids": [c["id"] for c in back], **reason})
        pass_all(clerk, "first-review", good)
        progress(f"{post.code} 初审", (number + 0.5) / len(townships))
        for village in mine:
            _correct(stage, village, [c["id"] for c in back if c["village"] == village.code])
        wait_for_work(stage, f"{post.code} 没有收到补正", clerk, len(back))
        pass_all(clerk, "first-review", all_pages(clerk, tab="mine"))
        progress(f"{post.code} 初审", (number + 1) / len(townships))


def _clerk(stage: Stage, post: Post) -> Desk:
    return stage.desk(post.code, post.people[0].login)


def _waiting(desk: Desk) -> int:
    return int(desk.get("/api/cases", tab="mine", size=1)["total"])


def wait_for_work(stage: Stage, what: str, desk: Desk, expected: int) -> None:
    """Wait until so many cases lie at a desk.

    Raises:
        Unavailable: they did not come.
    """
    stage.wait_until(f"{what}，应有 {expected} 件", lambda: _waiting(desk) >= expected)


def _correct(stage: Stage, village: VillagePlan, ids: list[str]) -> None:
    """The coordinator sees what came back, adds what was asked for, and sends it again."""
    if not ids:
        return
    desk = stage.coordinator(village)
    stage.wait_until(
        f"{village.code} 没有收到退回",
        lambda: {c["id"] for c in all_pages(desk, tab="returned")} >= set(ids),
    )
    people = {person.name: person for person in stage.rolls[village.code].people}
    for case_id in ids:
        name = desk.get(f"/api/cases/{case_id}")["subject_name"]
        form = _enrolment_form(people[name], village)
        form["household_address"] += "12号"
        desk.post(f"/api/cases/{case_id}/correction", {"form": form, "note": "已补充门牌号"})


def _enrolment_form(person: Villager, village: VillagePlan) -> dict[str, Any]:
    return {
        "name": person.name,
        "citizen_number": person.citizen_number,
        "ethnicity": person.ethnicity,
        "village": str(village.code),
        "household_address": person.household_address,
        "phone": person.phone,
        "category": str(person.category),
        "grade_fen": person.grade_fen,
        "bank_card": person.bank_card,
        "consent": True,
    }


def pass_all(desk: Desk, step: str, cases: list[dict[str, Any]]) -> None:
    """Pass cases at a desk, as many at once as the route takes.

    Raises:
        Unavailable: one of them is refused.
    """
    for ids in _batches([case["id"] for case in cases]):
        answer = desk.post(f"/api/cases/{step}", {"ids": ids, "opinion": "材料齐全，同意"})
        refused = [o["refusal"] for o in answer["outcomes"] if o["refusal"]]
        if refused:
            raise Unavailable(f"{step} 有 {len(refused)} 件没有通过：{refused[0]['title']}")


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def decide(stage: Stage, progress: Progress) -> None:
    """County reviewers pass, approvers decide; one applicant is turned down."""
    stage.world.set_day(YEAR, 2, 25)
    for number, county in enumerate(COUNTIES):
        reviewer = stage.desk(county, f"{PREFIX[county]}-review")
        approver = stage.desk(county, f"{PREFIX[county]}-approve")
        inside = [v for v in stage.world.plan.villages if county.contains(v.code)]
        expected = stage.people * len(inside)
        wait_for_work(stage, f"{county} 没有收齐申请", reviewer, expected)
        pass_all(reviewer, "review", all_pages(reviewer, tab="mine"))
        progress(f"{county} 复核", (number + 0.5) / len(COUNTIES))
        cases = all_pages(approver, tab="mine")
        reason = "已参加企业职工养老保险，不符合参保条件"
        approver.post("/api/cases/reject", {"ids": [cases[0]["id"]], "reason": reason})
        stage.facts.setdefault("rejected", []).append(cases[0]["id"])
        pass_all(approver, "approve", cases[1:])
        progress(f"{county} 审批", (number + 1) / len(COUNTIES))


def elders_payments(stage: Stage, village: VillagePlan) -> Iterator[dict[str, Any]]:
    """Those who are past 60 pay this year, and the years they lack, at the counter."""
    for serial, person in enumerate(stage.rolls[village.code].people):
        turns = person.born_on.year + PENSION_AGE
        if turns > YEAR:
            continue
        this_year = (YEAR,) if person.grade_fen is not None else ()
        for year in (*range(SCHEME_BEGAN, min(turns + 1, YEAR)), *this_year):
            fen = person.grade_fen if year == YEAR else MAKE_UP_FEN
            yield {
                "citizen_number": person.citizen_number,
                "for_year": year,
                "grade_fen": fen,
                "fen": fen,
                "method": "counter",
                "reference": f"{village.code}-{serial:04d}-{year}",
                "paid_on": f"{YEAR}-04-{1 + serial % 20:02d}",
            }


def close_year(stage: Stage, progress: Progress) -> None:
    """The rate is published in December; after New Year every county closes its accounts."""
    stage.world.set_day(YEAR, 12, 22)
    wait_acknowledged(stage, publish(stage, bulletins.december()), len(stage.world.plan.posts))
    progress("公布记账利率", 0.3)
    stage.world.set_day(YEAR + 1, 1, 4)
    for number, county in enumerate(COUNTIES):
        path = "/api/accounts/year-ends"
        stage.desk(county, f"{PREFIX[county]}-account").post(path, {"year": YEAR})
        stage.desk(county, f"{PREFIX[county]}-approve").post(f"{path}/{YEAR}/approval")
        progress(f"{county} 年度结息", 0.3 + 0.7 * (number + 1) / len(COUNTIES))


def case_through(stage: Stage, county: RegionCode, village: VillagePlan) -> None:
    """One case of a village, from the township's desk to the county's decision."""
    post = next(p for p in stage.world.plan.at(Level.TOWNSHIP) if p.code.contains(village.code))
    desks = (
        (_clerk(stage, post), "first-review"),
        (stage.desk(county, f"{PREFIX[county]}-review"), "review"),
        (stage.desk(county, f"{PREFIX[county]}-approve"), "approve"),
    )
    for desk, step in desks:
        wait_for_work(stage, f"{village.code} 的申报没有送到", desk, 1)
        pass_all(desk, step, all_pages(desk, tab="mine"))


def claims(stage: Stage, progress: Progress) -> None:
    """Those who have reached 60 claim; the same path, the same two people at the county."""
    stage.world.set_day(YEAR + 1, 1, 8)
    plan = stage.world.plan
    for village in plan.villages:
        forms = [
            {
                "name": person.name,
                "citizen_number": person.citizen_number,
                "village": str(village.code),
                "bank_card": person.bank_card,
                "draws_no_other": True,
            }
            for person in stage.rolls[village.code].people
            if person.born_on.year + PENSION_AGE <= YEAR
        ]
        desk = stage.coordinator(village)
        answer = desk.post("/api/cases", {"matter": "benefit_claim", "forms": forms})
        stage.facts.setdefault("claims", {})[village.code] = answer
    progress("村级申报", 0.3)
    _claims_through(stage, progress)


def _claims_through(stage: Stage, progress: Progress) -> None:
    plan = stage.world.plan
    accepted = {code: answer["accepted"] for code, answer in stage.facts["claims"].items()}
    for post in plan.at(Level.TOWNSHIP):
        clerk = _clerk(stage, post)
        expected = sum(n for code, n in accepted.items() if post.code.contains(code))
        wait_for_work(stage, f"{post.code} 没有收齐待遇申请", clerk, expected)
        pass_all(clerk, "first-review", all_pages(clerk, tab="mine"))
    progress("乡级初审", 0.5)
    for number, county in enumerate(COUNTIES):
        reviewer = stage.desk(county, f"{PREFIX[county]}-review")
        approver = stage.desk(county, f"{PREFIX[county]}-approve")
        expected = sum(n for code, n in accepted.items() if county.contains(code))
        wait_for_work(stage, f"{county} 没有收齐待遇申请", reviewer, expected)
        pass_all(reviewer, "review", all_pages(reviewer, tab="mine"))
        pass_all(approver, "approve", all_pages(approver, tab="mine"))
        progress("县级复核、审批", 0.5 + 0.5 * (number + 1) / len(COUNTIES))


def report(stage: Stage, progress: Progress) -> None:
    """Counties report; city and province hold the same figures from their own replicas."""
    years = (YEAR, YEAR + 1)
    for county in COUNTIES:
        desk = stage.desk(county, f"{PREFIX[county]}-account")
        for year in years:
            desk.post(f"/api/statistics/{year}/report")
    progress("县级上报", 0.4)
    statistician = stage.desk(PROVINCE, "henan-stat")
    stage.wait_until(
        "省级没有收到全部县级上报",
        lambda: all(_all_equal(statistician.get(f"/api/statistics/{year}")) for year in years),
    )
    progress("省级核对", 1)


def _all_equal(overview: dict[str, Any]) -> bool:
    checks = overview["checks"]
    return len(checks) == len(COUNTIES) and all(check["ok"] for check in checks)
