"""People: roles at each level, their duties, and what one person must not hold together.

Source: the founding notice 三.二 and 三.三; business rules §1. Two kinds of separation:

- some **roles** are never given to one person (会计与审批; 系统管理员与任何业务岗位);
- some **duties** are never done by one person **on the same case** (录入、初审、复核、审批;
  发放编制、发放复核与审批), although that person may do each of them on different cases.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType

from tiers.level import Level


class Duty(StrEnum):
    """One thing a role is there to do."""

    ENTER = "enter"
    FIRST_REVIEW = "first_review"
    REVIEW = "review"
    APPROVE = "approve"
    CERTIFY_SURVIVAL = "certify_survival"
    COLLECT = "collect"
    KEEP_ACCOUNTS = "keep_accounts"
    COMPUTE_PAYROLL = "compute_payroll"
    REVIEW_PAYROLL = "review_payroll"
    KEEP_ARCHIVES = "keep_archives"
    AUDIT = "audit"
    ASSESS = "assess"
    SUPERVISE_QUALITY = "supervise_quality"
    MAKE_POLICY = "make_policy"
    REPORT_STATISTICS = "report_statistics"
    ADMINISTER = "administer"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _DUTY_TITLE[self]


class Role(StrEnum):
    """A post (岗位) at one or several levels."""

    COORDINATOR = "coordinator"
    CLERK = "clerk"
    ACCEPTOR = "acceptor"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ACCOUNTANT = "accountant"
    PAYROLL_OFFICER = "payroll_officer"
    ARCHIVIST = "archivist"
    AUDITOR = "auditor"
    INSPECTOR = "inspector"
    ASSESSOR = "assessor"
    QUALITY_SUPERVISOR = "quality_supervisor"
    POLICY_OFFICER = "policy_officer"
    STATISTICIAN = "statistician"
    ADMINISTRATOR = "administrator"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _POSTS[self].title

    @property
    def description(self) -> str:
        """What the person does, in a sentence they may read on their first day."""
        return _POSTS[self].description

    @property
    def duties(self) -> frozenset[Duty]:
        return _POSTS[self].duties

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that have this post."""
        return _POSTS[self].levels

    @property
    def sees_business(self) -> bool:
        """False for the administrator, who keeps the machine and sees no business data."""
        return self is not Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class _Post:
    title: str
    levels: tuple[Level, ...]
    duties: frozenset[Duty]
    description: str


_DUTY_TITLE = {
    Duty.ENTER: "录入",
    Duty.FIRST_REVIEW: "初审",
    Duty.REVIEW: "复核",
    Duty.APPROVE: "审批",
    Duty.CERTIFY_SURVIVAL: "生存认证",
    Duty.COLLECT: "代收保费",
    Duty.KEEP_ACCOUNTS: "财务核算",
    Duty.COMPUTE_PAYROLL: "发放编制",
    Duty.REVIEW_PAYROLL: "发放复核",
    Duty.KEEP_ARCHIVES: "档案管理",
    Duty.AUDIT: "稽核",
    Duty.ASSESS: "考核",
    Duty.SUPERVISE_QUALITY: "数据质量监督",
    Duty.MAKE_POLICY: "政策制定",
    Duty.REPORT_STATISTICS: "统计",
    Duty.ADMINISTER: "系统管理",
}

_P, _C, _X, _T, _V = Level


def _post(title: str, levels: tuple[Level, ...], description: str, *duties: Duty) -> _Post:
    return _Post(title, levels, frozenset(duties), description)


_POSTS: Mapping[Role, _Post] = {
    Role.COORDINATOR: _post(
        "协管员",
        (_V,),
        "帮助村民办理参保、缴费和待遇申请，做生存认证，张贴公示",
        Duty.ENTER,
        Duty.CERTIFY_SURVIVAL,
        Duty.COLLECT,
    ),
    Role.CLERK: _post(
        "初审员",
        (_T,),
        "初审各村上报的业务，受理到乡镇窗口办理的业务",
        Duty.ENTER,
        Duty.FIRST_REVIEW,
    ),
    Role.ACCEPTOR: _post("受理员", (_X,), "在县级窗口受理业务，核对材料", Duty.ENTER),
    Role.REVIEWER: _post("复核员", (_X,), "复核业务和发放名册", Duty.REVIEW, Duty.REVIEW_PAYROLL),
    Role.APPROVER: _post("审批员", (_X,), "审批复核通过的业务", Duty.APPROVE),
    Role.ACCOUNTANT: _post("会计", (_X,), "基金收支核算、对账、计息", Duty.KEEP_ACCOUNTS),
    Role.PAYROLL_OFFICER: _post("发放员", (_X,), "编制每月发放名册", Duty.COMPUTE_PAYROLL),
    Role.ARCHIVIST: _post("档案员", (_X,), "收集、整理、保管业务档案", Duty.KEEP_ARCHIVES),
    Role.AUDITOR: _post("稽核员", (_X,), "稽核本县经办业务", Duty.AUDIT),
    Role.INSPECTOR: _post("稽核员（市级）", (_C,), "稽核所辖各县的经办业务", Duty.AUDIT),
    Role.ASSESSOR: _post(
        "考核员", (_C,), "考核所辖各县的工作", Duty.ASSESS, Duty.REPORT_STATISTICS
    ),
    Role.QUALITY_SUPERVISOR: _post(
        "数据质量监督员", (_P, _C), "核查下级数据，督促整改", Duty.SUPERVISE_QUALITY
    ),
    Role.POLICY_OFFICER: _post(
        "政策管理员",
        (_P, _C, _X),
        "起草、核对、发布政策文件；市县只能在省定标准上增加",
        Duty.MAKE_POLICY,
    ),
    Role.STATISTICIAN: _post("统计员", (_P,), "汇总、核对、发布统计数据", Duty.REPORT_STATISTICS),
    Role.ADMINISTRATOR: _post(
        "系统管理员",
        (_P, _C, _X, _T, _V),
        "管理用户和本节点的运行，不接触业务数据",
        Duty.ADMINISTER,
    ),
}

DUTIES: Mapping[Role, frozenset[Duty]] = MappingProxyType(
    {role: post.duties for role, post in _POSTS.items()}
)

_SEPARATE_ROLES = (frozenset({Role.ACCOUNTANT, Role.APPROVER}),)
_SEPARATE_DUTIES = (
    frozenset({Duty.ENTER, Duty.FIRST_REVIEW, Duty.REVIEW, Duty.APPROVE}),
    frozenset({Duty.COMPUTE_PAYROLL, Duty.REVIEW_PAYROLL, Duty.APPROVE}),
)


def roles_at(level: Level) -> tuple[Role, ...]:
    """The posts a node of this level may give."""
    return tuple(role for role in Role if level in role.levels)


def incompatible(first: Role, second: Role) -> str | None:
    """Why one person may not hold both roles; None when they may."""
    if first is second:
        return None
    if first.sees_business != second.sees_business:
        return "系统管理员不得兼任业务岗位"
    if frozenset({first, second}) in _SEPARATE_ROLES:
        return f"{first.title}与{second.title}不得由同一人担任"
    return None


def incompatibilities(roles: Iterable[Role]) -> tuple[str, ...]:
    """Every reason against one person holding all of these, each once."""
    pairs = combinations(dict.fromkeys(roles), 2)
    reasons = (incompatible(first, second) for first, second in pairs)
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def same_case(duty: Duty, done: Iterable[Duty]) -> str | None:
    """Why somebody who did `done` on a case may not do `duty` on it too; None when they may.

    Doing the same duty twice (a form entered again after its return) is no conflict.
    """
    for earlier in done:
        if earlier is not duty and any({earlier, duty} <= group for group in _SEPARATE_DUTIES):
            return f"您已办理该业务的{earlier.title}，不能再{duty.title}，请由其他人员办理"
    return None
