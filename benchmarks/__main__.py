"""`python -m benchmarks [NAME…] [--runs N] [--quick] [--markdown FILE]`."""

import argparse
import sys
import traceback
from pathlib import Path

from benchmarks.bank_files import measure as bank_files
from benchmarks.bank_result import measure as bank_result
from benchmarks.interest import measure as interest
from benchmarks.measure import Benchmark, SkippedError, machine, row, table, timed
from benchmarks.payroll import measure as payroll
from benchmarks.province import measure as province
from benchmarks.roll import measure as roll
from benchmarks.snapshot import measure as snapshot
from benchmarks.statements import measure as statements
from benchmarks.sync_bulk import measure as sync_bulk
from benchmarks.sync_hops import measure as sync_hops
from benchmarks.sync_long import measure as sync_long
from benchmarks.sync_many import measure as sync_many
from benchmarks.sync_up import measure as sync_up
from benchmarks.village import measure as village

BENCHMARKS: dict[str, Benchmark] = {
    "sync": sync_up,
    "bulk": sync_bulk,
    "hops": sync_hops,
    "long": sync_long,
    "many": sync_many,
    "interest": interest,
    "bank": bank_result,
    "files": bank_files,
    "village": village,
    "snapshot": snapshot,
    "payroll": payroll,
    "roll": roll,
    "statements": statements,
    "province": province,
}


def main() -> int:
    """Measure what was asked for; a benchmark that fails is named, the others go on."""
    arguments = _arguments()
    said = machine()
    print(said, flush=True)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    failed = False
    for name in arguments.names or BENCHMARKS:
        print(f"… {name}", file=sys.stderr, flush=True)
        with timed() as watch:
            try:
                for each in BENCHMARKS[name](arguments.runs, arguments.quick):
                    rows.append(row(each))
                    print(f"  {' · '.join(rows[-1])}", file=sys.stderr, flush=True)
            except SkippedError as reason:
                notes.append(f"skipped {name}: {reason}")
            except Exception:  # noqa: BLE001  # one that fails must not cost the others' figures
                failed = True
                notes.append(f"failed {name}: {traceback.format_exc(limit=-1).strip()}")
        print(f"… {name}: {watch.seconds:.0f} s", file=sys.stderr, flush=True)
    text = "\n".join([table(rows), *(f"\n{note}" for note in notes)])
    print(f"\n{text}")
    if arguments.markdown:
        command = " ".join(["python -m benchmarks", *sys.argv[1:]])
        arguments.markdown.write_text(f"{said}\n\n`{command}`\n\n{text}\n", encoding="utf-8")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure this program against floors."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--runs", type=int, default=3, help="runs of each figure (median is shown)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows: does it work?")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write machine, command and table there"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
