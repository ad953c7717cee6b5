"""What can be proved of transfers from what a node holds: Σ 转出 = Σ 转入 + Σ 在途, and each person
in one place. Counties prove their own side; whoever stands above two of them, both together.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import TextClause, text

from node.accounts.verify import SHOWN, Finding
from node.core.money import yuan
from node.core.work import UnitOfWork
from tiers import Level
from tiers.region import WIDTH

_OUT = text("""
    SELECT t.county_code, t.name, t.fen, coalesce(p.fen, 0) FROM transfer_step t
    LEFT JOIN (SELECT county_code, entry_no, sum(fen) AS fen FROM posting
        WHERE kind = 'transfer_out' GROUP BY county_code, entry_no) p
        ON p.county_code = t.county_code AND p.entry_no = t.entry_no
    WHERE t.step = 'released' AND t.county_code BETWEEN :first AND :last
        AND t.fen + coalesce(p.fen, 0) <> 0
""")

_IN = text("""
    SELECT t.county_code, t.name, t.fen, coalesce(p.fen, 0) FROM transfer_step t
    LEFT JOIN (SELECT county_code, entry_no, sum(fen) AS fen FROM posting
        WHERE kind = 'transfer_in' GROUP BY county_code, entry_no) p
        ON p.county_code = t.county_code AND p.entry_no = t.entry_no
    WHERE t.step = 'received' AND t.county_code BETWEEN :first AND :last
        AND t.fen <> coalesce(p.fen, 0)
""")

_SAME = text("""
    SELECT r.county_code, r.name, r.fen, coalesce(o.fen, 0) FROM transfer_step r
    LEFT JOIN transfer_step o ON o.id = r.id AND o.step = 'released'
    WHERE r.step = 'received' AND r.from_county NOT IN ('elsewhere', 'employees')
        AND (o.id IS NULL OR o.fen <> r.fen
        OR o.from_county <> r.from_county OR o.to_county <> r.to_county)
""")

_BY_SOURCE = text("""
    SELECT id, source, sum(fen) FROM (
        SELECT t.id, p.source, p.fen FROM transfer_step t
        JOIN posting p ON p.county_code = t.county_code AND p.entry_no = t.entry_no
        WHERE t.step IN ('released', 'received')
            AND t.from_county BETWEEN :first AND :last AND t.to_county BETWEEN :first AND :last
            AND EXISTS (SELECT 1 FROM transfer_step r WHERE r.id = t.id AND r.step = 'received')
    ) AS moved GROUP BY id, source HAVING sum(fen) <> 0
""")

_ORPHANS = text("""
    SELECT p.county_code, p.entry_no, sum(p.fen) FROM posting p
    LEFT JOIN transfer_step t ON t.county_code = p.county_code AND t.entry_no = p.entry_no
        AND t.step IN ('released', 'received')
    WHERE p.kind IN ('transfer_out', 'transfer_in') AND t.id IS NULL
    GROUP BY p.county_code, p.entry_no
""")

_CLEARED = text("""
    SELECT county_code, sum(told), sum(booked) FROM (
        SELECT county_code, CASE WHEN step = 'released' THEN fen ELSE -fen END AS told, 0 AS booked
        FROM transfer_step WHERE step IN ('released', 'paid')
        UNION ALL
        SELECT county_code, 0, -fen FROM journal_line WHERE gl_account = 'transfers_in_flight'
    ) AS both_sides
    WHERE county_code BETWEEN :first AND :last
    GROUP BY county_code HAVING sum(told) <> sum(booked)
""")

_OWED = text("""
    SELECT county_code, sum(told), sum(booked) FROM (
        SELECT county_code, CASE WHEN step = 'received' THEN fen ELSE -fen END AS told, 0 AS booked
        FROM transfer_step WHERE step IN ('received', 'banked')
        UNION ALL
        SELECT county_code, 0, fen FROM journal_line WHERE gl_account = 'transfers_receivable'
    ) AS both_sides
    WHERE county_code BETWEEN :first AND :last
    GROUP BY county_code HAVING sum(told) <> sum(booked)
""")

_STILL_THERE = text("""
    SELECT t.county_code, t.name FROM transfer_step t
    LEFT JOIN enrolment e ON e.county_code = t.county_code AND e.id = t.enrolment_id
    WHERE t.step = 'released' AND t.county_code BETWEEN :first AND :last
        AND (e.id IS NULL OR e.closed_on IS NULL)
    UNION ALL
    SELECT t.county_code, t.name FROM transfer_step t
    LEFT JOIN enrolment e ON e.county_code = t.county_code AND e.id = t.enrolment_id
    WHERE t.step = 'received' AND t.county_code BETWEEN :first AND :last AND e.id IS NULL
""")

_TWICE = text("""
    SELECT p.citizen_index, count(*) FROM person p
    JOIN enrolment e ON e.county_code = p.county_code AND e.person_id = p.id
        AND e.closed_on IS NULL
    WHERE p.citizen_index IN (SELECT citizen_index FROM transfer_step WHERE step = 'released')
    GROUP BY p.citizen_index HAVING count(*) > 1
""")

_SUMS = text("""
    SELECT count(*), coalesce(sum(o.fen), 0), count(r.id), coalesce(sum(r.fen), 0),
        coalesce(sum(CASE WHEN r.id IS NULL THEN 1 ELSE 0 END), 0),
        coalesce(sum(CASE WHEN r.id IS NULL THEN o.fen ELSE 0 END), 0)
    FROM transfer_step o LEFT JOIN transfer_step r ON r.id = o.id AND r.step = 'received'
    WHERE o.step = 'released' AND o.to_county NOT IN ('elsewhere', 'employees')
""")

Shown = Callable[[Any], str]
_amounts: Shown = lambda row: f"{row[0]} {row[1]} {row[2]} 分，另一边 {row[3]} 分"  # noqa: E731
_books: Shown = lambda row: f"{row[0]} 应为 {row[1]} 分，账上 {row[2]} 分"  # noqa: E731
QUESTIONS: tuple[tuple[str, TextClause, Shown], ...] = (
    ("关系转出：转出额等于个人账户记账", _OUT, _amounts),
    ("关系转入：转入额等于个人账户记账", _IN, _amounts),
    ("关系转移：转入额等于转出额", _SAME, _amounts),
    ("关系转移：各项来源分文不差", _BY_SOURCE, lambda row: f"{row[0]} {row[1]} 相差 {row[2]} 分"),
    ("关系转移：每笔记账都有转移", _ORPHANS, lambda row: f"{row[0]} 凭证 {row[1]}"),
    ("在途转移款等于已转出未付款", _CLEARED, _books),
    ("应收转移款等于已接收未到账", _OWED, _books),
    ("关系转移：转出的已终止，接收的已参保", _STILL_THERE, lambda row: f"{row[0]} {row[1]}"),
    ("转移过的人只有一处参保", _TWICE, lambda row: f"一人 {row[1]} 处"),
)


def findings(uow: UnitOfWork) -> Iterator[Finding]:
    """Every invariant of transfers over what this node holds; nothing below a county."""
    if uow.level.rank > Level.COUNTY.rank:
        return
    prefix = uow.node.prefix
    given = {"first": prefix.ljust(WIDTH, "0"), "last": prefix.ljust(WIDTH, "9")}
    for name, asked, shown in QUESTIONS:
        bound = {key: value for key, value in given.items() if f":{key}" in asked.text}
        wrong = uow.connection.execute(asked, bound).all()
        yield Finding(name, not wrong, "；".join(shown(row) for row in wrong[:SHOWN]))
    yield _added_up(uow)


def _added_up(uow: UnitOfWork) -> Finding:
    out, out_fen, came, came_fen, flying, flying_fen = uow.connection.execute(_SUMS).one()
    detail = (
        f"转出 {out} 人 {yuan(int(out_fen))} 元 = 转入 {came} 人 {yuan(int(came_fen))} 元"
        f" + 在途 {flying} 人 {yuan(int(flying_fen))} 元"
    )
    ok = out == came + flying and out_fen == came_fen + flying_fen
    return Finding("关系转移：转出等于转入加在途", ok, detail)
