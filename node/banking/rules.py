"""What a line of a bank batch may become, and what an answer of the bank means for it.

Amounts are integer fen. Direction-neutral: the same rules hold for money collected (代扣) and money
paid out (代发). Source: the batch interface and pitfalls in the agency handbooks; the rule that a
time-out is neither success nor failure is this project's convention, kept by the database itself:
what may have been done is never presented again before the bank has said that it was not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from node.core.errors import Invalid
from node.core.titled import TitledEnum

BATCH_DIGITS, LINE_DIGITS = 6, 6
NAME_CHARS = 60
LARGEST_FEN = 10**11


class Direction(TitledEnum):
    """Which way the money goes, seen from the agency."""

    COLLECT = "collect", "代扣"
    PAY = "pay", "代发"


class LineState(TitledEnum):
    """Where one line of a batch stands."""

    WAITING = "waiting", "待报盘"
    SENT = "sent", "待回盘"
    SUCCEEDED = "succeeded", "成功"
    FAILED = "failed", "失败"
    UNCLEAR = "unclear", "结果待查"
    RETURNED = "returned", "已退回"


LIVE = (LineState.WAITING, LineState.SENT, LineState.SUCCEEDED, LineState.UNCLEAR)
"""The same thing may stand in one line of these states only: it may yet be done, or was done."""

OPEN = (LineState.SENT, LineState.UNCLEAR)
"""What the bank still owes an answer for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A code of a bank: the state it gives a line, and why, in Chinese. `remedy` names what helps
    the person, for whoever makes the batch.
    """

    code: str
    state: LineState
    reason: str
    remedy: str = ""


class Outcome(StrEnum):
    """What became of one row of a result file. All but TAKEN and REPEATED ask for a person."""

    TAKEN = "taken"
    REPEATED = "repeated"
    UNKNOWN = "unknown"
    DOUBLE = "double"
    AMOUNT = "amount"
    PERSON = "person"
    REFERENCE = "reference"
    CONTRADICTION = "contradiction"


OUTCOME_TITLES = {
    Outcome.TAKEN: "已采用",
    Outcome.REPEATED: "与以前的回盘相同",
    Outcome.UNKNOWN: "本机构没有报送过这一笔",
    Outcome.DOUBLE: "同一笔在一个文件里出现两次",
    Outcome.AMOUNT: "金额与报送的不符",
    Outcome.PERSON: "户名与报送的不符",
    Outcome.REFERENCE: "银行流水号以前用过",
    Outcome.CONTRADICTION: "与以前的回盘结果矛盾",
}

MOVES: dict[LineState, frozenset[LineState]] = {
    LineState.SENT: frozenset(
        {LineState.SUCCEEDED, LineState.FAILED, LineState.UNCLEAR, LineState.RETURNED}
    ),
    LineState.UNCLEAR: frozenset({LineState.SUCCEEDED, LineState.FAILED, LineState.RETURNED}),
    LineState.SUCCEEDED: frozenset({LineState.RETURNED}),
}
"""What a bank may still say of a line. Everything else contradicts what it said before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of a result file beside the line it names."""

    answer: LineState
    line: LineState | None
    is_first: bool
    same_fen: bool
    same_name: bool
    new_reference: bool


def judge(claim: Claim) -> Outcome:
    """What becomes of a row; the first thing that is wrong with it counts."""
    if claim.line is None or claim.line is LineState.WAITING:
        return Outcome.UNKNOWN
    found = (
        (Outcome.DOUBLE, not claim.is_first),
        (Outcome.AMOUNT, not claim.same_fen),
        (Outcome.PERSON, not claim.same_name),
        (Outcome.REPEATED, claim.line is claim.answer),
        (Outcome.REFERENCE, not claim.new_reference),
        (Outcome.TAKEN, claim.answer in MOVES.get(claim.line, ())),
    )
    return next((outcome for outcome, holds in found if holds), Outcome.CONTRADICTION)


def order_number(batch_no: int, line_no: int) -> str:
    """The number a line bears at the bank: unique in the county for ever."""
    return f"{batch_no:0{BATCH_DIGITS}d}{line_no:0{LINE_DIGITS}d}"


def read_order_number(text: str) -> tuple[int, int]:
    """Batch and line of an order number.

    Raises:
        Invalid: it is none of ours.
    """
    text = text.strip()
    if len(text) != BATCH_DIGITS + LINE_DIGITS or not (text.isascii() and text.isdigit()):
        raise Invalid(f"“{text[:20]}”不是本系统的订单号")
    return int(text[:BATCH_DIGITS]), int(text[BATCH_DIGITS:])


def line_problems(name: str, fen: int, *, encoding: str, separator: str) -> Iterator[Invalid]:
    """What keeps a line out of this bank's files, in words for the person who makes the batch."""
    if not 0 < fen <= LARGEST_FEN:
        yield Invalid("金额须大于零，且不超过十亿元", field="fen")
    if not name.strip() or len(name) > NAME_CHARS:
        yield Invalid(f"户名须有一至 {NAME_CHARS} 个字", field="name")
    if any(mark in name for mark in ("\n", "\r", *([separator] if separator else []))):
        yield Invalid("户名含有该银行接口不能用的分隔符", field="name")
    if encoding:
        try:
            name.encode(encoding)
        except UnicodeEncodeError:
            yield Invalid("户名含有该银行接口不能表示的生僻字，请改用其他方式", field="name")
