"""Write docs/numbers.md and docs/seed_noise.md from figures/*/summary.json.

python scripts/write_numbers.py

The notes on numbers that differ are in scripts/numbers_notes.toml. A number that differs and has no note,
and a note on a number that does not, are refused.
"""

import argparse
import sys
from pathlib import Path

from numbers_page.notes import read_notes
from numbers_page.page import all_rows, numbers_page
from numbers_page.runs import all_runs
from numbers_page.seed_noise import seed_noise_page

from tpo_runs import ConfigError

ROOT = Path(__file__).parents[1]
NOTES = "scripts/numbers_notes.toml"


def pages(root: Path) -> dict[str, str]:
    """The content of each file that is written, by its path below `root`.

    Raises:
        ConfigError: a summary is damaged, a note is missing or superfluous.
    """
    runs = all_runs(root)
    rows = all_rows(runs)
    return {
        "docs/numbers.md": numbers_page(rows, read_notes(root / NOTES)),
        "docs/seed_noise.md": seed_noise_page(runs),
    }


def main() -> int:
    """Write the pages, or say in a line each what is missing."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        made = pages(ROOT)
    except ConfigError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return 2
    for name, text in made.items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(ROOT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
