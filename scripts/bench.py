"""Time whole training episodes and their parts, beside the machine's rate of matrix products.

    python scripts/bench.py                              everything, into results/bench/DATE.json
    python scripts/bench.py --quick                      a few cases, in less than a minute
    python scripts/bench.py --seeds 1,20 --only sparse   some cases
    python scripts/bench.py --compare A.json B.json      two runs side by side

Every case runs in a fresh process, with a measurement of the matrix products between its rounds. Compile
seconds are those until the first episode has run, less that episode, with the persistent cache off, and again
from a cache that another process has filled.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmark.cases import ROOT, Case, all_cases, quick_cases
from benchmark.compare import comparison, curve_differences, unmatched
from benchmark.report import notes, report
from benchmark.results import Results, ResultsError, Row, read, write
from benchmark.startup import measure_startup
from benchmark.worker import Worker, WorkerError
from rich.console import Console

NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
FILE_WIDTH = 170


def whole_numbers(text: str) -> list[int]:
    """Numbers with commas between them."""
    numbers = [int(word) for word in text.split(",")]
    if min(numbers) < 1:
        raise ValueError(text)
    return numbers


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter, allow_abbrev=False)
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"), help="measure nothing")
    parser.add_argument("--quick", action="store_true", help="a few cases, two rounds, no cache, no start-up")
    parser.add_argument("--seeds", type=whole_numbers, default=[1, 4, 20], metavar="N,N", help="1,4,20")
    parser.add_argument("--only", default="", metavar="TEXT", help="the cases whose name contains this")
    parser.add_argument("--rounds", type=int, help="measurements of each case (default: 7, quick: 2)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="where the results go")
    arguments = parser.parse_args(words)
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {arguments.rounds}")
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 7)
    chosen = quick_cases() if arguments.quick else all_cases(arguments.seeds)
    arguments.cases = [case for case in chosen if arguments.only in case.key]
    if not arguments.cases:
        names = ", ".join(sorted({case.name for case in all_cases([1])}))
        parser.error(f"--only {arguments.only!r}: no such case; names: {names}")
    return arguments


def measure(case: Case, matmuls: dict[str, Worker], rounds: int) -> tuple[Row, list[float]]:
    """The row of a case without the persistent cache, and the rates of matrix products on one core."""
    seconds, rates = [], {name: [] for name in matmuls}
    with Worker("measure", dataclasses.asdict(case), **NO_CACHE) as worker:
        first = worker.answer()
        for _ in range(rounds):
            for name, matmul in matmuls.items():
                rates[name].append(matmul.ask()["gflops"])
            last = worker.ask()
            seconds.append(last["seconds"])
    row = Row(
        name=case.name,
        seeds=case.seeds,
        seconds=seconds,
        flop=case.flop,
        rates=rates["all"],
        compile_seconds=first["compile_seconds"],
        peak_bytes=last["peak_bytes"],
        answers=case.answers,
        curve=first["curve"],
    )
    return row, rates["one"]


def compile_again(case: Case) -> float:
    """Seconds to compile a case that another process has compiled and kept."""
    case = dataclasses.replace(case, curve=0)
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(2):
            with Worker("measure", dataclasses.asdict(case), JAX_COMPILATION_CACHE_DIR=cache) as worker:
                seconds = worker.answer()["compile_seconds"]
    return seconds


def run(arguments: argparse.Namespace, console: Console) -> Results:
    rows, one_core = [], []
    with Worker("matmul", 1) as one, Worker("matmul") as every:
        one.answer()
        machine = every.answer()["machine"]
        for i, case in enumerate(arguments.cases, 1):
            console.print(f"{i}/{len(arguments.cases)} {case.key}", highlight=False)
            row, rates = measure(case, {"all": every, "one": one}, arguments.rounds)
            if not arguments.quick:
                row = dataclasses.replace(row, again_seconds=compile_again(case))
            rows.append(row)
            one_core += rates
    startup = {} if arguments.quick or arguments.only else measure_startup(arguments.rounds)
    return Results(machine, rows, one_core, startup)


def compare(before: Path, after: Path, console: Console) -> int:
    """Print two runs side by side; 1 if a learning curve has changed."""
    old, new = read(before), read(after)
    console.print(comparison(old, new))
    for line in unmatched(old, new):
        console.print(line, highlight=False)
    old_rows = {row.key: row for row in old.rows}
    changed = [r.key for r in new.rows if r.key in old_rows and curve_differences(old_rows[r.key], r)]
    if changed:
        console.print(f"Learning curves have changed, so these times do not count: {'; '.join(changed)}")
    return 1 if changed else 0


def main() -> int:
    arguments = parse()
    console = Console()
    console = console if console.is_terminal else Console(width=FILE_WIDTH)
    try:
        if arguments.compare:
            return compare(*arguments.compare, console)
        results = run(arguments, console)
    except (ResultsError, WorkerError) as error:
        print(error, file=sys.stderr)
        return 2
    out = arguments.out or ROOT / "results" / "bench" / time.strftime("%Y-%m-%d-%H%M%S.json")
    write(results, out)
    console.print(report(results))
    for line in notes(results):
        console.print(line, highlight=False)
    console.print(f"written: {out}", soft_wrap=True, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
