"""A deterministic simulator of the whole network: the real engine on virtual machines and links.

    run_seed(7)                  plays seed 7, or raises with the plan and one command to replay it

See docs/simulator.md.
"""

from sync.simulation.mutants import known_mutants
from sync.simulation.plan import Plan, draw
from sync.simulation.runner import (
    BrokenPromiseError,
    Outcome,
    replay_command,
    run_many,
    run_plan,
    run_seed,
    try_seed,
)

__all__ = [
    "BrokenPromiseError",
    "Outcome",
    "Plan",
    "draw",
    "known_mutants",
    "replay_command",
    "run_many",
    "run_plan",
    "run_seed",
    "try_seed",
]
