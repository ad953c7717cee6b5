"""The floor of year-end interest: the same arithmetic as one statement of bare SQL.

It writes one result row per account and source and nothing else: no voucher, no posting, no record
for other nodes, no explanation. Committed like everything else (SQLite FULL, Postgres fsync).
"""

from sqlalchemy import Engine, text

from benchmarks.ledger import COUNTY, RATE_PPM, YEAR
from node.core.db import writing

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
_SETTLE = f"""
INSERT INTO floor_interest
SELECT account_no, source, product,
  (2 * product * {RATE_PPM} + {PPM_YEAR}) / {2 * PPM_YEAR},
  balance + (2 * product * {RATE_PPM} + {PPM_YEAR}) / {2 * PPM_YEAR}
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


def prepare(engine: Engine) -> None:
    """An empty result table."""
    with writing(engine) as connection:
        connection.execute(text(_DROP))
        connection.execute(text(_CREATE))


def settle(engine: Engine) -> None:
    """Compute and store, durably."""
    with writing(engine) as connection:
        connection.execute(text(_SETTLE))


def total(engine: Engine) -> int:
    """All interest in fen, to be compared with what the program found."""
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT SUM(interest) FROM floor_interest")) or 0)
