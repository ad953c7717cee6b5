"""The rulebook. Each is one set-based query for what contradicts it, and its sentences.

A query yields rows of `county_code, village, subject, person_id, first, second, third`. `subject`
names the finding within its rule, so that the same contradiction is found as the same one. Rules
that see more than one county are asked where more than one is held.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select

from node.core.i18n import _
from node.policy.quality_bodies import Severity
from node.quality import about_lists, about_money, about_people

Query = Callable[[str, date], Select[Any]]
"""(county code, today) → the contradictions of a county."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it says, how grave it is unless a bulletin says otherwise, what to do.

    `says` is filled with the finding's `first`, `second` and `third`. `among` rules compare the
    counties a node holds; a county alone cannot see them. `listed` ones rest on lists of other
    departments, which only the node that took them in has.
    """

    code: str
    title: str
    severity: Severity
    says: str
    remedy: str
    query: Query
    among: bool = False
    listed: bool = False


_CHECK = _("核对居民身份证件，信息有误的办理变更登记")
_CLOSE = _("办理注销登记或更正参保日期")

RULES: Mapping[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule(
            "underage",
            _("不满 16 周岁参保"),
            Severity.ERROR,
            _("%(first)s 出生，%(second)s 参保"),
            _CHECK,
            about_people.underage,
        ),
        Rule(
            "dead_enrolled",
            _("已登记死亡，参保关系没有终止"),
            Severity.ERROR,
            _("%(first)s 死亡登记"),
            _CLOSE,
            about_people.dead_enrolled,
        ),
        Rule(
            "very_old",
            _("年龄超过 105 周岁仍在参保"),
            Severity.WARNING,
            _("%(first)s 出生"),
            _("入户核实本人是否健在"),
            about_people.very_old,
        ),
        Rule(
            "same_name_birth_village",
            _("同村、同名、同日出生的两人"),
            Severity.WARNING,
            _("另有一人 %(first)s 出生，同村同名"),
            _("核对是否一人两号"),
            about_people.alike,
        ),
        Rule(
            "due_not_claimed",
            _("已满 60 周岁三个月，没有申领待遇"),
            Severity.NOTICE,
            _("%(first)s 出生"),
            _("通知本人申领"),
            about_people.due_not_claimed,
        ),
        Rule(
            "drawing_too_young",
            _("不满 60 周岁领取待遇"),
            Severity.ERROR,
            _("%(first)s 出生，%(second)s 起领取"),
            _("核实出生日期；多发的追回"),
            about_people.drawing_too_young,
        ),
        Rule(
            "drawing_not_enrolled",
            _("没有参保关系而领取待遇"),
            Severity.ERROR,
            _("%(first)s 起领取，每月 %(second)s 分"),
            _("补办参保手续或停发"),
            about_people.drawing_not_enrolled,
        ),
        Rule(
            "drawing_without_bank_account",
            _("领取待遇而没有银行账号"),
            Severity.WARNING,
            _("%(first)s 起领取"),
            _("补登本人银行账号"),
            about_people.drawing_without_bank_account,
        ),
        Rule(
            "enrolled_in_two_counties",
            _("在两个县同时参保"),
            Severity.ERROR,
            _("同时在 %(first)s 参保"),
            _("两县协商保留一处，另一处注销并转移账户"),
            about_people.enrolled_in_two_counties,
            among=True,
        ),
        Rule(
            "drawing_in_two_counties",
            _("在两个县同时领取待遇"),
            Severity.ERROR,
            _("同时在 %(first)s 领取"),
            _("停发一处，多发的追回"),
            about_people.drawing_in_two_counties,
            among=True,
        ),
        Rule(
            "on_death_list",
            _("死亡名单上的人，参保关系没有终止"),
            Severity.ERROR,
            _("%(first)s 死亡，%(second)s"),
            _("核实后办理死亡注销；多发的追回"),
            about_lists.on_death_list,
            listed=True,
        ),
        Rule(
            "in_employees_scheme",
            _("同时参加职工养老保险"),
            Severity.WARNING,
            _("%(first)s 参加职工养老保险，%(second)s"),
            _("通知本人办理制度衔接，停止居民养老保险缴费"),
            about_lists.in_employees_scheme,
            listed=True,
        ),
        Rule(
            "not_in_household",
            _("户籍名册里没有的参保人"),
            Severity.NOTICE,
            _("%(first)s 的户籍名册里没有"),
            _("核对户籍，迁出的办理关系转移"),
            about_lists.not_in_household,
            listed=True,
        ),
        Rule(
            "amount_not_grade",
            _("缴费金额与档次不符"),
            Severity.ERROR,
            _("%(first)s 年度缴 %(second)s 分，档次 %(third)s 分"),
            _("冲销后按档次重新记账"),
            about_money.amount_not_grade,
        ),
        Rule(
            "paid_not_enrolled",
            _("没有参保关系而缴费"),
            Severity.ERROR,
            _("%(first)s 年度，%(second)s 到账"),
            _("退还或补办参保手续"),
            about_money.paid_not_enrolled,
        ),
        Rule(
            "paid_after_closing",
            _("参保关系终止以后缴费"),
            Severity.ERROR,
            _("%(first)s 终止，%(second)s 缴费"),
            _("退还缴费"),
            about_money.paid_after_closing,
        ),
        Rule(
            "subsidy_without_contribution",
            _("没有缴费而有补贴"),
            Severity.ERROR,
            _("%(first)s 年度"),
            _("冲销补贴"),
            about_money.subsidy_without_contribution,
        ),
        Rule(
            "contribution_without_posting",
            _("缴费没有记入个人账户"),
            Severity.ERROR,
            _("%(first)s 年度，凭证 %(second)s"),
            _("核对凭证后补记"),
            about_money.contribution_without_posting,
        ),
        Rule(
            "negative_source",
            _("个人账户某一来源余额为负"),
            Severity.ERROR,
            _("来源 %(first)s，余额 %(second)s 分"),
            _("核对该来源的记账"),
            about_money.negative_source,
        ),
        Rule(
            "posting_without_entry",
            _("个人账户记账没有凭证"),
            Severity.ERROR,
            _("凭证 %(first)s"),
            _("核对凭证同步情况，报上级"),
            about_money.posting_without_entry,
        ),
        Rule(
            "account_without_enrolment",
            _("有个人账户而从未参保"),
            Severity.ERROR,
            _("%(first)s 开户"),
            _("核对开户依据"),
            about_money.account_without_enrolment,
        ),
        Rule(
            "entitlement_does_not_add_up",
            _("待遇合计不等于各组成部分之和"),
            Severity.ERROR,
            _("合计 %(first)s 分，低于基础 %(second)s 分与账户 %(third)s 分之和"),
            _("重新核定待遇"),
            about_money.entitlement_does_not_add_up,
        ),
    )
}
