"""The leaderboard is what the script writes from the published results."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import write_leaderboard  # noqa: E402


def test_the_page_is_what_the_script_writes_now():
    text = (ROOT / write_leaderboard.PAGE).read_text(encoding="utf-8")
    assert text == write_leaderboard.page(ROOT), "python scripts/write_leaderboard.py"


def test_every_table_has_its_place():
    text = write_leaderboard.page(ROOT)
    assert "<!--" not in text
    settings = [line for line in text.splitlines() if line.startswith("**setting = ")]
    assert settings
    assert all(text.count(f"| {method} |") >= len(settings) + 1 for method in ("TPO", "GRPO"))
