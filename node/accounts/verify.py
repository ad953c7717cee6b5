"""Ledger invariants over everything a node holds, as set-based questions with names.

Whoever holds whole vouchers (county, city, province) can ask all of them; a township or village
holds its people's postings only, so what needs the general ledger is not asked there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlmodel import col, select

from node.accounts.chart import CONTROL
from node.accounts.digest import month_digest
from node.accounts.models import PeriodLock
from node.core.work import UnitOfWork
from tiers import Level, RegionCode
from tiers.region import WIDTH

SHOWN = 5
"""So many cases are named in a finding; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: what it says, whether it holds, and where it does not."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Question:
    """An invariant as a query for its violations; `shown` tells one of them."""

    name: str
    violations: TextClause
    shown: Callable[[object], str]
    whole_ledger: bool = False


def _row(form: str) -> Callable[[object], str]:
    return lambda row: form.format(*row)  # type: ignore[misc]  # a row unpacks


_BALANCED = text("""
    SELECT county_code, entry_no, sum(fen) FROM journal_line
    GROUP BY county_code, entry_no HAVING sum(fen) <> 0
""")

_HEADED = text("""
    SELECT p.county_code, p.entry_no, p.n
    FROM (SELECT county_code, entry_no, count(*) AS n FROM posting
          GROUP BY county_code, entry_no) p
    LEFT JOIN journal_entry e ON e.county_code = p.county_code AND e.entry_no = p.entry_no
    WHERE e.entry_no IS NULL
""")

_CONTROLLED = text("""
    SELECT county_code, entry_no, sum(fen) FROM (
        SELECT county_code, entry_no, sum(fen) AS fen FROM posting GROUP BY county_code, entry_no
        UNION ALL
        SELECT county_code, entry_no, sum(fen) FROM journal_line WHERE gl_account = :control
        GROUP BY county_code, entry_no) AS both_sides
    GROUP BY county_code, entry_no HAVING sum(fen) <> 0
""").bindparams(control=CONTROL)

_CLOSED = text("""
    SELECT county_code, account_no, year, source FROM account_closing
    WHERE closing_fen <> opening_fen + movement_fen + interest_fen
""")

_BELONGING = """EXISTS (SELECT 1 FROM account a WHERE a.county_code = moved.county_code
        AND a.account_no = moved.account_no AND a.village BETWEEN :first AND :last)"""
"""Of an account that left its region, a node holds what was told until then and no more."""

_CLOSINGS_ARE_POSTINGS = text(f"""
    SELECT county_code, account_no, year, source, sum(fen) FROM (
        SELECT county_code, account_no, year, source, movement_fen + interest_fen AS fen
        FROM account_closing
        UNION ALL
        SELECT p.county_code, p.account_no, p.year, p.source, -p.fen
        FROM posting p JOIN (SELECT county_code, max(year) AS year FROM account_closing
                             GROUP BY county_code) c
            ON c.county_code = p.county_code AND p.year <= c.year) AS moved
    GROUP BY county_code, account_no, year, source
    HAVING sum(fen) <> 0 AND {_BELONGING}
""")

_CHAINED = text("""
    SELECT c.county_code, c.account_no, c.year, c.source,
        c.opening_fen - coalesce(b.closing_fen, 0)
    FROM account_closing c
    LEFT JOIN account_closing b ON b.county_code = c.county_code AND b.year = c.year - 1
        AND b.account_no = c.account_no AND b.source = c.source
    WHERE c.opening_fen <> coalesce(b.closing_fen, 0)
""")

_INTEREST = text("""
    SELECT r.county_code, r.year, r.interest_fen, coalesce(c.fen, 0)
    FROM interest_run r LEFT JOIN (
        SELECT county_code, year, sum(interest_fen) AS fen FROM account_closing
        GROUP BY county_code, year) c ON c.county_code = r.county_code AND c.year = r.year
    WHERE r.interest_fen <> coalesce(c.fen, 0)
""")

_RECOMPUTED = text("""
    SELECT c.county_code, c.account_no, c.year, c.source
    FROM account_closing c
    JOIN interest_run r ON r.county_code = c.county_code AND r.year = c.year
    WHERE 24000000 * c.interest_fen > 2 * c.product * r.rate_ppm + 12000000
       OR 24000000 * (c.interest_fen + 1) <= 2 * c.product * r.rate_ppm + 12000000
""")

_NEGATIVE = text(f"""
    SELECT county_code, account_no, source, sum(fen) FROM (
        SELECT c.county_code, c.account_no, c.source, c.closing_fen AS fen
        FROM account_closing c JOIN (SELECT county_code, max(year) AS year FROM account_closing
                                     GROUP BY county_code) y
            ON y.county_code = c.county_code AND y.year = c.year
        UNION ALL
        SELECT p.county_code, p.account_no, p.source, p.fen
        FROM posting p LEFT JOIN (SELECT county_code, max(year) AS year FROM account_closing
                                  GROUP BY county_code) y ON y.county_code = p.county_code
        WHERE y.year IS NULL OR p.year > y.year) AS moved
    GROUP BY county_code, account_no, source HAVING sum(fen) < 0 AND {_BELONGING}
""")

_OWNED = text("""
    SELECT p.county_code, p.account_no, count(*) FROM posting p
    LEFT JOIN account a ON a.county_code = p.county_code AND a.account_no = p.account_no
    WHERE a.account_no IS NULL GROUP BY p.county_code, p.account_no
""")

_CONTROL_ACCOUNT = text("""
    SELECT county_code, sum(accounts), sum(control) FROM (
        SELECT county_code, sum(fen) AS accounts, 0 AS control FROM posting GROUP BY county_code
        UNION ALL
        SELECT county_code, 0, -sum(fen) FROM journal_line WHERE gl_account = :control
        GROUP BY county_code) AS both_sides
    GROUP BY county_code HAVING sum(accounts) <> sum(control)
""").bindparams(control=CONTROL)

_CORRECTIONS_ROUNDED = text("""
    SELECT county_code, entry_no, account_no, year, source FROM interest_correction
    WHERE 24000000 * interest_after > 2 * product_after * rate_after + 12000000
       OR 24000000 * (interest_after + 1) <= 2 * product_after * rate_after + 12000000
""")

_CORRECTIONS_POSTED = text("""
    SELECT county_code, entry_no, account_no, source, sum(fen) FROM (
        SELECT county_code, entry_no, account_no, source, interest_after - interest_before AS fen
        FROM interest_correction
        UNION ALL
        SELECT county_code, entry_no, account_no, source, -fen FROM posting
        WHERE kind = 'correction') AS both_sides
    GROUP BY county_code, entry_no, account_no, source HAVING sum(fen) <> 0
""")

QUESTIONS = (
    Question("凭证借贷平衡", _BALANCED, _row("{0} 凭证 {1} 相差 {2} 分"), whole_ledger=True),
    Question("个人账户记账都有凭证", _HEADED, _row("{0} 凭证 {1} 缺失，涉及 {2} 笔")),
    Question(
        "每张凭证的个人账户记账等于控制科目",
        _CONTROLLED,
        _row("{0} 凭证 {1} 相差 {2} 分"),
        whole_ledger=True,
    ),
    Question(
        "个人账户合计等于控制科目",
        _CONTROL_ACCOUNT,
        _row("{0} 个人账户 {1} 分，控制科目 {2} 分"),
        whole_ledger=True,
    ),
    Question("记账都有个人账户", _OWNED, _row("{0} 账户 {1} 不存在，涉及 {2} 笔")),
    Question("年末余额等于年初加变动加利息", _CLOSED, _row("{0} 账户 {1} {2} 年 {3}")),
    Question(
        "年度变动和利息等于逐笔记账",
        _CLOSINGS_ARE_POSTINGS,
        _row("{0} 账户 {1} {2} 年 {3} 相差 {4} 分"),
    ),
    Question("年初余额等于上年年末", _CHAINED, _row("{0} 账户 {1} {2} 年 {3} 相差 {4} 分")),
    Question("利息等于积数乘以利率", _RECOMPUTED, _row("{0} 账户 {1} {2} 年 {3}")),
    Question(
        "更正后的利息等于积数乘以利率",
        _CORRECTIONS_ROUNDED,
        _row("{0} 凭证 {1} 账户 {2} {3} 年 {4}"),
    ),
    Question(
        "利息更正等于逐笔差额",
        _CORRECTIONS_POSTED,
        _row("{0} 凭证 {1} 账户 {2} {3} 相差 {4} 分"),
    ),
    Question(
        "结息合计等于各账户利息",
        _INTEREST,
        _row("{0} {1} 年结息 {2} 分，各账户 {3} 分"),
        whole_ledger=True,
    ),
    Question("没有负余额", _NEGATIVE, _row("{0} 账户 {1} {2} {3} 分")),
)


def verify(uow: UnitOfWork) -> list[Finding]:
    """Ask every invariant this node can answer, over everything it holds."""
    return list(findings(uow))


def findings(uow: UnitOfWork) -> Iterator[Finding]:
    """One finding after the other, for progress."""
    holds_vouchers = uow.level.rank <= Level.COUNTY.rank
    for question in QUESTIONS:
        if holds_vouchers or not question.whole_ledger:
            yield _ask(uow, question)
    if holds_vouchers:
        yield _months_stand(uow)


def _months_stand(uow: UnitOfWork) -> Finding:
    """Every closed month holds here what it held when its county closed it, byte for byte."""
    closed = select(PeriodLock).where(
        col(PeriodLock.reopened_at).is_(None), PeriodLock.digest != ""
    )
    wrong = [
        f"{lock.county_code} {lock.year} 年 {lock.month} 月"
        for lock in uow.session.exec(closed.order_by(col(PeriodLock.year), col(PeriodLock.month)))
        if month_digest(uow, lock.county_code, lock.year, lock.month) != lock.digest
    ]
    shown = "；".join(wrong[:SHOWN])
    return Finding("已结账月份与结账时逐字一致", ok=not wrong, detail=shown)


def _ask(uow: UnitOfWork, question: Question) -> Finding:
    prefix = uow.node.prefix
    given = {"first": prefix.ljust(WIDTH, "0"), "last": prefix.ljust(WIDTH, "9")}
    wrong = uow.connection.execute(question.violations, given).all()
    shown = "；".join(question.shown(row) for row in wrong[:SHOWN])
    more = f"；共 {len(wrong)} 处" if len(wrong) > SHOWN else ""
    return Finding(question.name, ok=not wrong, detail=f"{shown}{more}")


_DIFFERENCE = text("""
    SELECT coalesce((SELECT sum(closing_fen) FROM account_closing
                     WHERE county_code = :county AND year = :year), 0)
         + coalesce((SELECT sum(l.fen) FROM journal_line l
                     JOIN journal_entry e ON e.county_code = l.county_code
                         AND e.entry_no = l.entry_no
                     WHERE l.county_code = :county AND l.gl_account = :control
                         AND e.business_date <= :day), 0)
""")


def difference_to_control(uow: UnitOfWork, county: RegionCode, year: int) -> int:
    """Σ closings of a year minus the control account at its end, in fen: zero, or a mistake."""
    found = uow.connection.execute(
        _DIFFERENCE,
        {"county": str(county), "year": year, "control": CONTROL, "day": f"{year}-12-31"},
    ).scalar_one()
    return int(found)


def as_words(found: Finding) -> str:
    """A finding in one line."""
    return f"{'✓' if found.ok else '✗'} {found.name}" + (
        f"：{found.detail}" if found.detail else ""
    )
