"""A plan: everything a seed decides before its world begins. The same seed, the same plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from sync.limits import LIMITS, Limits
from sync.simulation import faults
from sync.simulation.application import NEWEST, NOVEL
from sync.simulation.faults import Fault
from sync.simulation.tree import (
    ABOVE,
    CITY,
    COUNTY,
    DIRECT_COUNTY,
    LEVELS,
    PLACES,
    PROVINCE,
    TOWNSHIPS,
    VILLAGES,
    ancestors,
    name_of,
)

_CHANCES = ("lost", "unanswered", "cut", "twice", "late", "slow")
_RELAYS = frozenset({"city", "county", "township"})
_SMALL = (PROVINCE, CITY, COUNTY, DIRECT_COUNTY, TOWNSHIPS[0], *VILLAGES[:2])


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad a link is: the chance, for each call, of each misfortune.

    lost       the request never arrives
    unanswered the request arrives, its answer does not
    cut        request or answer ends in the middle
    twice      the request arrives twice, the second time perhaps days later
    late       the request is given up, and arrives hours or days later
    slow       the call takes longer than patience likes
    `dies_after`: the line carries so many bytes of one call and then breaks; 0 when it does not.
    """

    lost: float = 0.0
    unanswered: float = 0.0
    cut: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    dies_after: int = 0

    def __str__(self) -> str:
        if self == FINE:
            return "fine"
        words = [f"{name} {getattr(self, name):.2f}" for name in _CHANCES if getattr(self, name)]
        if self.dies_after:
            words.append(f"dies after {self.dies_after} bytes")
        return ", ".join(words)


FINE = Weather()


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in one world."""

    seed: int
    depth: int
    days: float
    places: tuple[str, ...]
    is_signed: bool
    hosted: tuple[str, ...]
    limits: Limits
    budget: int
    writes: int
    bad: float
    weather: dict[str, Weather] = field(default_factory=dict)
    releases: dict[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def lines(self) -> Iterator[str]:
        """The plan for people to read."""
        carrier = "signed calls" if self.is_signed else "bare messages"
        yield f"seed {self.seed}: {self.days:.0f} days, {carrier}, {self.writes} transactions"
        yield f"hosted: {', '.join(map(name_of, self.hosted))}"
        bounds = self.limits
        yield (
            f"segments of {bounds.seal_records} records or {bounds.seal_bytes} bytes, sealed"
            f" {bounds.seal_rows} rows or {bounds.seal_transactions} transactions at a time;"
            f" first budget {self.budget} bytes"
        )
        for place, weather in self.weather.items():
            yield f"link of {name_of(place):14} {weather}"
        old = {place: release for place, release in self.releases.items() if release < NEWEST}
        for place, release in old.items():
            yield f"{name_of(place)} begins with release {release} of {NEWEST}"
        for fault in self.faults:
            yield str(fault)

    def without_weather(self) -> "Plan":
        """The same plan over perfect links: is a failure the network's doing?"""
        return replace(self, weather=dict.fromkeys(self.weather, FINE))


def draw(seed: int, *, depth: int = 1) -> Plan:
    """Draw the plan of a seed; one of a greater depth is larger, and another."""
    random = Random(f"{seed}/{depth}/plan")  # noqa: S311  # a simulation, not a secret
    return _Draughtsman(random, seed, depth).plan()


class _Draughtsman:
    def __init__(self, random: Random, seed: int, depth: int) -> None:
        self._random = random
        self._seed = seed
        self._depth = depth
        self._places = self._tree()
        self._villages = [place for place in VILLAGES if place in self._places]
        self._days = random.choice([10.0, 30.0, 60.0])
        hosted = random.choice([1, len(self._villages) - 1])
        self._hosted = tuple(sorted(random.sample(self._villages, hosted)))
        self._machines = [place for place in self._places if place not in self._hosted]
        self._relays = [place for place in self._machines if LEVELS[place] in _RELAYS]
        self._touched: set[str] = set()
        """Villages something lasting happens to: one such thing for each."""

    def _tree(self) -> tuple[str, ...]:
        """Five tiers and a county directly under the province; sometimes with places below it."""
        if self._depth > 1:
            return PLACES
        more = self._random.choice([(), (TOWNSHIPS[2], VILLAGES[3])])
        return tuple(place for place in PLACES if place in {*_SMALL, *more})

    def plan(self) -> Plan:
        random = self._random
        releases = self._releases()
        weather = {place: self._weather() for place in self._machines if place in ABOVE}
        drawn: list[Fault] = [*self._upgrades(releases), *self._lasting(), *self._passing()]
        drawn += [*self._sticks(), *self._moves()]
        return Plan(
            seed=self._seed,
            depth=self._depth,
            days=self._days,
            places=self._places,
            is_signed=random.random() < 0.4,  # noqa: PLR2004
            hosted=self._hosted,
            limits=self._limits(),
            budget=random.choice([2048, 4096, 16384, 65536]),
            writes=self._depth * random.randint(10, 24),
            bad=random.choice([0.0, 0.01, 0.04]),
            weather=weather,
            releases=releases,
            faults=tuple(sorted(drawn, key=lambda fault: fault.day)),
        )

    def _limits(self) -> Limits:
        random = self._random
        return replace(
            LIMITS,
            seal_records=random.choice([1, 4, 10, 30, 100]),
            seal_bytes=random.choice([1500, 6000, 1 << 20]),
            seal_rows=random.choice([2, 6, 30, 10_000]),
            seal_transactions=random.choice([1, 3, 2000]),
            retry_rows=random.choice([1, 3, 200]),
        )

    def _weather(self) -> Weather:
        random = self._random
        kind = random.random()
        if kind < 0.3:  # noqa: PLR2004
            return FINE
        worst = 0.15 if kind < 0.8 else 0.4  # noqa: PLR2004
        dies_after = random.choice([0, 0, 0, 8_000, 12_000, 20_000])
        chances = {name: random.choice([0.0, random.uniform(0, worst)]) for name in _CHANCES}
        return replace(FINE, **chances, dies_after=dies_after)

    def _releases(self) -> dict[str, int]:
        if self._random.random() < 0.4:  # noqa: PLR2004
            return dict.fromkeys(self._places, NEWEST)
        return {place: self._random.choice([1, 2, NEWEST, NEWEST]) for place in self._places}

    def _upgrades(self, releases: dict[str, int]) -> Iterator[Fault]:
        for place, release in releases.items():
            day = 0.0
            for newer in range(release + 1, NEWEST + 1):
                day = self._random.uniform(day, 1.2 * self._days)
                if day < self._days:
                    yield faults.Upgrade(day, place, newer)

    def _lasting(self) -> Iterator[Fault]:
        """What changes who a village is."""
        random = self._random
        if random.random() < 0.35:  # noqa: PLR2004
            place = self._untouched(self._hosted)
            yield faults.Settlement(self._day(0.2, 0.8), place)
        own = [place for place in self._villages if place not in self._hosted]
        for kind in random.sample(["join", "revoke", "replace", "none"], min(2, len(own))):
            place = self._untouched(own)
            if kind == "join":
                yield faults.LateJoin(self._day(0.1, 0.6), place)
            elif kind == "revoke":
                by = random.choice(list(ancestors(place)))
                yield faults.Revocation(self._day(0.3, 0.8), place, by, random.random() < 0.5)  # noqa: PLR2004
            elif kind == "replace":
                yield faults.Replacement(self._day(0.3, 0.8), place)

    def _passing(self) -> Iterator[Fault]:
        """What comes and goes."""
        yield from self._crashes()
        yield from self._outages()
        yield from self._crimes()

    def _crashes(self) -> Iterator[Fault]:
        random = self._random
        for _ in range(random.choice([0, 4, 8, 12])):
            statements = random.choice([random.randint(1, 12), random.randint(1, 60)])
            hours = random.choice([0.0, 0.1, random.uniform(0, 72)])
            yield faults.Crash(self._day(), random.choice(self._machines), statements, hours)
        for _ in range(random.choice([0, 0, 1, 2])):
            saved = self._day(0.0, 0.9)
            day = saved + random.uniform(0.01, 0.2) * self._days
            yield faults.Restore(day, random.choice(self._machines), saved)

    def _outages(self) -> Iterator[Fault]:
        random = self._random
        links = [place for place in self._machines if place in ABOVE]
        for _ in range(random.choice([0, 1, 3])):
            day = self._day()
            until = day + random.choice([0.5, 3.0, 21.0])
            yield faults.Partition(day, random.choice(links), until)
        for _ in range(random.choice([0, 0, 1, 2])):
            day = self._day()
            hours = random.choice([-1, 1]) * random.choice([0.2, 5.0, 30.0, 24.0 * 9])
            until = day + random.uniform(0.5, 10)
            yield faults.WrongClock(day, random.choice(self._machines), until, hours)

    def _sticks(self) -> Iterator[Fault]:
        random = Random(f"{self._seed}/{self._depth}/sticks")  # noqa: S311  # a simulation
        links = [place for place in self._machines if place in ABOVE]
        for _ in range(random.choice([0, 0, 2, 4])):
            day, place = random.uniform(0, self._days), random.choice(links)
            days = random.choice([0.0, 0.5, 6.0])
            chances = [random.random() < chance for chance in (0.5, 0.3, 0.4, 0.5)]
            is_up, is_twice, is_damaged, is_locked = chances
            yield faults.Stick(day, place, is_up, days, is_twice, is_damaged, is_locked)

    def _moves(self) -> Iterator[Fault]:
        random = Random(f"{self._seed}/{self._depth}/moves")  # noqa: S311  # a simulation
        if random.random() < 0.2:  # noqa: PLR2004
            for _ in range(random.choice([1, 1, 2])):
                old, new = random.sample([COUNTY, DIRECT_COUNTY], 2)
                yield faults.Move(random.uniform(0, 0.8) * self._days, old, new)

    def _crimes(self) -> Iterator[Fault]:
        random = self._random
        if random.random() < 0.3:  # noqa: PLR2004
            writer = random.choice([place for place in self._machines if place != PROVINCE])
            kind = NOVEL if LEVELS[writer] != "county" else "notice"
            yield faults.Trespass(self._day(), writer, random.choice([kind, "step", "report"]))
        if random.random() < 0.3:  # noqa: PLR2004
            day = self._day()
            yield faults.CrookedRelay(day, random.choice(self._relays), day + random.uniform(1, 20))
        if random.random() < 0.3:  # noqa: PLR2004
            writer = random.choice([place for place in self._machines if place in ABOVE])
            yield faults.StolenKey(self._day(0.2, 1.0), writer, random.choice([0, 0, 0, 1, -1]))

    def _untouched(self, among: Sequence[str]) -> str:
        place = self._random.choice([each for each in among if each not in self._touched])
        self._touched.add(place)
        return place

    def _day(self, start: float = 0.0, end: float = 1.0) -> float:
        return self._random.uniform(start, end) * self._days
