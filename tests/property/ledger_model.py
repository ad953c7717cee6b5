"""An independent model of individual accounts: every balance from the beginning, in fractions.

Nothing is imported from the program. It keeps what happened, not what it came to: a balance is
played anew from the first day, month by month, each time it is asked for. What became known late
stands where it belongs, so this is by construction "as if it had been known from the start".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Move:
    """Money in fen that counts from a month; `after` says: only once that month is settled."""

    source: str
    year: int
    month: int
    fen: int
    after: bool = False


@dataclass
class Life:
    """One account: what moved, and the months it was settled at inside a year with their rate."""

    moves: list[Move] = field(default_factory=list)
    settled: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)


@dataclass
class Model:
    """Every account, and the rate and lag of every year that has been closed."""

    lives: dict[int, Life] = field(default_factory=dict)
    years: dict[int, tuple[int, int]] = field(default_factory=dict)

    def settled_through(self, account: int, year: int) -> int:
        """The last month of a year an account was settled at, 0 when never."""
        months = [m for y, m in self.lives[account].settled if y == year]
        return max(months, default=0)

    def move(self, account: int, source: str, year: int, month: int, fen: int) -> Move:
        """Something happens in a year that is open, or becomes known of one that is closed."""
        until = self.settled_through(account, year)
        late = year not in self.years and until >= month
        made = Move(source, year, until if late else month, fen, after=late)
        self.lives[account].moves.append(made)
        return made

    def take_back(self, account: int, wrong: Move) -> None:
        """The mirror of a move: from when the wrong one counted, or from the settlement since."""
        until = self.settled_through(account, wrong.year)
        late = wrong.year not in self.years and until >= wrong.month
        month = until if late else wrong.month
        after = late or wrong.after
        mirror = Move(wrong.source, wrong.year, month, -wrong.fen, after=after)
        self.lives[account].moves.append(mirror)

    def balances(self, account: int) -> dict[str, int]:
        """What an account holds by source; sources that hold nothing are left out."""
        life = self.lives[account]
        found = {
            source: self._played(life, source) for source in {move.source for move in life.moves}
        }
        return {source: fen for source, fen in found.items() if fen}

    def _played(self, life: Life, source: str) -> int:
        mine = [move for move in life.moves if move.source == source]
        balance = 0
        happened = {move.year for move in mine} | {year for year, _ in life.settled}
        for year in sorted({*self.years, *happened}):
            start = 0
            now = [move for move in mine if move.year == year]
            for through, rate in self._stretches(life, year):
                inside = [m for m in now if _is_inside(m, start, through)]
                balance += sum(m.fen for m in now if m.after and m.month == start)
                balance += _earned(balance, inside, start, through, rate)
                balance += sum(m.fen for m in inside)
                start = through
            balance += sum(m.fen for m in now if _is_open(m, start, settled=year in self.years))
        return balance

    def _stretches(self, life: Life, year: int) -> Iterable[tuple[int, tuple[int, int]]]:
        ends = {month: rate for (y, month), rate in life.settled.items() if y == year}
        if year in self.years:
            ends.setdefault(12, self.years[year])
        return sorted(ends.items())


def _is_inside(move: Move, start: int, through: int) -> bool:
    return not move.after and start < move.month <= through


def _is_open(move: Move, start: int, *, settled: bool) -> bool:
    """What no stretch has taken up yet."""
    if move.after:
        return move.month == start and (not settled or start == 12)
    return move.month > start


def _earned(
    balance: int, inside: list[Move], start: int, through: int, rate: tuple[int, int]
) -> int:
    """Interest of the months after `start`, each on what it opens with, rounded once at the end."""
    ppm, lag = rate
    exact = Fraction(0)
    for month in range(start + 1, through + 1):
        opening = balance + sum(move.fen for move in inside if move.month <= month - lag)
        exact += Fraction(opening * ppm, 12_000_000)
    return floor(exact + Fraction(1, 2))
