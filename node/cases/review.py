"""What the desks above do with cases: first review, review, approval, return, rejection.

Each verb takes many cases and answers for each: good ones go through in one transaction, refused
ones stay where they are and come back with the reason.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from node.cases.forms import read_form
from node.cases.gates import held_back
from node.cases.matter import Matter, matter_of
from node.cases.models import Case
from node.cases.rules import Action, State
from node.cases.steps import (
    Lot,
    Outcome,
    Taken,
    open_lot,
    own_stages,
    path_of,
    said,
    states_of,
    write,
)
from node.core.errors import Forbidden, Invalid, Problems, Refusal
from node.core.work import UnitOfWork

PASSED = {Action.FIRST_REVIEW: "初审通过", Action.REVIEW: "复核通过", Action.APPROVE: "同意"}


def first_review_many(
    uow: UnitOfWork, case_ids: Sequence[str], *, opinion: str = ""
) -> list[Outcome]:
    """Pass cases at the township (初审)."""
    return _pass(uow, case_ids, Action.FIRST_REVIEW, opinion)


def review_many(uow: UnitOfWork, case_ids: Sequence[str], *, opinion: str = "") -> list[Outcome]:
    """Pass cases at the county's review desk (复核)."""
    return _pass(uow, case_ids, Action.REVIEW, opinion)


def approve_many(uow: UnitOfWork, case_ids: Sequence[str], *, opinion: str = "") -> list[Outcome]:
    """Approve cases (审批) and do what approval means, in the same transaction."""
    return _pass(uow, case_ids, Action.APPROVE, opinion)


def pass_many(uow: UnitOfWork, case_ids: Sequence[str], *, opinion: str = "") -> list[Outcome]:
    """Pass cases each at the desk it lies on, if that is the actor's: a list may hold two kinds.

    Raises:
        Forbidden: the actor has no desk.
    """
    mine = own_stages(uow)
    if not mine:
        raise Forbidden("您的岗位不审核业务")
    states = states_of(uow, case_ids)
    outcomes: dict[str, Outcome] = {}
    for stage in mine:
        last = stage is mine[-1]  # what lies at nobody's desk here is refused by the last one
        ids = [
            one
            for one in case_ids
            if one not in outcomes and (states.get(one) is stage.state or last)
        ]
        outcomes |= {found.case_id: found for found in _pass(uow, ids, stage.action, opinion)}
    return [outcomes[one] for one in dict.fromkeys(case_ids)]


def return_many(
    uow: UnitOfWork,
    case_ids: Sequence[str],
    *,
    reason: str = "",
    remarks: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Send cases back to the step before (退回补正), saying what is wrong; `remarks` by field.

    Raises:
        Invalid: neither a reason nor a remark is given.
    """
    noted = {
        name: said(text, field=f"remark-{name}")
        for name, text in (remarks or {}).items()
        if text.strip()
    }
    reason = said(reason or "；".join(noted.values()), missing="请写明退回原因，便于补正")
    lot = open_lot(uow, case_ids, Action.RETURN)
    for case in lot.good:
        if not noted.keys() <= matter_of(case.matter).form.model_fields.keys():
            lot.refused[case.id] = Invalid("这份表单里没有所选的栏目", field="reason")
    taken = [
        Taken(case, Action.RETURN, path_of(case).back(State(case.state)), reason, noted)
        for case in lot.good
    ]
    write(uow, taken)
    return lot.outcomes()


def return_for_correction(
    uow: UnitOfWork, case_id: str, *, reason: str = "", remarks: Mapping[str, str] | None = None
) -> Outcome:
    """Send one case back to the step before.

    Raises:
        Refusal: it is not at the actor's desk, or nothing says what is wrong.
    """
    return _only(return_many(uow, [case_id], reason=reason, remarks=remarks))


def reject_many(uow: UnitOfWork, case_ids: Sequence[str], *, reason: str) -> list[Outcome]:
    """Decide against cases (不予办理). The reason goes to the person in writing.

    Raises:
        Invalid: no reason is given.
    """
    reason = said(reason, missing="请写明不予办理的理由，须书面告知本人")
    lot = open_lot(uow, case_ids, Action.REJECT)
    write(uow, [Taken(case, Action.REJECT, State.REJECTED, reason) for case in lot.good])
    return lot.outcomes()


def reject(uow: UnitOfWork, case_id: str, *, reason: str) -> Outcome:
    """Decide against one case.

    Raises:
        Refusal: it is not at the actor's desk, or no reason is given.
    """
    return _only(reject_many(uow, [case_id], reason=reason))


def pass_on(uow: UnitOfWork, case_id: str, action: Action, *, opinion: str = "") -> Outcome:
    """Pass one case at the desk it lies on.

    Raises:
        Refusal: it is not at the actor's desk, or its checks do not hold.
    """
    return _only(_pass(uow, [case_id], action, opinion))


def _pass(uow: UnitOfWork, case_ids: Sequence[str], action: Action, opinion: str) -> list[Outcome]:
    opinion = said(opinion, field="opinion") or PASSED[action]
    lot = open_lot(uow, case_ids, action)
    if action is Action.APPROVE:
        lot.refused |= held_back(uow, lot.good)
    results: dict[str, str] = {}
    for matter, group in _by_matter(lot):
        for case, result in _apply(uow, matter, group, lot, action=action):
            results[case.id] = result
    taken = [
        Taken(
            case,
            action,
            path_of(case).onward(State(case.state)),
            opinion,
            outcome=results[case.id] or None,
        )
        for case in lot.good
    ]
    write(uow, taken)
    return lot.outcomes()


def _apply(
    uow: UnitOfWork, matter: Matter[Any], group: Sequence[Case], lot: Lot, *, action: Action
) -> list[tuple[Case, str]]:
    """Check the forms of a group again, and let approval take effect; refusals go to the lot."""
    read = []
    for case in group:
        try:
            read.append((case, read_form(matter.form, json.loads(case.form))))
        except Refusal as refusal:
            lot.refused[case.id] = refusal
    found = matter.check_many(uow, [form for _, form in read])
    passed = []
    for (case, form), problems in zip(read, found, strict=True):
        if problems:
            lot.refused[case.id] = Problems(problems)
        else:
            passed.append((case, form))
    if action is not Action.APPROVE:
        return [(case, "") for case, _ in passed]
    approved = []
    for (case, _), result in zip(passed, _approve(uow, matter, passed), strict=True):
        if isinstance(result, Refusal):
            lot.refused[case.id] = result
        else:
            approved.append((case, result))
    return approved


def _approve(
    uow: UnitOfWork, matter: Matter[Any], passed: Sequence[tuple[Case, Any]]
) -> Sequence[str | Refusal]:
    """Let approval take effect. What a group cannot do together, each case does or is refused
    alone: a rate that is missing for one leaves the others their decision.
    """
    published = len(uow.pending)
    uow.session.flush()
    savepoint = uow.session.begin_nested()
    try:
        results = matter.approve_many(uow, passed)
        uow.session.flush()
    except Refusal as refusal:
        savepoint.rollback()
        del uow.pending[published:]
        if len(passed) == 1:
            return [refusal]
        return [result for one in passed for result in _approve(uow, matter, [one])]
    savepoint.commit()
    return results


def _by_matter(lot: Lot) -> list[tuple[Matter[Any], list[Case]]]:
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in lot.good:
        groups[case.matter].append(case)
    return [(matter_of(code), group) for code, group in groups.items()]


def _only(outcomes: Sequence[Outcome]) -> Outcome:
    outcome = outcomes[0]
    if outcome.refusal is not None:
        raise outcome.refusal
    return outcome
