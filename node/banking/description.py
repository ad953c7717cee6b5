"""What a bank's files look like: one bank is one declarative description (`banks/*.toml`).

A new bank is a new file there and no code, as long as it speaks text between separators or Excel.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from node.banking.rules import Answer, Direction, LineState
from node.core.errors import Invalid

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "order": "订单号",
        "name": "户名",
        "citizen_number": "证件号码",
        "account": "账号",
        "yuan": "金额",
        "batch": "批次号",
        "region": "行政区划",
        "purpose": "用途",
        "code": "处理结果",
        "bank_reference": "银行流水号",
        "day": "交易日期",
    }
)
"""What the columns of a workbook are headed; `yuan` is an amount like 200.00."""

NEEDED_OUT = frozenset({"order", "name", "yuan", "account"})
NEEDED_IN = frozenset({"order", "yuan", "code"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A kind of file that comes back: its name, and which states its lines may have."""

    direction: Direction
    pattern: re.Pattern[str]
    states: frozenset[LineState]
    example: str


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank's interface."""

    code: str
    title: str
    format: str
    encoding: str
    separator: str
    lines_limit: int
    totals: str
    control_suffix: str
    outgoing: Sequence[str]
    file_names: Mapping[Direction, str]
    incoming: Sequence[str]
    result_files: Sequence[ResultFile]
    answers: Mapping[str, Answer]

    def file_name(self, direction: Direction, *, batch: int, part: int) -> str:
        """The name of one part of a batch on its way out."""
        return self.file_names[direction].format(batch=batch, part=part)

    def result_file(self, name: str) -> ResultFile:
        """What a file that came back is, by its name.

        Raises:
            Invalid: the bank sends no file of this name.
        """
        for kind in self.result_files:
            if kind.pattern.fullmatch(name):
                return kind
        raise Invalid("文件名不是该银行的回盘文件，请核对银行和文件", field="file")

    def answer(self, code: str) -> Answer:
        """What a code of the bank means; one nobody has described is no answer yet."""
        found = self.answers.get(code)
        return found or Answer(code, LineState.UNCLEAR, "银行返回了没有说明的代码，结果待查")


def read_bank(text: str) -> Bank:
    """The bank a TOML text describes.

    Raises:
        ValueError: a column is unknown or missing.
    """
    data = tomllib.loads(text)
    outgoing, incoming = data["outgoing"]["columns"], data["incoming"]["columns"]
    _check_columns(data["code"], outgoing, needed=NEEDED_OUT)
    _check_columns(data["code"], incoming, needed=NEEDED_IN)
    answers = {
        row["code"]: Answer(
            row["code"], LineState(row["state"]), row["reason"], row.get("remedy", "")
        )
        for row in data["answer"]
    }
    names = data["outgoing"]["file_name"]
    return Bank(
        code=data["code"],
        title=data["title"],
        format=data["format"],
        encoding=data.get("encoding", ""),
        separator=data.get("separator", ""),
        lines_limit=data["lines_limit"],
        totals=data["totals"],
        control_suffix=data.get("control_suffix", ""),
        outgoing=tuple(outgoing),
        file_names={direction: names[direction.value] for direction in Direction},
        incoming=tuple(incoming),
        result_files=tuple(_result_file(row) for row in data["incoming"]["files"]),
        answers=MappingProxyType(answers),
    )


def _check_columns(bank: str, columns: Sequence[str], *, needed: frozenset[str]) -> None:
    unknown, missing = set(columns) - set(HEADINGS), needed - set(columns)
    if unknown or missing:
        raise ValueError(f"{bank}: unknown columns {unknown}, missing {missing}")


def _result_file(row: Mapping[str, Any]) -> ResultFile:
    return ResultFile(
        direction=Direction(row["direction"]),
        pattern=re.compile(row["pattern"]),
        states=frozenset(LineState(state) for state in row["states"]),
        example=row["example"],
    )


@cache
def banks() -> Mapping[str, Bank]:
    """Every bank that is described, by code."""
    folder = files("node.banking") / "banks"
    found = [
        read_bank(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    return MappingProxyType({bank.code: bank for bank in sorted(found, key=lambda b: b.code)})


def bank(code: str) -> Bank:
    """A bank by its code.

    Raises:
        Invalid: nobody has described it.
    """
    found = banks().get(code)
    if found is None:
        raise Invalid("没有这家银行的接口说明", field="bank")
    return found
