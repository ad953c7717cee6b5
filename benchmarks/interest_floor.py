"""The floors of year-end interest. Committed like everything else (SQLite FULL, Postgres fsync).

`settle` is the same arithmetic as one statement of bare SQL: one result row per account and source
and nothing else, no voucher, no posting, no record for other nodes. `settle_and_post` is the least
that leaves the same books behind: closings and interest postings in the real tables, with their
indexes and guards.
"""

from datetime import UTC, date, datetime

from sqlalchemy import Date, Engine, bindparam, text

from benchmarks.ledger import COUNTY, RATE_PPM, YEAR
from node.core.db import Instant, writing

PPM_YEAR = 12 * 1_000_000
LAG = 1

_DROP = "DROP TABLE IF EXISTS floor_interest"
_CREATE = """
CREATE TABLE floor_interest (
  account_no BIGINT, source VARCHAR(20), product BIGINT, interest BIGINT, closing BIGINT,
  PRIMARY KEY (account_no, source)
)
"""
# CAST: Postgres sums bigint as numeric, several times slower to multiply and divide.
_SETTLED = f"""
SELECT account_no, source, product,
  (2 * product * {RATE_PPM} + {PPM_YEAR}) / {2 * PPM_YEAR} AS interest,
  balance + (2 * product * {RATE_PPM} + {PPM_YEAR}) / {2 * PPM_YEAR} AS closing
FROM (
  SELECT account_no, source,
    CAST(SUM(product) AS BIGINT) AS product, CAST(SUM(fen) AS BIGINT) AS balance
  FROM (
    SELECT account_no, source, closing_fen * 12 AS product, closing_fen AS fen
    FROM account_closing WHERE county_code = '{COUNTY}' AND year = {YEAR - 1}
    UNION ALL
    SELECT account_no, source, fen * (12 - month + 1 - {LAG}), fen
    FROM posting WHERE county_code = '{COUNTY}' AND year = {YEAR}
  ) AS earning
  GROUP BY account_no, source
) AS summed
"""
_SETTLE = f"INSERT INTO floor_interest {_SETTLED}"

_ENTRY = 1_000
_DAY = bindparam("day", type_=Date())
_CLOSE = f"""
INSERT INTO account_closing (county_code, year, account_no, source, village,
  opening_fen, movement_fen, product, interest_fen, closing_fen)
SELECT '{COUNTY}', {YEAR}, s.account_no, s.source, a.village,
  0, s.closing - s.interest, s.product, s.interest, s.closing
FROM ({_SETTLED}) AS s
JOIN account AS a ON a.county_code = '{COUNTY}' AND a.account_no = s.account_no
"""
# The order the books demand: lines, postings, and last the voucher, which seals both.
_LINES = f"""
INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
SELECT '{COUNTY}', {_ENTRY}, side.line_no, side.gl_account, side.sign * (
  SELECT CAST(sum(interest_fen) AS BIGINT) FROM account_closing
  WHERE county_code = '{COUNTY}' AND year = {YEAR})
FROM (SELECT 1 AS line_no, 'interest' AS gl_account, 1 AS sign
      UNION ALL SELECT 2, 'individual_accounts', -1) AS side
"""
_POST = text(f"""
INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
  year, month, for_year, business_date)
SELECT '{COUNTY}', {_ENTRY}, row_number() OVER (ORDER BY account_no, source), account_no, village,
  source, 'interest', interest_fen, {YEAR}, 12, {YEAR}, :day
FROM account_closing WHERE county_code = '{COUNTY}' AND year = {YEAR} AND interest_fen <> 0
""").bindparams(_DAY)
_VOUCHER = text(f"""
INSERT INTO journal_entry (county_code, entry_no, kind, business_date, booked_at,
  trace_kind, trace, memo, actor_id)
VALUES ('{COUNTY}', {_ENTRY}, 'interest', :day, :at, 'bulletin', 'bench', '', 'bench')
""").bindparams(_DAY, bindparam("at", type_=Instant()))


def prepare(engine: Engine) -> None:
    """An empty result table."""
    with writing(engine) as connection:
        connection.execute(text(_DROP))
        connection.execute(text(_CREATE))


def settle(engine: Engine) -> None:
    """Compute and store, durably."""
    with writing(engine) as connection:
        connection.execute(text(_SETTLE))


def settle_and_post(engine: Engine) -> None:
    """Leave the same books behind as the program does, and tell nobody."""
    day, booked_at = date(YEAR, 12, 31), datetime(YEAR + 1, 1, 2, tzinfo=UTC)
    with writing(engine) as connection:
        connection.execute(text(_CLOSE))
        connection.execute(text(_LINES))
        connection.execute(_POST, {"day": day})
        connection.execute(_VOUCHER, {"day": day, "at": booked_at})


def total(engine: Engine) -> int:
    """All interest in fen, to be compared with what the program found."""
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT SUM(interest) FROM floor_interest")) or 0)
