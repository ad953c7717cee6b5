"""How the house says no.

Refusal                 the request is understood and refused; nothing was changed
├── NotFound            404  no such thing, or none this person may see
├── Forbidden           403  the duty is not theirs (two people for one case)
├── Conflict            409  somebody was there before
├── Invalid             422  a value cannot be accepted; `field` names it
│   └── Problems        422  several values at once; `problems` holds each
└── Unavailable         503  something this needs is not there yet, and may be later

A message is a Chinese sentence for a person: what is wrong and what to do. `details` are for
programs, and fill the {placeholders} of the message, so that a page can translate it first.
Programming errors stay ordinary exceptions.
"""

from collections.abc import Iterable

from node.core.i18n import sentence


class Refusal(Exception):  # noqa: N818  # a refusal is an answer, not an error
    """The request is understood and refused; the transaction is rolled back."""

    code = "refused"
    status = 400

    def __init__(self, message: str, *, field: str | None = None, **details: object) -> None:
        self.message = sentence(message, **details)
        super().__init__(self.message)
        self.field = field
        self.details = details


class NotFound(Refusal):
    """There is no such thing, or none this person may see."""

    code = "not_found"
    status = 404


class Forbidden(Refusal):
    """The duty is not theirs."""

    code = "forbidden"
    status = 403


class Conflict(Refusal):
    """Somebody was there before."""

    code = "conflict"
    status = 409


class Invalid(Refusal):
    """A value cannot be accepted; `field` names it."""

    code = "invalid"
    status = 422


class Unavailable(Refusal):
    """Something this needs is not there yet, and may be later."""

    code = "unavailable"
    status = 503


class Problems(Invalid):
    """Several values cannot be accepted; a form shows each beside its field."""

    code = "problems"

    def __init__(self, problems: Iterable[Invalid]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        count = len(self.problems)
        if count == 1:
            super().__init__(first.message, field=first.field)
        else:
            super().__init__("有 {count} 处需要改正", field=first.field, count=count)


def refuse_all(problems: Iterable[Invalid]) -> None:
    """Raise every problem at once, or nothing when there is none.

    Raises:
        Problems: there is at least one.
    """
    found = tuple(problems)
    if found:
        raise Problems(found)
