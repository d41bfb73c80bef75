"""Train seeds for the paper's numbers that no run can be compared with yet, in a fixed number of minutes.

    python scripts/missing_numbers.py --list           what there is to train, best first
    python scripts/missing_numbers.py --minutes 60     train for an hour

Always next are the seeds that make the most numbers comparable per second, as measured so far. What is
complete is kept after every piece, in one summary for each config; these few small files are all that another
machine needs to go on. Stores in --store let the same machine resume seeds that the end interrupted.

To publish, copy each file into its folder below figures/ as the next summary_N.json; figures/README.md shows
how to draw it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from missing.plan import Costs, candidates, next_piece, paper_cells, seeds_of
from missing.train import Training
from numbers_page.page import Row, all_rows
from numbers_page.runs import all_runs

from tpo_runs import ConfigError
from tpo_runs._run import duration

ROOT = Path(__file__).parents[1]
TO = ROOT / "results" / "missing"
ALWAYS = 1e12  # seconds
DEVICES = "import jax; print(jax.default_backend())"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train (default: 60)")
    parser.add_argument("--to", type=Path, default=TO, help="folder of summaries (default: results/missing)")
    parser.add_argument("--store", type=Path, help="folder of stores (default: in that of the summaries)")
    parser.add_argument("--block", type=int, default=1, help="seeds trained together (default: 1; a GPU: 20)")
    parser.add_argument("--longest", type=float, default=10.0, help="minutes of several seeds (default: 10)")
    parser.add_argument("--list", action="store_true", help="print the plan, and train nothing")
    arguments = parser.parse_args(words)
    for name in ("minutes", "block", "longest"):
        if not getattr(arguments, name) > 0:
            parser.error(f"--{name}: expected a positive number, got {getattr(arguments, name):g}")
    arguments.store = arguments.store or arguments.to / "stores"
    return arguments


def separate_cores() -> list[frozenset[int]]:
    """A set of one core for each process that may train; one empty set if all share an accelerator."""
    child = subprocess.run([sys.executable, "-c", DEVICES], capture_output=True, text=True, check=True)
    if child.stdout.strip() != "cpu" or not hasattr(os, "sched_setaffinity"):
        return [frozenset()]
    return [frozenset({core}) for core in sorted(os.sched_getaffinity(0))]


def print_plan(found: Sequence, taken: dict) -> None:
    """Print the pieces in their order, as long as nothing is measured."""
    taken, costs, total = {owner: set(seeds) for owner, seeds in taken.items()}, Costs(), 0.0
    while piece := next_piece(found, taken, costs, seconds=ALWAYS, longest=ALWAYS):
        taken.setdefault(piece.candidate.owner, set()).update(piece.seeds)
        total += piece.seconds
        print(f"{piece.plan}, {duration(total)} so far")


def counts(rows: Sequence[Row]) -> str:
    """How many numbers have each verdict, in words."""
    return ", ".join(
        f"{verdict}: {count}" for verdict, count in Counter(r.verdict for r in rows).most_common()
    )


def main() -> int:
    arguments = parse()
    end = time.monotonic() + 60 * arguments.minutes
    try:
        runs = all_runs(ROOT, arguments.to)
        rows = all_rows(runs)
        cells = paper_cells(ROOT.glob("configs/*.toml"), arguments.block)
        found, taken = candidates(cells, rows), seeds_of(runs)
        if arguments.list:
            print_plan(found, taken)
            return 0
        training = Training(
            found, taken, store=arguments.store, to=arguments.to, end=end, longest=60 * arguments.longest
        )
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: training.stop())
        training.run(separate_cores())
        print(f"before: {counts(rows)}\nafter: {counts(all_rows(all_runs(ROOT, arguments.to)))}")
    except (ConfigError, RuntimeError) as error:
        print(*getattr(error, "lines", [error]), sep="\n", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
