"""Public notices by verb: the county lists, the village posts, anybody objects, the county answers.

A case of a matter that is posted (by the bulletin in force, 公示办法) is approved only after its
notice has hung for its days without an objection that stands or waits.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from node.cases.matter import matters
from node.cases.models import Case
from node.cases.queries import typed_values
from node.cases.rules import State
from node.cases.steps import hand, notice_days, said
from node.core.db import insert_new
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from node.core.ids import new_id
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from node.notices.models import NoticeCase, Objection, PublicNotice
from node.notices.records import (
    ANSWERED,
    ISSUED,
    OBJECTED,
    POSTED,
    notices,
    objections,
    on_notice,
    tell,
)
from node.notices.rules import Standing, refusal
from tiers import Duty, Level

LISTED = 200
ROWS_MOST = 500
"""Cases on one list; what is over goes on the next one."""
_DECIDING = frozenset({Duty.REVIEW, Duty.APPROVE})
_POSTING = frozenset({Duty.ENTER, Duty.FIRST_REVIEW, *_DECIDING})


@dataclass(frozen=True, slots=True)
class Waiting:
    """Cases of one matter and village that wait for a notice."""

    village: str
    matter: str
    number: int
    days: int


def waiting(uow: UnitOfWork) -> list[Waiting]:
    """What has to be posted before it can be approved and is on no list yet; at the county."""
    if uow.level is not Level.COUNTY:
        return []
    counted = Counter((case.village, case.matter) for case in _unlisted(uow))
    return [
        Waiting(village, matter, number, notice_days(uow, matter))
        for (village, matter), number in sorted(counted.items())
    ]


def _unlisted(uow: UnitOfWork, *, village: str = "", matter: str = "") -> list[Case]:
    posted = [one.code for one in matters() if notice_days(uow, one.code)]
    listed = select(NoticeCase.case_id).where(NoticeCase.county_code == str(uow.node.county))
    statement = select(Case).where(
        Case.county_code == str(uow.node.county),
        Case.state == str(State.APPROVAL),
        col(Case.matter).in_([matter] if matter in posted else [] if matter else posted),
        col(Case.village).startswith(uow.actor.scope.prefix),
        col(Case.id).not_in(listed),
    )
    if village:
        statement = statement.where(Case.village == village)
    return list(uow.session.exec(statement.order_by(Case.subject_name, Case.id).limit(ROWS_MOST)))


def issue(uow: UnitOfWork, *, village: str, matter: str) -> PublicNotice:
    """Make the list of a village's cases that wait for a notice, and send it to the village.

    Raises:
        Forbidden: the actor does not decide cases at the county.
        NotFound: no case waits for a notice there.
    """
    _require(uow, _DECIDING, county=True)
    cases = _unlisted(uow, village=village, matter=matter)
    if not cases:
        raise NotFound("这个村没有等待公示的业务")
    notice = PublicNotice(
        county_code=str(uow.node.county),
        id=new_id(),
        village=village,
        matter=matter,
        days=notice_days(uow, matter),
        rows=json.dumps([_row(case) for case in cases], ensure_ascii=False),
        issued_on=uow.today,
        issued_by=uow.actor.name,
    )
    insert_new(uow.connection, notices, [notice.model_dump()])
    listed = [
        {"county_code": notice.county_code, "case_id": case.id, "notice_id": notice.id}
        for case in cases
    ]
    insert_new(uow.connection, on_notice, listed)
    body = {
        "matter": matter,
        "days": notice.days,
        "rows": rows_of(notice),
        "issued_on": notice.issued_on.isoformat(),
        "issued_by": notice.issued_by,
    }
    tell(uow, ISSUED, notice.id, body, village=village)
    return notice


def _row(case: Case) -> dict[str, str]:
    """What is posted of a case: just enough to know who is meant (个人信息保护法 §25)."""
    number = str(typed_values(case).get("citizen_number", ""))
    sex = ("女", "男")[int(number[16]) % 2] if number[16:17].isdigit() else ""
    return {
        "case_id": case.id,
        "name": case.subject_name,
        "sex": sex,
        "number": mask_citizen_number(number),
    }


def rows_of(notice: PublicNotice) -> list[dict[str, Any]]:
    """What is posted, line by line."""
    rows: list[dict[str, Any]] = json.loads(notice.rows)
    return rows


def line_of(row: Mapping[str, Any]) -> str:
    """What an objection against this line names: the case, or the line of a list without cases."""
    return str(row["case_id"] or row["line"])


def listed(uow: UnitOfWork) -> list[PublicNotice]:
    """Notices of the region the actor works for, the latest first; the last two hundred."""
    statement = select(PublicNotice).where(*_seen(uow))
    order = (col(PublicNotice.issued_on).desc(), col(PublicNotice.id).desc())
    return list(uow.session.exec(statement.order_by(*order).limit(LISTED)))


def _seen(uow: UnitOfWork) -> list[Any]:
    if not hand(uow).duties:
        raise Forbidden("您的岗位不办理公示")
    return [
        col(PublicNotice.county_code) == str(uow.node.county),
        col(PublicNotice.village).startswith(uow.actor.scope.prefix),
    ]


def notice_of(uow: UnitOfWork, notice_id: str) -> PublicNotice:
    """One notice.

    Raises:
        NotFound: there is none, or it lies outside the region the actor works for.
    """
    statement = select(PublicNotice).where(PublicNotice.id == notice_id, *_seen(uow))
    found = uow.session.exec(statement).first()
    if found is None:
        raise NotFound("没有找到这份公示，或不在您负责的区域内")
    return found


def post(uow: UnitOfWork, notice_id: str, *, on: date) -> None:
    """Record that a list hangs in the village since a day; offices above may do it for a village.

    Raises:
        Forbidden: it is not the actor's duty.
        Conflict: it hangs already.
        Invalid: the day lies before the list was made, or after today.
    """
    _require(uow, _POSTING)
    notice = notice_of(uow, notice_id)
    if notice.posted_on is not None:
        raise Conflict("这份公示已经登记张贴")
    if not notice.issued_on <= on <= uow.today:
        raise Invalid("张贴日期应在公示名单生成之后、今天或以前", field="posted_on")
    notice.posted_on, notice.posted_by = on, uow.actor.name
    uow.session.add(notice)
    body = {"posted_on": on.isoformat(), "posted_by": uow.actor.name}
    tell(uow, POSTED, notice.id, body, village=notice.village)


def object_to(
    uow: UnitOfWork, notice_id: str, *, case_id: str, words: str, objector: str, on: date
) -> None:
    """Record an objection against a line of a list, or the whole; its author may stay unnamed.

    Raises:
        Forbidden: it is not the actor's duty.
        Invalid: nothing is said, the line is none, or the day lies outside the time the list hangs.
    """
    _require(uow, _POSTING)
    notice = notice_of(uow, notice_id)
    words = said(words, missing="请写明异议的内容", field="words")
    if case_id and case_id not in {line_of(row) for row in rows_of(notice)}:
        raise Invalid("公示名单里没有这一行", field="case_id")
    if notice.posted_on is None or not notice.posted_on <= on <= uow.today:
        raise Invalid("异议应在张贴之后、今天或以前提出", field="received_on")
    row = {
        "county_code": notice.county_code,
        "id": new_id(),
        "notice_id": notice.id,
        "case_id": case_id,
        "said": words,
        "objector": objector.strip()[:40],
        "received_on": on,
        "recorded_by": uow.actor.name,
        "upheld": None,
        "answer": "",
        "answered_on": None,
        "answered_by": "",
    }
    insert_new(uow.connection, objections, [row])
    told = ("notice_id", "case_id", "said", "objector", "recorded_by")
    body = {name: row[name] for name in told} | {"received_on": on.isoformat()}
    tell(uow, OBJECTED, str(row["id"]), body, village=notice.village)


def answer(uow: UnitOfWork, objection_id: str, *, upheld: bool, words: str) -> Objection:
    """Answer an objection at the county, once.

    Raises:
        Forbidden: the actor does not decide cases at the county.
        Conflict: it has been answered.
        Invalid: the answer says nothing.
    """
    _require(uow, _DECIDING, county=True)
    objection = uow.get(Objection, str(uow.node.county), objection_id)
    notice = notice_of(uow, objection.notice_id)
    if objection.upheld is not None:
        raise Conflict("这条异议已经答复")
    objection.answer = said(words, missing="请写明核实情况和答复", field=f"answer-{objection_id}")
    objection.upheld, objection.answered_on = upheld, uow.today
    objection.answered_by = uow.actor.name
    uow.session.add(objection)
    body = {
        "upheld": upheld,
        "answer": objection.answer,
        "answered_on": uow.today.isoformat(),
        "answered_by": uow.actor.name,
    }
    tell(uow, ANSWERED, objection.id, body, village=notice.village)
    return objection


def objections_to(uow: UnitOfWork, notice_ids: Sequence[str]) -> Mapping[str, list[Objection]]:
    """Objections by notice, the earliest first."""
    found: dict[str, list[Objection]] = defaultdict(list)
    statement = select(Objection).where(col(Objection.notice_id).in_(list(notice_ids)))
    for one in uow.session.exec(statement.order_by(col(Objection.received_on), Objection.id)):
        found[one.notice_id].append(one)
    return found


def standing_of(
    notice: PublicNotice, against: Sequence[Objection], *, case_id: str | None = None
) -> Standing:
    """How a notice stands, or one line of it, which what is said against the whole concerns too."""
    mine = [one for one in against if case_id is None or one.case_id in ("", case_id)]
    return Standing(
        posted_on=notice.posted_on,
        days=notice.days,
        open_objections=sum(one.upheld is None for one in mine),
        upheld_objections=sum(one.upheld is True for one in mine),
    )


def gate(uow: UnitOfWork, cases: Sequence[Case]) -> dict[str, Refusal]:
    """Cases that have to wait for their notice, with the reason."""
    posted = [case for case in cases if notice_days(uow, case.matter)]
    if not posted:
        return {}
    ids = [case.id for case in posted]
    links = uow.session.exec(select(NoticeCase).where(col(NoticeCase.case_id).in_(ids))).all()
    notice_ids = sorted({link.notice_id for link in links})
    statement = select(PublicNotice).where(col(PublicNotice.id).in_(notice_ids))
    known = {notice.id: notice for notice in uow.session.exec(statement)}
    against = objections_to(uow, notice_ids)
    standings = {
        link.case_id: standing_of(
            known[link.notice_id], against.get(link.notice_id, []), case_id=link.case_id
        )
        for link in links
        if link.notice_id in known
    }
    refused = {case.id: refusal(standings.get(case.id), uow.today) for case in posted}
    return {case_id: found for case_id, found in refused.items() if found is not None}


def _require(uow: UnitOfWork, duties: frozenset[Duty], *, county: bool = False) -> None:
    who = hand(uow)
    if not who.duties & duties or (county and who.level is not Level.COUNTY):
        raise Forbidden("公示由县级复核、审批岗编制和答复，由协管员或乡镇张贴和登记")


def require_deciding(uow: UnitOfWork) -> None:
    """Only who decides cases at the county makes lists.

    Raises:
        Forbidden: the actor does not.
    """
    _require(uow, _DECIDING, county=True)


def may_decide(uow: UnitOfWork) -> bool:
    """Whether the actor makes lists and answers objections."""
    who = hand(uow)
    return bool(who.duties & _DECIDING) and who.level is Level.COUNTY


def may_post(uow: UnitOfWork) -> bool:
    """Whether the actor records postings and objections."""
    return bool(hand(uow).duties & _POSTING)
