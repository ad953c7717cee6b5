"""Corrections of interest as SQL: the postings that follow, and a whole county at a new rate.

The law is `rules.corrected`; both agree on any account (test_accounts_corrections.py).
A correction's rows are written before its voucher, stretch after stretch in the order of time: each
finds what the earlier ones have changed under the same number.
"""

from sqlalchemy import BigInteger, Date, Integer, TextClause, bindparam, text

PPM_YEAR = 12_000_000

SUM = text("""
    SELECT CAST(coalesce(sum(interest_after - interest_before), 0) AS BIGINT)
    FROM interest_correction WHERE county_code = :county AND entry_no = :entry_no
""")

YEARS = text("""
    SELECT DISTINCT year FROM interest_correction
    WHERE county_code = :county AND entry_no = :entry_no ORDER BY year
""")

NUMBERED = """
    SELECT account_no, source, village, year, through, carried_fen, product_before, product_after,
        interest_before, interest_after, rate_before, rate_after,
        row_number() OVER (ORDER BY account_no, source, year, through) AS line_no
    FROM interest_correction WHERE county_code = :county AND entry_no = :entry_no
"""
"""Corrections with the number their posting has in the voucher; gaps where no fen changed."""

POST = text(f"""
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    SELECT :county, :entry_no, line_no, account_no, village, source, 'correction',
        interest_after - interest_before, :booked, 0, :year, :day
    FROM ({NUMBERED}) AS numbered
    WHERE year = :year AND interest_after <> interest_before ORDER BY line_no
""").bindparams(
    bindparam("year", type_=Integer()),
    bindparam("booked", type_=Integer()),
    bindparam("entry_no", type_=BigInteger()),
    bindparam("day", type_=Date()),
)
"""The postings that correct one year."""

TOLD = f"""
    SELECT account_no, source, village, year, through, carried_fen, product_before, product_after,
        interest_before, interest_after, rate_before, rate_after, line_no,
        CASE WHEN interest_after = interest_before THEN 0 ELSE line_no END AS posted_line
    FROM ({NUMBERED}) AS numbered
"""
"""The same for the other tiers; `posted_line` 0 says that no fen changed."""

_INTO = """
    INSERT INTO interest_correction (county_code, entry_no, account_no, source, year, through,
        village, carried_fen, product_before, product_after, interest_before, interest_after,
        rate_before, rate_after)
"""

# The newest correction of a stretch holds, if there is one.
_LATEST = """
    latest AS (
        SELECT k.account_no, k.source, k.product_after, k.interest_after
        FROM interest_correction k JOIN (
            SELECT account_no, source, max(entry_no) AS entry_no FROM interest_correction
            WHERE county_code = :county AND year = :year AND through = :through
                AND entry_no < :entry_no
            GROUP BY account_no, source) n
            ON n.account_no = k.account_no AND n.source = k.source AND n.entry_no = k.entry_no
        WHERE k.county_code = :county AND k.year = :year AND k.through = :through),
"""

# What a year end left of each account and source, its corrections counted. A source whose first
# money became known late has a correction and no closing. What was settled through December is
# final and not here.
_HELD = """
    held AS (
        SELECT account_no, source, product, interest FROM (
            SELECT c.account_no, c.source, coalesce(k.product_after, c.product) AS product,
                coalesce(k.interest_after, c.interest_fen) AS interest
            FROM account_closing c
            LEFT JOIN latest k ON k.account_no = c.account_no AND k.source = c.source
            WHERE c.county_code = :county AND c.year = :year
            UNION ALL
            SELECT k.account_no, k.source, k.product_after, k.interest_after FROM latest k
            WHERE NOT EXISTS (SELECT 1 FROM account_closing c WHERE c.county_code = :county
                AND c.year = :year AND c.account_no = k.account_no AND c.source = k.source)) AS h
        WHERE NOT EXISTS (SELECT 1 FROM account_settlement t WHERE t.county_code = :county
            AND t.year = :year AND t.account_no = h.account_no AND t.through = 12))
"""

_ROUNDED = f"""
    (numerator - (numerator % {2 * PPM_YEAR} + {2 * PPM_YEAR}) % {2 * PPM_YEAR}) / {2 * PPM_YEAR}
"""


def _statement(sql: str) -> TextClause:
    names = ("year", "through", "ppm", "was_ppm")
    numbers = [bindparam(name, type_=Integer()) for name in names if f":{name}" in sql]
    return text(sql).bindparams(*numbers, bindparam("entry_no", type_=BigInteger()))


NEW_RATE = _statement(f"""
    {_INTO}
    WITH {_LATEST} {_HELD},
    was AS (
        SELECT h.account_no, h.source, a.village, h.product, h.interest,
            CAST(2 * h.product * :ppm + {PPM_YEAR} AS BIGINT) AS numerator
        FROM held h
        JOIN account a ON a.county_code = :county AND a.account_no = h.account_no
            AND a.closed_on IS NULL),
    now AS (SELECT account_no, source, village, product, interest, {_ROUNDED} AS found FROM was)
    SELECT :county, :entry_no, account_no, source, :year, :through, village, 0, product, product,
        interest, found, :was_ppm, :ppm
    FROM now WHERE found <> interest ORDER BY account_no, source
""")
"""The year end of a year at its new rate. What was settled inside the year is final; `:through`
is 12."""

_CARRIED = """
    carried AS (
        SELECT account_no, source, village, CAST(sum(interest_after - interest_before) AS BIGINT)
            AS fen
        FROM interest_correction WHERE county_code = :county AND entry_no = :entry_no
        GROUP BY account_no, source, village
        HAVING sum(interest_after - interest_before) <> 0),
    settled AS (
        SELECT account_no, max(through) AS start FROM account_settlement
        WHERE county_code = :county AND year = :year AND through < :through GROUP BY account_no)
"""

LATER_YEAR_END = _statement(f"""
    {_INTO}
    WITH {_LATEST} {_CARRIED},
    was AS (
        SELECT d.account_no, d.source, d.village, d.fen AS carried,
            coalesce(k.product_after, c.product, 0) AS product,
            coalesce(k.interest_after, c.interest_fen, 0) AS interest,
            CAST(coalesce(k.product_after, c.product, 0)
                + d.fen * (12 - coalesce(s.start, 0)) AS BIGINT) AS product_now
        FROM carried d
        LEFT JOIN account_closing c ON c.county_code = :county AND c.year = :year
            AND c.account_no = d.account_no AND c.source = d.source
        LEFT JOIN latest k ON k.account_no = d.account_no AND k.source = d.source
        LEFT JOIN settled s ON s.account_no = d.account_no
        WHERE NOT EXISTS (SELECT 1 FROM account_settlement t WHERE t.county_code = :county
            AND t.year = :year AND t.account_no = d.account_no AND t.through = 12)),
    made AS (
        SELECT account_no, source, village, carried, product, product_now, interest,
            CAST(2 * product_now * :ppm + {PPM_YEAR} AS BIGINT) AS numerator FROM was)
    SELECT :county, :entry_no, account_no, source, :year, :through, village, carried, product,
        product_now, interest, {_ROUNDED}, :ppm, :ppm
    FROM made ORDER BY account_no, source
""")
"""A later year end: what was found before is carried in and earns. `:through` is 12."""

LATER_SETTLEMENT = _statement(f"""
    {_INTO}
    WITH {_LATEST} {_CARRIED},
    rated AS (
        SELECT account_no, max(rate_ppm) AS ppm FROM account_settlement
        WHERE county_code = :county AND year = :year AND through = :through GROUP BY account_no),
    was AS (
        SELECT d.account_no, d.source, d.village, d.fen AS carried, r.ppm,
            coalesce(k.product_after, t.product, 0) AS product,
            coalesce(k.interest_after, t.interest_fen, 0) AS interest,
            CAST(coalesce(k.product_after, t.product, 0)
                + d.fen * (:through - coalesce(s.start, 0)) AS BIGINT) AS product_now
        FROM carried d
        JOIN rated r ON r.account_no = d.account_no
        LEFT JOIN account_settlement t ON t.county_code = :county AND t.year = :year
            AND t.through = :through AND t.account_no = d.account_no AND t.source = d.source
        LEFT JOIN latest k ON k.account_no = d.account_no AND k.source = d.source
        LEFT JOIN settled s ON s.account_no = d.account_no),
    made AS (
        SELECT account_no, source, village, carried, product, product_now, interest, ppm,
            CAST(2 * product_now * ppm + {PPM_YEAR} AS BIGINT) AS numerator FROM was)
    SELECT :county, :entry_no, account_no, source, :year, :through, village, carried, product,
        product_now, interest, {_ROUNDED}, ppm, ppm
    FROM made ORDER BY account_no, source
""")
"""A settlement inside a later year, at the rate it was made at."""

SETTLED_MONTHS = text("""
    SELECT DISTINCT through FROM account_settlement
    WHERE county_code = :county AND year = :year ORDER BY through
""")

SHORT = _statement("""
    WITH less AS (
        SELECT DISTINCT account_no FROM interest_correction
        WHERE county_code = :county AND entry_no = :entry_no AND interest_after < interest_before)
    SELECT DISTINCT account_no FROM (
        SELECT account_no, source FROM (
            SELECT k.account_no, k.source, k.interest_after - k.interest_before AS fen
            FROM interest_correction k WHERE k.county_code = :county AND k.entry_no = :entry_no
            UNION ALL
            SELECT c.account_no, c.source, c.closing_fen FROM account_closing c
            JOIN less l ON l.account_no = c.account_no
            WHERE c.county_code = :county AND c.year = :closed
            UNION ALL
            SELECT p.account_no, p.source, p.fen FROM posting p
            JOIN less l ON l.account_no = p.account_no
            WHERE p.county_code = :county AND p.year IN (:closed + 1, :closed + 2)) AS held
        GROUP BY account_no, source HAVING sum(fen) < 0) AS short
""").bindparams(bindparam("closed", type_=Integer()))
"""Accounts that would be left with less than nothing."""

LEAVE_OUT = text("""
    DELETE FROM interest_correction
    WHERE county_code = :county AND entry_no = :entry_no AND account_no IN :accounts
""").bindparams(bindparam("accounts", expanding=True))

COUNTED = text("""
    SELECT count(DISTINCT account_no) FROM interest_correction
    WHERE county_code = :county AND entry_no = :entry_no
""")

CLOSED_SINCE = _statement(f"""
    WITH {_LATEST} {_HELD}
    SELECT count(DISTINCT h.account_no) FROM held h
    JOIN account a ON a.county_code = :county AND a.account_no = h.account_no
        AND a.closed_on IS NOT NULL
    WHERE h.product <> 0
""")
"""Accounts whose year end earned something and that are closed by now."""
