"""Draw how wide intervals are and how often they hold the mean, by number of seeds, from a summary.json.

python scripts/plot_seed_noise.py [--run mnist] [--figure figures/seed_noise/seed_noise]
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter
from numbers_page.runs import Run, all_runs
from numbers_page.subsample_tables import spread
from numbers_page.subsamples import intervals, sizes

from tpo_runs import save_figure
from tpo_runs._figures import method_styles

ROOT = Path(__file__).parents[1]
RAW = argparse.RawDescriptionHelpFormatter


def draw(runs: list[Run]) -> plt.Figure:
    """Two panels: the mean width of intervals, and the share of them that hold the mean over all seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    styles = method_styles(run.cell.method for run in runs)
    for run in runs:
        counts = [size for size in sizes(len(run.cell.seeds)) if 1 < size < len(run.cell.seeds)]
        found = [intervals(run.final, size) for size in counts]
        style = styles[run.cell.method]
        look = {"color": style.color, "linestyle": style.dashes, "marker": style.marker, "markersize": 5}
        left.plot(counts, [100 * one.width for one in found], label=run.label, **look)
        right.plot(counts, [one.holding for one in found], **look)
    for axes in (left, right):
        axes.set_xscale("log", base=2, subs=[])
        axes.set_xticks(counts, list(map(str, counts)))
        axes.set_xlabel("seeds")
        axes.grid(alpha=0.3)
    left.set_title("Width of the 95% interval (points)", fontsize="medium")
    right.set_title("Intervals that hold the mean of all seeds", fontsize="medium")
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.axhline(0.95, color="0.3", linewidth=0.8, linestyle=":")
    right.set_ylim(0, 1.02)
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    return figure


def main() -> None:
    """Draw the methods of a run whose final errors differ from seed to seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--run", default="mnist", help="its folder below figures/ (default: mnist)")
    parser.add_argument("--figure", type=Path, default=ROOT / "figures/seed_noise/seed_noise")
    arguments = parser.parse_args()
    arguments.figure.parent.mkdir(parents=True, exist_ok=True)
    runs = [run for run in spread(all_runs(ROOT)) if run.folder == arguments.run]
    for path in save_figure(draw(runs), arguments.figure):
        print(path)


if __name__ == "__main__":
    main()
