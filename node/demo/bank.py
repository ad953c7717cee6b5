"""A bank that is not ours: a process that speaks files through folders, for the demo and for tests.

`python -m node.demo.bank FOLDER --seed 7` looks into `FOLDER/<bank>/out`, answers into
`FOLDER/<bank>/in`, and behaves as banks do: it turns people down for a reason, times out, answers
some lines a round later, sends a file twice and cuts one off. All of it follows from the seed and
the order numbers, so that a run can be repeated.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from node.banking.description import HEADINGS, Bank, banks
from node.banking.outgoing import TOTAL, write_control, write_workbook
from node.banking.rules import Direction, LineState

PER_MILLE = 1_000
CENTS = 100

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Temper:
    """How a bank behaves: per mille of lines, and one in so many files (0: never)."""

    seed: int = 0
    failing: int = 60
    timing_out: int = 20
    late: int = 40
    sends_twice: int = 2
    cuts_off: int = 3

    def draw(self, what: str, key: str, below: int = PER_MILLE) -> int:
        """A number from 0 to `below` − 1 that only the seed, the question and the key decide."""
        digest = hashlib.sha256(f"{self.seed}/{what}/{key}".encode()).digest()
        return int.from_bytes(digest[:6]) % below

    def happens(self, what: str, key: str, one_in: int) -> bool:
        """Does something happen that happens to one in so many?"""
        return one_in > 0 and self.draw(what, key, one_in) == 0


OBLIGING = Temper(failing=0, timing_out=0, late=0, sends_twice=0, cuts_off=0)
"""A bank that does everything at once, for tests of something else."""


def look(folder: Path, temper: Temper) -> list[str]:
    """One round: send what was held back, then answer every new file. Answers the names sent."""
    sent: list[str] = []
    for bank in banks().values():
        home = folder / bank.code
        for place in ("out", "in", "later", "taken"):
            (home / place).mkdir(parents=True, exist_ok=True)
        for path in sorted((home / "later").iterdir()):
            path.replace(home / "in" / path.name)
            sent.append(path.name)
        for file in sorted((home / "out").iterdir()):
            if _is_whole(bank, file):
                sent += _answer(bank, home, file, temper)
    return sent


def _is_whole(bank: Bank, file: Path) -> bool:
    if file.name.startswith("."):
        return False
    if not bank.control_suffix:
        return True
    return (
        not file.name.endswith(bank.control_suffix)
        and file.with_name(file.name + bank.control_suffix).exists()
    )


def _answer(bank: Bank, home: Path, file: Path, temper: Temper) -> list[str]:
    taken = home / "taken" / file.name
    again = taken.exists()
    lines = [] if again else _read(bank, file)
    if bank.control_suffix:
        control = file.with_name(file.name + bank.control_suffix)
        control.replace(home / "taken" / control.name)
    file.replace(taken)  # the same name again is refused, as the interface says
    if again:
        return []
    direction = _direction(bank, file.name)
    late = [each for each in lines if temper.draw("late", each["order"]) < temper.late]
    prompt = [each for each in lines if each not in late]
    reply = _Reply(bank, home, direction, file.name, temper)
    sent = reply.send(prompt, _first_code(bank, temper), serial="1", into="in")
    clock = [each for each in prompt if _first_code(bank, temper)(each) in _codes(bank)["unclear"]]
    reply.send(late + clock, _last_code(bank, temper), serial="2", into="later")
    return sent


def _read(bank: Bank, file: Path) -> list[Fields]:
    if bank.format == "workbook":
        from python_calamine import CalamineWorkbook  # noqa: PLC0415  # as in banking.incoming

        table = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
        titles = {title: name for name, title in HEADINGS.items()}
        names = [titles[str(cell)] for cell in table[0]]
        rows = [dict(zip(names, map(str, row), strict=True)) for row in table[1:]]
        return [row for row in rows if row["order"] != TOTAL]
    text = file.read_bytes().decode(bank.encoding)
    return [
        dict(zip(bank.outgoing, line.split(bank.separator), strict=True))
        for line in text.splitlines()
    ]


def _direction(bank: Bank, name: str) -> Direction:
    collect = bank.file_names[Direction.COLLECT].partition("{")[0]
    return Direction.COLLECT if name.startswith(collect) else Direction.PAY


def _codes(bank: Bank) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {state.value: [] for state in LineState}
    for answer in bank.answers.values():
        found[answer.state].append(answer.code)
    return found


def _first_code(bank: Bank, temper: Temper) -> Callable[[Fields], str]:
    """What the bank says of a line the first time; perhaps that it does not know yet."""
    unclear = _codes(bank)["unclear"]

    def code(line: Fields) -> str:
        if unclear and temper.draw("time-out", line["order"]) < temper.timing_out:
            return unclear[0]
        return _last_code(bank, temper)(line)

    return code


def _last_code(bank: Bank, temper: Temper) -> Callable[[Fields], str]:
    codes = _codes(bank)

    def code(line: Fields) -> str:
        if temper.draw("failure", line["order"]) < temper.failing:
            failures = codes["failed"]
            return failures[temper.draw("reason", line["order"], len(failures))]
        return codes["succeeded"][0]

    return code


@dataclass(frozen=True, slots=True)
class _Reply:
    """The files that answer one file."""

    bank: Bank
    home: Path
    direction: Direction
    file_name: str
    temper: Temper

    def send(
        self, lines: Sequence[Fields], code: Callable[[Fields], str], *, serial: str, into: str
    ) -> list[str]:
        """One file for each kind of result file the bank has, empty ones too."""
        if not lines and serial != "1":
            return []
        sent = []
        for kind in self.bank.result_files:
            if kind.direction is not self.direction:
                continue
            answered = [(line, code(line)) for line in lines]
            mine = [
                (line, said)
                for line, said in answered
                if self.bank.answer(said).state in kind.states
            ]
            sent += self._write(kind.example, mine, serial, into)
        return sent

    def _write(
        self, example: str, lines: Sequence[tuple[Fields, str]], serial: str, into: str
    ) -> list[str]:
        content = self._content(lines)
        fen = sum(int(Decimal(line["yuan"]) * CENTS) for line, _ in lines)
        name = self._name(example, serial)
        cut_off = bool(lines) and self.temper.happens("cut off", name, self.temper.cuts_off)
        if cut_off:
            self._put(into, name, content[: len(content) * 2 // 3], lines=len(lines), fen=fen)
            self._put(
                "later", self._name(example, f"{serial}9"), content, lines=len(lines), fen=fen
            )
            return [name]
        self._put(into, name, content, lines=len(lines), fen=fen)
        if lines and self.temper.happens("twice", name, self.temper.sends_twice):
            self._put(
                "later", self._name(example, f"{serial}8"), content, lines=len(lines), fen=fen
            )
        return [name]

    def _name(self, example: str, serial: str) -> str:
        digits = "".join(each for each in self.file_name if each.isdigit())
        return example.format(batch=int(digits[:6]), part=int(digits[6:8]), serial=serial)

    def _content(self, lines: Iterable[tuple[Fields, str]]) -> bytes:
        rows = [
            [
                {
                    **line,
                    "yuan": f"{Decimal(line['yuan']):.2f}",
                    "code": said,
                    "bank_reference": f"{self.bank.code[:2].upper()}{line['order']}",
                    "day": "",
                }[column]
                for column in self.bank.incoming
            ]
            for line, said in lines
        ]
        if self.bank.format == "workbook":
            return write_workbook(self.bank.incoming, rows)
        return "".join(f"{self.bank.separator.join(row)}\n" for row in rows).encode(
            self.bank.encoding
        )

    def _put(self, into: str, name: str, content: bytes, *, lines: int, fen: int) -> None:
        """The file under a hidden name first; the control file, which announces it, last."""
        target = self.home / into / name
        hidden = target.with_name(f".{name}")
        hidden.write_bytes(content)
        hidden.replace(target)
        if self.bank.control_suffix:
            control = write_control(self.bank, name, lines=lines, fen=fen)
            target.with_name(name + self.bank.control_suffix).write_bytes(control)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until it is ended, or so many rounds."""
    parser = argparse.ArgumentParser(prog="python -m node.demo.bank", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--obliging", action="store_true", help="turn nobody down, be never late")
    parser.add_argument("--rounds", type=int, default=0, help="end after so many; 0: never")
    parser.add_argument("--every", type=float, default=0.2, help="seconds between two rounds")
    given = parser.parse_args(arguments)
    temper = OBLIGING if given.obliging else Temper(seed=given.seed)
    done = 0
    while not given.rounds or done < given.rounds:
        for name in look(given.folder, temper):
            sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        done += 1
        if not given.rounds or done < given.rounds:
            time.sleep(given.every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
