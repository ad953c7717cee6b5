"""The simulator itself: the same seed does the same, and what it says can be replayed."""

from dataclasses import replace
from itertools import count

import pytest
from typer.testing import CliRunner

from node.cli import app
from sync.simulation import (
    BrokenPromiseError,
    draw,
    known_mutants,
    replay_command,
    run_many,
    run_seed,
    try_seed,
)
from sync.simulation.custody import Custody
from sync.simulation.faults import Move

MUTANT = "authority-unasked"
REVEALING = 0


def test_a_seed_does_the_same_each_time() -> None:
    assert run_seed(6) == run_seed(6)


def test_seeds_differ() -> None:
    assert run_seed(6).digest != run_seed(7).digest


def test_two_processes_do_what_one_does() -> None:
    alone = {result.seed: result for result in map(run_seed, (3, 4, 5))}
    together = {
        result.seed: result
        for result in run_many(3, 3, jobs=2)
        if not isinstance(result, BrokenPromiseError)
    }
    assert together == alone


def test_a_greater_depth_is_a_larger_world() -> None:
    assert len(draw(3, depth=2).places) > len(draw(3).places)
    assert replay_command(draw(3, depth=2)) == "wuji simulate --seeds 1 --start 3 --depth 2"


def test_a_broken_promise_tells_the_plan_and_how_to_play_it_again() -> None:
    with pytest.raises(BrokenPromiseError) as broke:
        run_seed(REVEALING, mutant=MUTANT)

    told = str(broke.value)
    command = f"wuji simulate --seeds 1 --start {REVEALING} --mutant {MUTANT}"
    assert told.endswith(f"replay with: {command}")
    assert all(line in told for line in draw(REVEALING).lines())

    again = CliRunner().invoke(app, command.split()[1:])
    assert again.exit_code == 1
    assert all(finding in again.output for finding in broke.value.findings[:3])


def test_the_command_passes_over_whole_seeds() -> None:
    done = CliRunner().invoke(app, ["simulate", "--seeds", "2", "--start", "6", "--jobs", "1"])

    assert done.exit_code == 0, done.output
    assert "2 个种子通过，0 个失败" in done.output


def test_an_unknown_bug_is_answered_with_those_there_are() -> None:
    done = CliRunner().invoke(app, ["simulate", "--mutant", "nonsense"])

    assert done.exit_code == 2
    assert all(name in done.output for name in known_mutants())


def test_what_is_planted_is_taken_out_again() -> None:
    try_seed(REVEALING, mutant=MUTANT)

    run_seed(REVEALING)


def test_a_county_that_acts_upon_an_acceptance_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two custodians at once: the watch over persons who move can fail."""
    moving = next(seed for seed in count() if any(isinstance(f, Move) for f in draw(seed).faults))

    def forgetful(custody: Custody, person: str, move: Move) -> list[str]:
        return [move.place, *custodians(custody, person, move)]

    custodians = Custody._custodians
    run_seed(moving)
    monkeypatch.setattr(Custody, "_custodians", forgetful)
    with pytest.raises(BrokenPromiseError, match="one_custody"):
        run_seed(moving)


def test_links_alone_break_nothing_either() -> None:
    """A plan can be played over perfect links, to tell what the network had to do with it."""
    plan = draw(2)

    assert replace(plan.without_weather(), weather=plan.weather) == plan
