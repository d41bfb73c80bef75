"""Write docs/leaderboard.md from figures/atlas/summary*.json.

python scripts/write_leaderboard.py
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from numbers_page.markdown import table

from tpo_runs import CellResult
from tpo_runs._publish import read_results
from tpo_runs._results import ABSENT, at_point, grid_axes, point_tables, ranking_table

ROOT = Path(__file__).parents[1]
PAGE, SUMMARIES, PARTS = "docs/leaderboard.md", "figures/atlas/summary*.json", "scripts/leaderboard.md"


def page(root: Path) -> str:
    """The text of the page: the parts of `scripts/leaderboard.md`, with the tables of all summaries."""
    summary = read_results(sorted(root.glob(SUMMARIES)))
    chosen = at_point(summary.cells, {"parameters": "chosen"})
    options = {"metric": summary.metric, "threshold": summary.threshold}
    tables = {
        "order": ranking_table(chosen, **options).markdown(),
        "points": "\n".join(table.markdown() for table in point_tables(chosen, **options)),
        "rates": _rates(chosen),
    }
    text = (root / PARTS).read_text(encoding="utf-8")
    for name, markdown in tables.items():
        text = text.replace(f"<!-- {name} -->", markdown.strip())
    return text


def _rates(cells: Sequence[CellResult]) -> str:
    """The learning rate that was chosen for each method in each setting, as a Markdown table."""
    axes = [axis for axis in grid_axes(cells, varying=False) if axis != "parameters"]
    points = list(dict.fromkeys(tuple(cell.point[axis] for axis in axes) for cell in cells))
    rates = {
        (cell.method, tuple(cell.point[axis] for axis in axes)): cell.spec["optimizer"]["learning_rate"]
        for cell in cells
    }
    rows = [
        (method, *(f"{rates[method, at]:g}" if (method, at) in rates else ABSENT for at in points))
        for method in dict.fromkeys(cell.method for cell in cells)
    ]
    return table(("method", *(", ".join(map(str, point)) for point in points)), rows, numbers=1)


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    (ROOT / PAGE).write_text(page(ROOT), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
