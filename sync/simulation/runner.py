"""Running seeds: one, or many in several processes."""

import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from multiprocessing import get_context

from sync.simulation.custody import Custody
from sync.simulation.drama import Drama
from sync.simulation.healing import heal, living
from sync.simulation.invariants import broken
from sync.simulation.mutants import planted
from sync.simulation.people import People
from sync.simulation.plan import Plan, draw
from sync.simulation.world import World

_SHOWN = 20
_LAST_WORDS = 40


class BrokenPromiseError(AssertionError):
    """A seed under which the engine did not keep its word, and the command that replays it."""

    def __init__(
        self, plan: Plan, findings: list[str], chronicle: list[str], mutant: str = ""
    ) -> None:
        self.plan = plan
        self.findings = findings
        self.chronicle = chronicle
        self.mutant = mutant
        super().__init__(self.story(_LAST_WORDS))

    def story(self, lines: int | None = None) -> str:
        """What was broken, the plan, and the last of what happened (or all of it)."""
        happened = self.chronicle[-lines:] if lines else self.chronicle
        told = [
            f"seed {self.plan.seed} broke {len(self.findings)} promise(s):",
            *(f"  ✗ {finding}" for finding in self.findings[:_SHOWN]),
            "the plan:",
            *(f"  {line}" for line in self.plan.lines()),
            "what happened:",
            *(f"  {line}" for line in happened),
            f"replay with: {replay_command(self.plan, self.mutant)}",
        ]
        return "\n".join(told)

    def __reduce__(self) -> tuple[type, tuple[Plan, list[str], list[str], str]]:
        return type(self), (self.plan, self.findings, self.chronicle, self.mutant)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed did. `digest` is the same in every run of it."""

    seed: int
    records: int
    calls: int
    misfortunes: int
    crashes: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    digest: str = ""


Result = Outcome | BrokenPromiseError


def replay_command(plan: Plan, mutant: str = "") -> str:
    """One command that plays it again."""
    words = ["wuji simulate --seeds 1", f"--start {plan.seed}"]
    words += [f"--depth {plan.depth}"] if plan.depth > 1 else []
    words += [f"--mutant {mutant}"] if mutant else []
    return " ".join(words)


def run_seed(seed: int, *, depth: int = 1, mutant: str = "") -> Outcome:
    """Play one seed to its end.

    Raises:
        BrokenPromiseError: a promise of the protocol was not kept.
    """
    return run_plan(draw(seed, depth=depth), mutant=mutant)


def run_plan(plan: Plan, *, mutant: str = "") -> Outcome:
    """Play a plan, heal the network and hold it against the oracle.

    Raises:
        BrokenPromiseError: a promise of the protocol was not kept.
    """
    with World(plan) as world:
        try:
            with planted(mutant):
                drama, findings = _play(world)
        except Exception:  # noqa: BLE001  # whatever it is, the engine should not have raised it
            whole = traceback.format_exc().strip().splitlines()
            raise BrokenPromiseError(plan, [whole[-1], *whole], world.chronicle, mutant) from None
        if findings:
            raise BrokenPromiseError(plan, findings, world.chronicle, mutant)
        return _outcome(world, skipped=len(drama.skipped))


def run_many(
    start: int, count: int, *, jobs: int = 1, depth: int = 1, mutant: str = ""
) -> Iterator[Result]:
    """Play many seeds, in so many processes; results come as they are ready."""
    seeds = range(start, start + count)
    play = partial(try_seed, depth=depth, mutant=mutant)
    if jobs == 1:
        yield from map(play, seeds)
        return
    pool = ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn"))
    try:
        for done in as_completed([pool.submit(play, seed) for seed in seeds]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def try_seed(seed: int, *, depth: int = 1, mutant: str = "") -> Result:
    """Play one seed; what was broken is returned, not raised."""
    try:
        return run_seed(seed, depth=depth, mutant=mutant)
    except BrokenPromiseError as broke:
        return broke


def _play(world: World) -> tuple[Drama, list[str]]:
    custody = Custody(world)
    drama, people = Drama(world, custody), People(world, custody)
    drama.schedule()
    people.schedule()
    world.build(without=drama.late)
    world.play(until_day=world.plan.days)
    world.play_out()
    findings = world.findings + heal(world, people)
    return drama, findings or [*custody.at_rest(), *broken(world)]


def _outcome(world: World, *, skipped: int) -> Outcome:
    crashes: dict[str, int] = {}
    content = sha256()
    for node in [*living(world), *world.lost]:
        for doing, times in node.crashes.items():
            crashes[doing] = crashes.get(doing, 0) + times
        content.update(node.content())
    content.update("\n".join(world.chronicle).encode())
    return Outcome(
        seed=world.plan.seed,
        records=len(world.oracle),
        calls=world.network.calls,
        misfortunes=sum(world.network.misfortunes.values()),
        crashes=crashes,
        skipped=skipped,
        digest=content.hexdigest(),
    )
