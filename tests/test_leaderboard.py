"""The leaderboard is what the script writes from the published results."""

from pathlib import Path

import pytest
import write_leaderboard

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page():
    return write_leaderboard.page(ROOT)


def test_the_page_is_what_the_script_writes_now(page):
    text = (ROOT / write_leaderboard.PAGE).read_text(encoding="utf-8")
    assert text == page, "python scripts/write_leaderboard.py"


def test_every_table_has_its_place(page):
    assert "<!--" not in page
    settings = [line for line in page.splitlines() if line.startswith("**setting = ")]
    assert settings
    assert all(page.count(f"| {method} |") >= len(settings) + 1 for method in ("TPO", "GRPO"))
