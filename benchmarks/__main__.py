"""`python -m benchmarks [NAME…] [--runs N] [--quick]`."""

import argparse
import sys

from benchmarks.interest import measure as interest
from benchmarks.measure import Benchmark, SkippedError, machine, row, table
from benchmarks.payroll import measure as payroll
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
    "village": village,
    "snapshot": snapshot,
    "payroll": payroll,
    "roll": roll,
    "statements": statements,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure this program against floors."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--runs", type=int, default=5, help="runs of each figure (median is shown)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows: does it work?")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")

    print(machine(), flush=True)
    rows: list[tuple[str, ...]] = []
    skipped: list[str] = []
    for name in arguments.names or BENCHMARKS:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            rows.extend(row(each) for each in BENCHMARKS[name](arguments.runs, arguments.quick))
        except SkippedError as reason:
            skipped.append(f"skipped {name}: {reason}")
    print(f"\n{table(rows)}")
    print("\n".join(skipped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
