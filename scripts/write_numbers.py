"""Write docs/numbers.md and docs/seed_noise.md from figures/*/summary.json.

python scripts/write_numbers.py

The notes on numbers that differ are in scripts/numbers_notes.toml. A number that differs and has no note,
and a note on a number that does not, are refused.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from numbers_page.notes import read_notes
from numbers_page.page import Row, all_rows, numbers_page
from numbers_page.runs import Run, all_runs
from numbers_page.seed_noise import seed_noise_page

from tpo_runs import ConfigError

ROOT = Path(__file__).parents[1]
NOTES = "scripts/numbers_notes.toml"


def pages(runs: Sequence[Run], rows: Sequence[Row]) -> dict[str, str]:
    """The content of each file that is written, by its path below the workspace.

    Raises:
        ConfigError: a note is missing or superfluous.
    """
    return {
        "docs/numbers.md": numbers_page(rows, read_notes(ROOT / NOTES)),
        "docs/seed_noise.md": seed_noise_page(runs),
    }


def main() -> int:
    """Write the pages, or say in a line each what is missing."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        runs = all_runs(ROOT)
        made = pages(runs, all_rows(runs))
    except ConfigError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return 2
    for name, text in made.items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(ROOT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
