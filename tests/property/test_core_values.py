"""Money, instants, sealed values and bulk bodies: what goes in comes out, and nothing else does."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.core.bulk import ROWS_PER_RECORD, chunks, columns, rows
from node.core.clock import business_date, from_iso, iso, shanghai
from node.core.errors import Invalid
from node.core.money import parse_yuan, percent, yuan
from node.core.personal import Keyring, mask_citizen_number, mask_tail
from node.policy.controls import parse_rate
from sync.errors import Unreadable

KEYS = Keyring(data_key=bytes(range(32)), index_key=bytes(32))

money = st.integers(-(10**15) + 1, 10**15 - 1)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
instants = st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=offsets)  # noqa: DTZ001  # Hypothesis adds the zone
scalars = st.none() | st.booleans() | st.integers() | st.text()


@given(fen=money)
@example(fen=-1)
@example(fen=100_000)
def test_an_amount_is_read_as_it_was_printed(fen: int) -> None:
    shown = yuan(fen)
    assert parse_yuan(shown) == fen
    assert parse_yuan(f" {shown.replace(',', '')} 元 ") == fen
    assert parse_yuan(shown.replace(",", "，").replace("−", "-")) == fen


@given(text=st.text(alphabet="0123456789,，.-−元 ", max_size=12))
@example(text="2,00")
@example(text="1.234")
def test_what_is_read_as_an_amount_means_that_amount(text: str) -> None:
    """Either a refusal, or the digits typed, and nothing was dropped but proper thousands."""
    try:
        fen = parse_yuan(text)
    except Invalid as refusal:
        assert refusal.field == "amount"  # noqa: PT017  # either answer is lawful for any text
        return
    plain = text.replace("，", ",").replace("−", "-").strip(" 元")
    whole = yuan(fen).replace("−", "-")
    typed = plain if "." in plain else f"{plain}.00"
    typed = f"{typed}0" if len(typed.split(".")[1]) == 1 else typed
    bare = typed.replace(",", "").lstrip("-").lstrip("0")
    assert bare == whole.replace(",", "").lstrip("-").lstrip("0")
    groups = typed.lstrip("-").split(".")[0].split(",")
    assert all(len(group) == 3 for group in groups[1:])


@given(ppm=st.integers(0, 999_999))
def test_a_rate_is_read_as_it_was_printed(ppm: int) -> None:
    assert parse_rate(percent(ppm), field="rate") == ppm


@given(instant=instants, other=instants)
def test_instants_survive_their_text_and_sort_as_text_does(
    instant: datetime, other: datetime
) -> None:
    assert from_iso(iso(instant)) == instant
    assert from_iso(iso(instant)).tzinfo is UTC
    assert (iso(instant) < iso(other)) == (instant < other)


@given(instant=instants)
def test_a_business_day_is_the_day_in_the_office(instant: datetime) -> None:
    midnight = datetime.combine(
        business_date(instant), datetime.min.time(), shanghai(instant).tzinfo
    )
    assert timedelta() <= instant - midnight < timedelta(days=1)


@given(clear=st.binary(max_size=200), purpose=st.binary(max_size=20))
def test_what_is_sealed_opens_for_its_purpose_only(clear: bytes, purpose: bytes) -> None:
    sealed = KEYS.seal(clear, purpose)
    assert KEYS.open(sealed, purpose) == clear
    assert KEYS.seal(clear, purpose) != sealed
    with pytest.raises(Unreadable):
        KEYS.open(sealed, purpose + b"x")
    with pytest.raises(Unreadable):
        KEYS.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), purpose)
    with pytest.raises(Unreadable):
        Keyring.generate().open(sealed, purpose)


@given(one=st.text(), other=st.text())
@example(one="410199197503150011", other="410199197503150012")
def test_the_blind_index_tells_equal_from_unequal_under_one_key(one: str, other: str) -> None:
    assert (KEYS.index(one) == KEYS.index(other)) == (one == other)
    assert Keyring.generate().index(one) != KEYS.index(one)


@given(number=st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True))
def test_masks_keep_the_length_and_hide_the_birthday(number: str) -> None:
    masked = mask_citizen_number(number)
    assert masked == number[:6] + "*" * 8 + number[-4:]
    assert mask_tail(number) == "*" * 14 + number[-4:]


@given(
    table=st.lists(
        st.fixed_dictionaries({"id": st.text(), "fen": st.integers(), "other": scalars}),
        max_size=30,
    )
)
def test_rows_survive_their_columns(table: list[dict[str, object]]) -> None:
    assert rows(columns(table)) == table


@given(length=st.integers(0, 3 * ROWS_PER_RECORD + 1))
def test_chunks_hold_every_row_once_and_fit_a_record(length: int) -> None:
    table = [{"n": n} for n in range(length)]
    runs = list(chunks(table))
    assert [row for run in runs for row in run] == table
    assert all(0 < len(run) <= ROWS_PER_RECORD for run in runs)
    assert len(runs) == -(-length // ROWS_PER_RECORD)
