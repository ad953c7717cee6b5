"""What can be done with cases, by verb. Other capabilities, programs and pages begin here."""

from node.cases.drafts import (
    discard_draft,
    draft_of_case,
    list_drafts,
    open_draft,
    save_draft,
    values_of,
)
from node.cases.queries import (
    Filter,
    Tab,
    case_of,
    cases_of_person,
    counts,
    inbox,
    reveal,
    tabs,
    timeline,
)
from node.cases.review import (
    approve_many,
    first_review_many,
    pass_many,
    pass_on,
    reject,
    reject_many,
    return_for_correction,
    return_many,
    review_many,
)
from node.cases.steps import Outcome
from node.cases.submit import preview_many, resubmit, submit, submit_many, withdraw

__all__ = [
    "Filter",
    "Outcome",
    "Tab",
    "approve_many",
    "case_of",
    "cases_of_person",
    "counts",
    "discard_draft",
    "draft_of_case",
    "first_review_many",
    "inbox",
    "list_drafts",
    "open_draft",
    "pass_many",
    "pass_on",
    "preview_many",
    "reject",
    "reject_many",
    "resubmit",
    "return_for_correction",
    "return_many",
    "reveal",
    "review_many",
    "save_draft",
    "submit",
    "submit_many",
    "tabs",
    "timeline",
    "values_of",
    "withdraw",
]
