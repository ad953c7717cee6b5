"""Laws of lockout and of where people land."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from node.identity.rules import LOGIN, Attempts, landing, tidy_login

LOCK = timedelta(minutes=15)
START = datetime(2026, 3, 2, tzinfo=UTC)
limits = st.integers(1, 10)
gaps = st.lists(st.integers(0, 1_200), max_size=60).map(
    lambda seconds: [timedelta(seconds=value) for value in seconds]
)


@given(limit=limits, gaps=gaps)
def test_in_any_stretch_of_one_lock_no_more_than_the_allowed_guesses_are_judged_twice(
    limit: int, gaps: list[timedelta]
) -> None:
    """A guesser gets at most `limit` tries between two locks, whatever the rhythm."""
    now, attempts, judged = START, Attempts(), 0
    for gap in gaps:
        now += gap
        if attempts.is_locked(now):
            assert attempts.failed(now, limit=limit, lock=LOCK) == attempts
            continue
        judged += 1
        attempts = attempts.failed(now, limit=limit, lock=LOCK)
        assert attempts.failures < limit
        if attempts.is_locked(now):
            assert judged == limit
            judged = 0


@given(limit=limits, failures=st.integers(0, 9))
def test_a_lock_ends_by_itself(limit: int, failures: int) -> None:
    after = Attempts(min(failures, limit - 1)).failed(START, limit=limit, lock=LOCK)
    assert not after.is_locked(START + LOCK)


@given(wanted=st.text(alphabet="/\\:.?#ab \t\n@", max_size=12))
@example(wanted="/\t/elsewhere.example")
def test_a_landing_is_always_on_this_node(wanted: str) -> None:
    here = "http://node.example:8410/login"
    assert urlsplit(urljoin(here, landing(wanted))).netloc == "node.example:8410"


@given(login=st.from_regex(LOGIN, fullmatch=True), around=st.sampled_from(["", " ", "\u3000"]))
def test_a_stored_login_is_found_in_capitals_and_with_blanks_around(
    login: str, around: str
) -> None:
    assert tidy_login(around + login.upper() + around) == login
