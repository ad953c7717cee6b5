"""A county's individual accounts, filled by SQL: so many accounts, two sources each, one year.

Every account opens the year with the closing of the last one (two sources) and is paid into twice:
a contribution in some month, its subsidy in December. Amounts are spread, repeatable and invented.
"""

from sqlalchemy import Connection, text

COUNTY = "410122000000"
YEAR = 2026
RATE_PPM = 18_750  # 1.875 %: many halves of a fen, so that rounding is really done
SOURCES = ("individual", "subsidy_county")

# The same text runs on SQLite and on Postgres.
_NUMBERS = """
WITH RECURSIVE number(n) AS (
  SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM number WHERE n < :accounts)
"""
_VILLAGE = "'410122' || CAST(100 + n % 20 AS TEXT) || CAST(200 + n % 400 AS TEXT)"

_ACCOUNTS = f"""
INSERT INTO account (county_code, account_no, person_id, village, opened_on)
{_NUMBERS}
SELECT '{COUNTY}', n, 'person-' || CAST(n AS TEXT), {_VILLAGE}, DATE '2015-03-01' FROM number
"""
_CLOSINGS = f"""
INSERT INTO account_closing (county_code, year, account_no, source, village,
  opening_fen, movement_fen, product, interest_fen, closing_fen)
{_NUMBERS}
SELECT '{COUNTY}', {YEAR - 1}, n, :source, {_VILLAGE}, 0, 0, 0, 0, 10000 + n * 7919 % 1999993
FROM number
"""
_ENTRY = f"""
INSERT INTO journal_entry (county_code, entry_no, kind, business_date, booked_at,
  trace_kind, trace, memo, actor_id)
VALUES ('{COUNTY}', :entry, 'contribution', DATE '{YEAR}-12-31', TIMESTAMP '{YEAR}-12-31 08:00:00',
  'batch', 'bench', '', 'bench')
"""
_LINES = f"""
INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
SELECT '{COUNTY}', :entry, side.line_no, side.gl_account, side.sign * (
  SELECT CAST(sum(fen) AS BIGINT) FROM posting WHERE entry_no = :entry)
FROM (SELECT 1 AS line_no, 'income_account' AS gl_account, 1 AS sign
      UNION ALL SELECT 2, 'individual_accounts', -1) AS side
"""
_POSTINGS = f"""
INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
  year, month, for_year, business_date)
{_NUMBERS}
SELECT '{COUNTY}', :entry, n, n, {_VILLAGE}, :source, 'contribution', :least + n * 104729 % 200003,
  {YEAR}, CASE WHEN :month = 0 THEN 1 + n % 12 ELSE :month END, {YEAR}, DATE '{YEAR}-06-30'
FROM number
"""


# What was there before this year: one voucher, so that the books add up to the accounts.
_OPENING_LINES = f"""
INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
SELECT '{COUNTY}', 3, side.line_no, side.gl_account, side.sign * (
  SELECT CAST(sum(closing_fen) AS BIGINT) FROM account_closing)
FROM (SELECT 1 AS line_no, 'fiscal_account' AS gl_account, 1 AS sign
      UNION ALL SELECT 2, 'individual_accounts', -1) AS side
"""
# Last: from here on the database refuses what a ledger must not hold.
_BOOKS = f"""
INSERT INTO ledger_book (county_code, opened_on) VALUES ('{COUNTY}', DATE '2015-03-01')
"""
_SERIALS = f"""
INSERT INTO counter (county_code, name, value) VALUES ('{COUNTY}', 'journal_entry', 3)
"""


def fill(connection: Connection, accounts: int) -> None:
    """Fill a migrated, empty database."""
    sqlite = connection.dialect.name == "sqlite"

    def run(statement: str, **values: object) -> None:
        if sqlite:  # dates are text there, and it has no typed literals
            statement = statement.replace("DATE '", "'").replace("TIMESTAMP '", "'")
        connection.execute(text(statement), values)

    run(_ACCOUNTS, accounts=accounts)
    for entry, (source, month) in enumerate(zip(SOURCES, (0, 12), strict=True), start=1):
        run(_CLOSINGS, accounts=accounts, source=source)
        run(_POSTINGS, accounts=accounts, entry=entry, source=source, month=month, least=3_000)
        run(_LINES, entry=entry)
        run(_ENTRY, entry=entry)
    run(_OPENING_LINES)
    run(_ENTRY, entry=3)
    run(_SERIALS)
    run(_BOOKS)
    connection.execute(text("ANALYZE"))
