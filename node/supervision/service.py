"""Digest a day, read digests, question a line of one, answer, and prove what is held."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import col, select

from node.core.clock import business_date
from node.core.errors import Conflict, Forbidden, Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.supervision import rules
from node.supervision.models import UsageDigest, UsageQuestion
from node.supervision.records import publish_answer, publish_digest, publish_question
from node.supervision.uses import uses_of
from tiers import Level, RegionCode, Role

MOST_DAYS = 31
"""So many days are shown, and counted again from the logs by `verify`."""
GRACE = timedelta(hours=2)
"""A day is sealed so long after it has ended: what began in it has been committed."""
LONGEST = 500
SUPERVISORS = (Role.QUALITY_SUPERVISOR, Role.INSPECTOR)
READERS = (*SUPERVISORS, Role.AUDITOR)


def digest_due(uow: UnitOfWork) -> list[UsageDigest]:
    """Digest every day that has ended since the last one, in order, also those without any use."""
    if uow.level is not Level.COUNTY:
        return []
    last = _last(uow, str(uow.node))
    ended = business_date(uow.now - GRACE) - timedelta(days=1)
    day = last.day + timedelta(days=1) if last else ended
    made: list[UsageDigest] = []
    while day <= ended:
        previous = made[-1] if made else last
        made.append(_digest(uow, day, previous.head if previous else rules.GENESIS))
        day += timedelta(days=1)
    return made


def _last(uow: UnitOfWork, county: str) -> UsageDigest | None:
    newest = select(UsageDigest).where(UsageDigest.county_code == county)
    return uow.session.exec(newest.order_by(col(UsageDigest.day).desc()).limit(1)).first()


def _digest(uow: UnitOfWork, day: date, previous: str) -> UsageDigest:
    sealed = rules.seal(str(uow.node), day, previous, uses_of(uow, day))
    made = UsageDigest(
        county_code=str(uow.node),
        day=day,
        previous=previous,
        root=sealed.root,
        head=sealed.head,
        uses=sealed.uses,
        lines=list(sealed.lines),
        made_at=uow.now,
    )
    uow.session.add(made)
    publish_digest(uow, made)
    return made


def require_reading(uow: UnitOfWork) -> None:
    """Who supervises, or answers for a county, reads digests.

    Raises:
        Forbidden: the reader's post is another.
    """
    if not uow.actor.holds(*READERS):
        raise Forbidden("用数监督由数据质量监督员和稽核员查看")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a county stands: its newest day, days it is behind, the last week's uses by kind."""

    county: RegionCode
    newest: UsageDigest
    days_behind: int
    by_kind: dict[str, int]
    open_questions: int


def standings(uow: UnitOfWork) -> list[Standing]:
    """Every county that has told, the one furthest behind first."""
    require_reading(uow)
    since = uow.today - timedelta(days=7)
    latest: dict[str, UsageDigest] = {}
    counted: dict[str, dict[str, int]] = {}
    for code in uow.session.exec(select(UsageDigest.county_code).distinct()):
        newest = _last(uow, code)
        if newest is not None and uow.actor.scope.contains(RegionCode(code)):
            latest[code] = newest
    recent = select(UsageDigest).where(UsageDigest.day >= since)
    for digest in uow.session.exec(recent):
        kinds = counted.setdefault(digest.county_code, {})
        for line in digest.lines:
            kinds[line["kind"]] = kinds.get(line["kind"], 0) + line["count"]
    waiting = [question.county_code for question in open_questions(uow)]
    found = [
        Standing(
            RegionCode(code),
            newest,
            (uow.today - newest.day).days - 1,
            counted.get(code, {}),
            waiting.count(code),
        )
        for code, newest in latest.items()
    ]
    return sorted(found, key=lambda each: (-each.days_behind, each.county))


def open_questions(uow: UnitOfWork) -> Sequence[UsageQuestion]:
    """Questions nobody has answered, the oldest first."""
    statement = select(UsageQuestion).where(col(UsageQuestion.answered_at).is_(None))
    return uow.session.exec(statement.order_by(col(UsageQuestion.asked_at))).all()


def days_of(uow: UnitOfWork, county: str) -> Sequence[UsageDigest]:
    """The last days of a county, the newest first."""
    _own(uow, county)
    listed = select(UsageDigest).where(UsageDigest.county_code == county)
    return uow.session.exec(listed.order_by(col(UsageDigest.day).desc()).limit(MOST_DAYS)).all()


def _own(uow: UnitOfWork, county: str) -> None:
    require_reading(uow)
    if not uow.actor.scope.contains(RegionCode(county)):
        raise NotFound("没有找到这个县，或不在您负责的区域内")


def day_of(uow: UnitOfWork, county: str, day: date) -> UsageDigest:
    """One day of a county.

    Raises:
        NotFound: there is none here.
    """
    _own(uow, county)
    return uow.get(UsageDigest, county, day)


def questions_of(uow: UnitOfWork, county: str, day: date) -> Sequence[UsageQuestion]:
    """What was asked about a day."""
    listed = select(UsageQuestion).where(
        UsageQuestion.county_code == county, UsageQuestion.day == day
    )
    return uow.session.exec(listed.order_by(col(UsageQuestion.asked_at))).all()


def question_of(uow: UnitOfWork, question_id: str) -> UsageQuestion:
    """One question.

    Raises:
        NotFound: there is none here, or it is about another region.
    """
    found = uow.session.exec(select(UsageQuestion).where(UsageQuestion.id == question_id)).first()
    if found is None:
        raise NotFound("没有找到这个询问，可能还没有同步到本节点")
    _own(uow, found.county_code)
    return found


def ask(
    uow: UnitOfWork, county: str, day: date, line: tuple[str, str, str], text: str
) -> UsageQuestion:
    """Question a line (operator, kind, matter) of a county's day.

    Raises:
        Forbidden: the post does not supervise, or this is no supervising node.
        Invalid: nothing is asked, or too much.
        NotFound: the day has no such line.
    """
    if uow.level.rank >= Level.COUNTY.rank or not uow.actor.holds(*SUPERVISORS):
        raise Forbidden("询问由省、市数据质量监督员和市级稽核员提出")
    counted = line_of(day_of(uow, county, day), line)
    made = UsageQuestion(
        county_code=county,
        id=new_id(),
        day=day,
        actor_id=line[0],
        actor_name=counted["actor_name"],
        kind=line[1],
        matter=line[2],
        text=_said(text, "text"),
        asked_by_node=str(uow.node),
        asked_by_name=uow.actor.name,
        asked_at=uow.now,
    )
    uow.session.add(made)
    publish_question(uow, made)
    return made


def line_of(digest: UsageDigest, line: tuple[str, str, str]) -> dict[str, Any]:
    """The line of a digest that counts an operator's uses of a kind in a matter.

    Raises:
        NotFound: there is none.
    """
    for each in digest.lines:
        if (each["actor_id"], each["kind"], each["matter"]) == line:
            return each
    raise NotFound("这一天的摘要里没有这一行")


def _said(text: str, field: str) -> str:
    said = text.strip()
    if not said:
        raise Invalid("请写明内容", field=field)
    if len(said) > LONGEST:
        raise Invalid("最多 500 字", field=field)
    return said


def answer(uow: UnitOfWork, question_id: str, text: str) -> UsageQuestion:
    """Answer a question: the county's words, and every use the line counts, each provable.

    Raises:
        Forbidden: only the county's auditor answers.
        Conflict: it has been answered.
        Invalid: nothing is said, or too much.
    """
    question = question_of(uow, question_id)
    if uow.level is not Level.COUNTY or not uow.actor.holds(Role.AUDITOR):
        raise Forbidden("询问由县级稽核员答复")
    if question.answered_at is not None:
        raise Conflict("这个询问已经答复")
    question.answer = _said(text, "answer")
    question.answered_by_name, question.answered_at = uow.actor.name, uow.now
    line = (question.actor_id, question.kind, question.matter)
    question.entries = rules.entries_of(uses_of(uow, question.day), line)
    uow.session.add(question)
    publish_answer(uow, question)
    return question


def problems_of(uow: UnitOfWork, question: UsageQuestion) -> list[str]:
    """What is wrong with an answer, held against the digest that was signed on its day."""
    digest = uow.session.get(UsageDigest, (question.county_code, question.day))
    if digest is None:
        return ["本节点没有这一天的摘要"]
    line = (question.actor_id, question.kind, question.matter)
    count = int(line_of(digest, line)["count"])
    return rules.problems_of(
        question.entries, line, root=digest.root, uses=digest.uses, count=count
    )


def broken_days(uow: UnitOfWork) -> Iterator[str]:
    """Days whose digest does not hold: not chained, counts touched, or uses touched since."""
    everything = select(UsageDigest).order_by(col(UsageDigest.county_code), col(UsageDigest.day))
    before: UsageDigest | None = None
    for digest in uow.session.exec(everything):
        county, day = digest.county_code, digest.day
        follows = before is not None and before.county_code == county
        if follows and before is not None:
            next_day = before.day + timedelta(days=1)
            if digest.previous != before.head or day != next_day:
                yield f"{county} {day} 与前一天不相接"
        head = rules.head_of(county, day, digest.previous, digest.root, digest.lines)
        if head != digest.head or sum(line["count"] for line in digest.lines) != digest.uses:
            yield f"{county} {day} 摘要被改动"
        before = digest
    yield from _touched(uow)


def _touched(uow: UnitOfWork) -> Iterator[str]:
    """At the county: the last days counted again from the logs."""
    if uow.level is not Level.COUNTY:
        return
    recent = select(UsageDigest).where(UsageDigest.county_code == str(uow.node))
    for digest in uow.session.exec(recent.order_by(col(UsageDigest.day).desc()).limit(MOST_DAYS)):
        again = rules.seal(str(uow.node), digest.day, digest.previous, uses_of(uow, digest.day))
        if again.root != digest.root:
            yield f"{digest.day} 的使用记录与当日摘要不符：{digest.uses} 条，现有 {again.uses} 条"
