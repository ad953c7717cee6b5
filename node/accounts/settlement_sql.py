"""The month-product method as SQL, for a whole county at once. The law is `rules.py`: both agree
on any account (tests/property/test_accounts_settlement.py).

A source's product through month M is made of parts, `settled` being what an earlier settlement of
the same year left (through month S, with everything booked until then):

- never settled this year: opening × M, and every posting × (M + 1 − month − lag); a posting of an
  earlier year that became known in this one (month 0) × M;
- settled through S: its closing × (M − S), and every posting it does not hold × the months left,
  at most M − S: what it holds has earned already;
- of an account that is closed: nothing. It was settled before it was paid out, and with interest
  from the month after, the month of the payment would earn once more.

One division per source, rounded half up towards plus infinity as `rules.interest` does: SQL's `/`
and `%` cut towards zero, so the remainder is brought to 0 … 24·10⁶ − 1 first.
"""

from sqlalchemy import BigInteger, Date, Integer, TextClause, bindparam, text

PPM_YEAR = 12_000_000

_PARTS = """
    settled AS (
        SELECT account_no, max(through) AS through, max(booked_through) AS booked_through
        FROM account_settlement
        WHERE county_code = :county AND year = :year AND through <= :through
        GROUP BY account_no),
    part AS (
        SELECT c.account_no, c.source, c.closing_fen AS opening, 0 AS moved,
            CASE WHEN s.account_no IS NULL THEN c.closing_fen * :through ELSE 0 END AS product
        FROM {opening} c LEFT JOIN settled s ON s.account_no = c.account_no
        WHERE c.county_code = :county AND c.year = :year - 1 AND c.closing_fen <> 0 {only_c}
        UNION ALL
        SELECT p.account_no, p.source, 0, p.fen, p.fen * CASE
            WHEN s.account_no IS NULL AND p.month = 0 THEN :through
            WHEN s.account_no IS NULL THEN :through + 1 - p.month - :lag
            WHEN p.entry_no <= s.booked_through AND p.month <= s.through THEN 0
            WHEN p.month + :lag > s.through THEN :through + 1 - p.month - :lag
            ELSE :through - s.through END
        FROM posting p LEFT JOIN settled s ON s.account_no = p.account_no
        WHERE p.county_code = :county AND p.year = :year AND p.month <= :through {only_p}
        UNION ALL
        SELECT t.account_no, t.source, 0, 0, t.closing_fen * (:through - t.through)
        FROM account_settlement t JOIN settled s
            ON s.account_no = t.account_no AND s.through = t.through
        WHERE t.county_code = :county AND t.year = :year {only_t}),
    whole AS (
        SELECT account_no, source, CAST(sum(opening) AS BIGINT) AS opening_fen,
            CAST(sum(moved) AS BIGINT) AS movement_fen, CAST(sum(product) AS BIGINT) AS product
        FROM part GROUP BY account_no, source),
    earning AS (
        SELECT w.account_no, w.source, a.village, w.opening_fen, w.movement_fen,
            CASE WHEN a.closed_on IS NULL THEN w.product ELSE 0 END AS product,
            CASE WHEN a.closed_on IS NULL THEN CAST(2 * w.product * :ppm + {half} AS BIGINT)
                ELSE {half} END AS numerator
        FROM whole w JOIN account a ON a.county_code = :county AND a.account_no = w.account_no),
    earned AS (
        SELECT account_no, source, village, opening_fen, movement_fen, product,
            (numerator - (numerator % {unit} + {unit}) % {unit}) / {unit} AS interest_fen
        FROM earning)
"""


def _earned(*, only: bool = False, opening: str = "account_closing") -> str:
    """The common table expressions up to `earned`, for all accounts or those in `:accounts`."""
    opened = opening
    if opening == "account_settlement":  # last year is not closed: each account was settled alone
        opened = "(SELECT * FROM account_settlement WHERE through = 12)"
    return _PARTS.format(
        opening=opened,
        half=PPM_YEAR,
        unit=2 * PPM_YEAR,
        **{
            f"only_{name}": f"AND {name}.account_no IN :accounts" if only else ""
            for name in ("c", "p", "t")
        },
    )


def _statement(sql: str, *, only: bool = False) -> TextClause:
    """Whole numbers are bound as such: Postgres would take a bare parameter for text."""
    numbers = [bindparam(name, type_=Integer()) for name in ("year", "through", "lag", "ppm")]
    found = text(sql).bindparams(*numbers)
    return found.bindparams(bindparam("accounts", expanding=True)) if only else found


TRIAL = _statement(f"""
    WITH {_earned()}
    SELECT count(DISTINCT account_no) AS accounts, coalesce(sum(interest_fen), 0) AS interest_fen,
        coalesce(sum(opening_fen + movement_fen + interest_fen), 0) AS closing_fen
    FROM earned
""")
"""What a year-end settlement would come to; nothing is written."""

_CLOSE = f"""
    INSERT INTO account_closing (county_code, year, account_no, source, village, opening_fen,
        movement_fen, product, interest_fen, closing_fen)
    WITH {_earned()}
    SELECT :county, :year, account_no, source, village, opening_fen, movement_fen, product,
        interest_fen, opening_fen + movement_fen + interest_fen
    FROM earned
"""

CLOSE = {
    "sqlite": _statement(_CLOSE),  # it groups in the order of the key: sorting again is for nothing
    "postgresql": _statement(f"{_CLOSE} ORDER BY account_no, source"),
}
"""The closings of a year, by dialect."""

NUMBERED = """
    SELECT account_no, source, village, opening_fen, movement_fen, product, interest_fen,
        row_number() OVER (ORDER BY account_no, source) AS line_no
    FROM account_closing WHERE county_code = :county AND year = :year
"""
"""Closings with the number their interest has in the voucher; gaps where nothing was earned."""

POST = text(f"""
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    SELECT :county, :entry_no, line_no, account_no, village, source, 'interest', interest_fen,
        :year, 12, :year, :day
    FROM ({NUMBERED}) AS numbered WHERE interest_fen <> 0 ORDER BY line_no
""").bindparams(
    bindparam("year", type_=Integer()),
    bindparam("entry_no", type_=BigInteger()),
    bindparam("day", type_=Date()),
)
"""The interest postings that follow from the closings, as one voucher."""

TOLD = f"""
    SELECT village, account_no, source, opening_fen, movement_fen, product, interest_fen, line_no,
        CASE WHEN interest_fen = 0 THEN 0 ELSE line_no END AS posted_line
    FROM ({NUMBERED}) AS closing
"""
"""The same for the other tiers; `posted_line` 0 says that nothing was earned."""


def some_accounts(*, opening: str) -> TextClause:
    """Settle the accounts in `:accounts` only. `opening` is where last year ended: a table."""
    return _statement(
        f"""
        WITH {_earned(only=True, opening=opening)}
        SELECT account_no, source, village, opening_fen, movement_fen, product, interest_fen
        FROM earned ORDER BY account_no, source
        """,
        only=True,
    )
