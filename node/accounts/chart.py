"""The chart of accounts (会计科目表) as data, and what kinds of posting there are."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from node.accounts.sources import Source
from node.core.titled import TitledEnum

CONTROL = "individual_accounts"
"""个人账户基金: its balance is the sum of all individual accounts (migration 0002 knows it too)."""


class Kind(TitledEnum):
    """Why an individual account moved; `title` is what statements print."""

    CONTRIBUTION = "contribution", "缴费"
    MAKE_UP = "make_up", "补缴"
    COLLECTIVE = "collective", "集体补助"
    PAID_ON_BEHALF = "paid_on_behalf", "政府代缴"
    SUBSIDY = "subsidy", "缴费补贴"
    INTEREST = "interest", "年度计息"
    SETTLEMENT = "settlement", "中途结息"
    CORRECTION = "correction", "利息更正"
    OPENING = "opening", "期初余额"
    REVERSAL = "reversal", "红字冲销"
    FUND_TRANSFER = "fund_transfer", "资金划转"
    SUSPENSE = "suspense", "待查款项"
    PENSION = "pension", "支付养老金"
    PENSION_BACK = "pension_back", "多发养老金转回"
    REFUND = "refund", "余额退还"
    TO_FUND = "to_fund", "退回基金"
    TRANSFER_OUT = "transfer_out", "关系转出"
    TRANSFER_IN = "transfer_in", "关系转入"
    TRANSFER_MONEY = "transfer_money", "转移款收付"


class Side(StrEnum):
    """The side on which a general-ledger account normally has its balance."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class GeneralAccount:
    """One account (科目) of the general ledger."""

    code: str
    number: str
    title: str
    side: Side


@dataclass(frozen=True, slots=True)
class Chart:
    """The accounts in order, and which of them stands opposite the individual accounts."""

    accounts: Mapping[str, GeneralAccount]
    contra: Mapping[tuple[str, str | None], str]

    def opposite(self, kind: str, source: str) -> str:
        """The account opposite a posting of this kind and source.

        Raises:
            KeyError: the chart does not say; whoever adds a kind completes the chart.
        """
        exact = self.contra.get((kind, source))
        return exact if exact is not None else self.contra[kind, None]

    def title(self, code: str) -> str:
        """What people call an account; its code when the chart has forgotten it."""
        found = self.accounts.get(code)
        return found.title if found else code


def read_chart(text: str) -> Chart:
    """The chart a TOML text describes."""
    data = tomllib.loads(text)
    accounts = {
        row["code"]: GeneralAccount(row["code"], row["number"], row["title"], Side(row["side"]))
        for row in data["account"]
    }
    contra = {(row["kind"], row.get("source")): row["account"] for row in data["contra"]}
    return Chart(MappingProxyType(accounts), MappingProxyType(contra))


@cache
def chart() -> Chart:
    """The chart shipped with the program."""
    return read_chart(files("node.accounts").joinpath("chart.toml").read_text(encoding="utf-8"))


def opposite(kind: str, source: Source) -> str:
    """The general-ledger account opposite a posting, by the shipped chart."""
    return chart().opposite(kind, source)
