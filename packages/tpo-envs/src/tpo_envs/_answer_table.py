"""The rows of the suite whose answers have lengths. Rows never change; new tasks get new ids."""

from collections.abc import Iterator
from typing import Any

from ._suite_table import TAGS, TARGET_WORDS, Row, Settings

# In all tables, the last number is the difficulty. On the ladder it is the same for every horizon.
LADDER = (4, 8, 16, 32, 64, 128, 256)
# By target and reward: the maximum number of tokens in a prompt, and the vocabulary size with the end token.
VARIABLE_LENGTHS = {
    ("reversal", "terminal"): [(2, 3, 1), (4, 3, 2), (4, 5, 3), (8, 3, 3), (16, 3, 5)],
    ("reversal", "graded"): [(4, 3, 2), (8, 3, 2), (16, 3, 3), (32, 3, 4)],
    ("copy", "terminal"): [(4, 3, 2)],
    ("copy", "graded"): [(8, 3, 2), (32, 3, 4)],
}
# The largest number and the base.
COUNTS = {
    "terminal": [(4, 10, 2), (9, 10, 4), (3, 2, 2), (7, 2, 4)],
    "graded": [(9, 10, 3), (32, 10, 5), (7, 2, 3), (15, 2, 4)],
}
# How many numbers.
COUNTDOWNS = {"terminal": [(2, 3), (3, 4), (4, 5)], "graded": [(2, 2), (3, 3), (4, 4)]}
# Nodes, edges and colors.
COLORINGS = {
    "terminal": [(3, 2, 2, 2), (4, 4, 3, 2), (5, 6, 3, 3), (6, 9, 3, 4)],
    "graded": [(5, 6, 3, 2), (6, 9, 3, 3)],
}
# Length and number of values.
ARGSORTS = {
    "terminal": [(3, 2, 1), (4, 2, 2), (6, 3, 4), (8, 4, 5)],
    "graded": [(4, 2, 2), (8, 4, 3), (12, 4, 4)],
}


def answer_rows() -> Iterator[Row]:
    """All rows of tasks whose answers have lengths, by family."""
    for horizon in LADDER:
        settings = {"target": "reverse_copy", "reward": "terminal", "scored": 2}
        settings |= {"horizon": horizon, "vocab_size": 4}
        yield _row("ladder-reversal-terminal", "length_ladder", settings, (horizon, 4), 2)
    for (target, reward), sizes in VARIABLE_LENGTHS.items():
        for longest, vocab_size, difficulty in sizes:
            settings = {"target": TARGET_WORDS[target], "reward": reward}
            settings |= {"min_length": 1, "max_length": longest, "vocab_size": vocab_size}
            size, name = (longest + 1, vocab_size), f"variable-{target}-{reward}"
            yield _row(name, "variable_length", settings, size, difficulty)
    for reward, sizes in COUNTS.items():
        for limit, base, difficulty in sizes:
            digits = next(d for d in range(1, 32) if base**d > limit)
            settings = {"reward": reward, "limit": limit, "base": base}
            size = (digits * limit + 1, base + 1)
            yield _row(f"counting-{reward}", "counting", settings, size, difficulty)
    for reward, sizes in COUNTDOWNS.items():
        for numbers, difficulty in sizes:
            settings = {"reward": reward, "numbers": numbers, "base": 10, "target_digits": 2}
            yield _row(f"countdown-{reward}", "countdown", settings, (2 * numbers, 14), difficulty)
    for reward, sizes in COLORINGS.items():
        for nodes, edges, colors, difficulty in sizes:
            settings = {"reward": reward, "nodes": nodes, "edges": edges, "colors": colors}
            size, name = (nodes + 1, max(nodes, colors) + 1), f"coloring-{reward}-c{colors}-e{edges}"
            yield _row(name, "coloring", settings, size, difficulty)
    for reward, sizes in ARGSORTS.items():
        for length, values, difficulty in sizes:
            settings = {"reward": reward, "length": length, "values": values}
            size = (length + 1, max(length, values) + 1)
            yield _row(f"argsort-{reward}-n{values}", "argsort", settings, size, difficulty)


def _row(name: str, family: str, settings: dict[str, Any], size: tuple[int, int], difficulty: int) -> Row:
    """A row; `size` is the horizon and the vocabulary size, which end its id."""
    horizon, vocab_size = size
    holds = {
        "sparse": settings["reward"] == "terminal",
        "credit_assignment": True,
        "scale": family != "length_ladder" and (horizon >= 16 or vocab_size >= 8),
        "structure": family not in ("length_ladder", "variable_length"),
        "length": True,
        "many_right": family in ("countdown", "coloring", "argsort"),
    }
    tags = tuple(tag for tag in TAGS if holds.get(tag))
    return Row(f"{name}-h{horizon}-v{vocab_size}", family, Settings(settings), tags, difficulty)
