"""Waiting and asking for less, so that a bad link still makes progress."""

from random import Random

from sync.backoff import LONGEST_RETRY_AFTER, Backoff, Budget


class Highest(Random):
    """Always the upper end, so that the ceiling is seen."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def test_the_ceiling_doubles_up_to_its_limit_and_never_gives_up() -> None:
    backoff = Backoff(Highest(), first=1, longest=300)
    assert [backoff.failed() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff.failures = 10**6
    assert backoff.failed() == 300
    backoff.succeeded()
    assert backoff.failed() == 1


def test_a_thousand_children_come_back_spread_over_the_whole_wait() -> None:
    waits = []
    for seed in range(1000):
        backoff = Backoff(Random(seed), first=1, longest=300)  # noqa: S311  # jitter, not a secret
        backoff.failures = 20
        waits.append(backoff.failed())
    per_tenth = [sum(1 for wait in waits if 30 * n <= wait < 30 * (n + 1)) for n in range(10)]
    assert min(per_tenth) > 60
    assert sum(per_tenth) == 1000


def test_what_the_parent_asks_for_is_honoured_within_reason() -> None:
    assert Backoff(Highest(), first=1).failed(retry_after=30) == 31
    assert Backoff(Highest(), first=1).failed(retry_after=10**9) == LONGEST_RETRY_AFTER + 1
    assert Backoff(Highest(), first=1).failed(retry_after=-5) == 1


def test_a_budget_finds_what_a_link_carries_and_mostly_stays_there() -> None:
    budget = Budget(size=64 * 1024)
    carried, calls, failures = 6 * 1024, 0, 0
    for _ in range(200):
        calls += 1
        if budget.size > carried:
            failures += 1
            budget.failed()
        else:
            budget.succeeded(seconds=0.1)
    assert budget.size in (4 * 1024, 8 * 1024)
    assert failures < calls / 8 + 5


def test_a_good_link_gets_the_largest_calls_soon() -> None:
    budget = Budget()
    for _ in range(6):
        budget.succeeded(seconds=0.1)
    assert budget.size == budget.largest
    budget.succeeded(seconds=0.1)
    assert budget.size == budget.largest


def test_a_call_that_crawls_is_halved_and_never_below_the_smallest() -> None:
    budget = Budget(size=16 * 1024)
    budget.succeeded(seconds=25)
    assert budget.size == 8 * 1024
    for _ in range(10):
        budget.failed()
    assert budget.size == budget.smallest
