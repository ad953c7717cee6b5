"""The first hundred seeds. In two files, so that two workers share them."""

import pytest

from sync.simulation import run_seed


@pytest.mark.parametrize("seed", range(100))
def test_every_promise_is_kept(seed: int) -> None:
    run_seed(seed)
