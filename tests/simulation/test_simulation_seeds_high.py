"""The second hundred seeds."""

import pytest

from sync.simulation import run_seed


@pytest.mark.parametrize("seed", range(100, 200))
def test_every_promise_is_kept(seed: int) -> None:
    run_seed(seed)
