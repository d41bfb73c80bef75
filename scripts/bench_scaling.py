"""Measure how the time of an episode grows with seeds, candidates, horizon and width, and draw it.

    python scripts/bench_scaling.py                                  all points
    python scripts/bench_scaling.py --points "seeds=1,2 width=64"    some points

TPO on sparse token reversal. What is not varied has the paper's value: 1 seed, 8 candidates, horizon 10,
width 64.
A point that the JSON file has already is not measured again.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmark.cases import ROOT, SPARSE, Case
from benchmark.worker import Worker, WorkerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = {
    "seeds": [1, 2, 4, 8, 16, 32],
    "candidates": [4, 8, 16, 32, 64],
    "horizon": [4, 8, 16, 32, 64],
    "width": [64, 128, 256, 512],
}
KEYS = {
    "candidates": "method.TPO.rollout.candidates",
    "horizon": "task.horizon",
    "width": "policy.width",
}
LABELS = {
    "seeds": "seeds trained together",
    "candidates": "candidates of a prompt",
    "horizon": "tokens of an answer",
    "width": "width of the transformer",
}
Points = dict[str, list[float]]


def case_at(axis: str, value: int) -> Case:
    """The case with one value changed."""
    if axis == "seeds":
        return Case("TPO sparse", SPARSE, "TPO", seeds=value, curve=0)
    return Case("TPO sparse", SPARSE, "TPO", curve=0, overrides=((KEYS[axis], str(value)),))


def parse_points(text: str) -> dict[str, list[int]]:
    """Axes with values, as in `seeds=1,2 width=64`.

    Raises:
        ValueError: the text is none.
    """
    points = {}
    for word in text.split():
        axis, equals, values = word.partition("=")
        if axis not in AXES or not equals or not all(v.isdecimal() and int(v) > 0 for v in values.split(",")):
            raise ValueError(f"{word!r}: expected AXIS=VALUE,VALUE with an axis of {', '.join(AXES)}")
        points[axis] = [int(value) for value in values.split(",")]
    return points


def exponent(values: list[int], seconds: list[float]) -> float | None:
    """The `p` of the closest `seconds = c values^p`, by least squares of logarithms; None for one point."""
    if len(values) < 2:
        return None
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def read(path: Path) -> Points:
    """The points measured before: seconds of an episode, by round."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(points: Points, path: Path) -> None:
    """Replace the file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(points, indent=1) + "\n")
    os.replace(new, path)


def measure(case: Case, rounds: int) -> list[float]:
    """Seconds of an episode of all seeds, by round."""
    with Worker("measure", dataclasses.asdict(case)) as worker:
        worker.answer()
        return [worker.ask()["seconds"] for _ in range(rounds)]


def draw(points: Points, stem: Path) -> tuple[Path, Path]:
    """One panel for each axis: median, least and most, and the closest power law with its exponent."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from tpo_runs import save_figure

    figure = Figure(figsize=(2.6 * len(AXES), 2.8), layout="constrained")
    grid = figure.subplots(1, len(AXES), sharey=True)
    grid[0].set_yscale("log")
    for axes, axis in zip(grid, AXES, strict=True):
        axes.set_xscale("log", base=2)
        axes.set_xlim(AXES[axis][0] / 1.5, AXES[axis][-1] * 1.5)
        axes.set_xlabel(LABELS[axis], fontsize=9)
        axes.tick_params(labelsize=8, which="both")
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        _draw_axis(axes, axis, points)
    grid[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    grid[0].yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    grid[0].yaxis.set_minor_formatter(NullFormatter())
    grid[0].set_ylabel("seconds of an episode", fontsize=9)
    return save_figure(figure, stem)


def _draw_axis(axes: "Axes", axis: str, points: Points) -> None:
    measured = {int(key.partition("=")[2]): s for key, s in points.items() if key.startswith(f"{axis}=")}
    values = sorted(measured)
    if not values:
        axes.set_title("not measured", fontsize=9, loc="left")
        return
    medians = [statistics.median(measured[value]) for value in values]
    below = [median - min(measured[value]) for value, median in zip(values, medians, strict=True)]
    above = [max(measured[value]) - median for value, median in zip(values, medians, strict=True)]
    axes.errorbar(values, medians, [below, above], fmt="o", color="black", markersize=4, capsize=2)
    power = exponent(values, medians)
    if power is None:
        return
    middle = np.exp(np.mean(np.log(medians)) - power * np.mean(np.log(values)))
    axes.plot(values, middle * np.asarray(values, float) ** power, "--", color="#707070", linewidth=1)
    axes.set_title(f"time ∝ {axis}$^{{{power:.2f}}}$", fontsize=9, loc="left")


def main() -> int:
    """Measure what is missing, and draw everything."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter, allow_abbrev=False)
    parser.add_argument("--points", type=parse_points, default=AXES, help="AXIS=VALUE,VALUE ...")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each point")
    parser.add_argument("--json", type=Path, default=ROOT / "results" / "bench" / "scaling.json")
    parser.add_argument("--figure", type=Path, default=ROOT / "figures" / "scaling" / "scaling")
    arguments = parser.parse_args()
    points = read(arguments.json)
    try:
        for axis, values in arguments.points.items():
            for value in values:
                key = f"{axis}={value}"
                if key not in points:
                    points[key] = measure(case_at(axis, value), arguments.rounds)
                    write(points, arguments.json)
                print(f"{key}: {1000 * statistics.median(points[key]):.1f} ms", flush=True)
    except WorkerError as error:
        print(error, file=sys.stderr)
        return 2
    for path in draw(points, arguments.figure):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
