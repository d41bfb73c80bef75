"""Draw how wide intervals are and how often they hold the mean, by number of seeds, from a summary.json.

python scripts/plot_seed_noise.py [--run mnist] [--figure figures/seed_noise/seed_noise]
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numbers_page.runs import Run, all_runs
from numbers_page.subsample_tables import spread
from numbers_page.subsamples import intervals, sizes

from tpo_runs import save_figure
from tpo_runs._figures import LABEL_SIZE, TITLE_SIZE, finish, make_axes, method_styles

ROOT = Path(__file__).parents[1]
RAW = argparse.RawDescriptionHelpFormatter


def draw(runs: list[Run]) -> Figure:
    """Two panels: the mean width of intervals, and the share of them that hold the mean over all seeds."""
    figure, ((left, right),) = make_axes(1, 2, (3.4, 2.4), share_y="col")
    styles = method_styles(run.cell.method for run in runs)
    counts = sorted({size for run in runs for size in _sizes(run)})
    for run in runs:
        found = [intervals(run.final, size) for size in _sizes(run)]
        style = styles[run.cell.method]
        look = {"color": style.color, "linestyle": style.dashes, "marker": style.marker}
        look |= {"markersize": 5.5, "markeredgewidth": 0, "linewidth": 1.6}
        left.plot(_sizes(run), [100 * one.width for one in found], **look)
        right.plot(_sizes(run), [one.holding for one in found], **look)
    for axes in (left, right):
        axes.set_xscale("log", base=2, subs=[])
        axes.set_xticks(counts, list(map(str, counts)))
        axes.set_xlabel("seeds", fontsize=LABEL_SIZE)
    left.set_title("width of the interval (points)", fontsize=TITLE_SIZE)
    left.set_ylim(bottom=0)
    right.set_title("intervals that hold the mean of all seeds", fontsize=TITLE_SIZE)
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.axhline(0.95, color="#222222", linewidth=0.8, linestyle=":")
    right.set_ylim(0, 1.04)
    most = max(len(run.cell.seeds) for run in runs)
    note = f"95% intervals of the mean final error over some of {most} seeds, for any distribution of seeds"
    title = "Intervals by number of seeds"
    return finish(figure, styles, title=title, note=f"{note}; dotted: 95%", markers=True)


def _sizes(run: Run) -> list[int]:
    """The numbers of seeds above one and below all of them."""
    return [size for size in sizes(len(run.cell.seeds)) if 1 < size < len(run.cell.seeds)]


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
