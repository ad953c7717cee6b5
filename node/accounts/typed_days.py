"""A day as it is typed into a form of the books."""

from datetime import date

from node.core.errors import Invalid


def day_typed(text: str, *, field: str) -> date:
    """`2025-12-31` as a day.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError as wrong:
        raise Invalid("日期写作 2025-12-31", field=field) from wrong
