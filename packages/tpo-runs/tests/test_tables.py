"""Tables of results, as text for terminals and files."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from tpo_runs import CellResult
from tpo_runs._results import (
    Interval,
    TextTable,
    paired_table,
    percent,
    percent_interval,
    seeds_table,
    step_interval,
    summarize_cell,
    summary_table,
)


def cell(method, error, horizon=None, seeds=None, **provenance):
    error = np.asarray(error, dtype=float)
    point = {} if horizon is None else {"task.horizon": horizon}
    seeds = np.arange(len(error)) if seeds is None else np.asarray(seeds)
    return CellResult(method, point, {}, seeds, {"error": error}, provenance)


SOLVED = [[1.0, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
RELAPSED = [[1.0, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.75]]


def rows(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_summary_has_a_row_per_cell_with_the_numbers_of_the_cell():
    table = summary_table([cell("DG", RELAPSED), cell("TPO", SOLVED, seconds=61.7)])
    solved, relapsed = rows(table)
    assert solved == {
        "method": "TPO",
        "seeds": "2",
        "steps": "4",
        "mean ± s.e.": "0",  # equal seeds do not show how far others would be
        "95% interval": "[0, 84.2]",
        "IQM": "0",
        "failed %": "0 [0, 84.2]",
        "relapsed": "0",
        "steps to 1%": "2 [1, never]",
        "seconds": "62",
    }
    assert relapsed["mean ± s.e."] == "37.5 ± 37.5"
    assert relapsed["95% interval"] == "[1.0, 92.1]"
    assert (relapsed["failed %"], relapsed["relapsed"], relapsed["seconds"]) == ("50.0 [1.3, 98.7]", "1", "–")


def test_summary_of_a_cell_that_never_gets_there():
    summary = summarize_cell(cell("TPO", [[1.0, 0.8], [0.9, 0.7]]))
    assert summary.steps_to_threshold == math.inf
    assert summary.failed == 1.0
    (row,) = rows(summary_table([cell("TPO", [[1.0, 0.8], [0.9, 0.7]])], threshold=0.05))
    assert row["steps to 5%"] == "never"


def test_one_seed_has_neither_error_nor_interval():
    (row,) = rows(summary_table([cell("TPO", [[1.0, 0.2]])]))
    assert (row["mean ± s.e."], row["95% interval"], row["steps to 1%"]) == ("20.0", "–", "never")


def test_varying_grid_axes_are_columns_and_sorted():
    results = [cell(m, SOLVED, horizon=h) for h in (10, 7) for m in ("DG", "TPO")]
    table = summary_table(results)
    assert table.columns[:2] == ("horizon", "method")
    assert [row[:2] for row in table.rows] == [("7", "TPO"), ("7", "DG"), ("10", "TPO"), ("10", "DG")]
    assert "horizon" not in summary_table(results[:2]).columns


def test_seeds_table_has_every_seed_and_dashes_for_those_not_run():
    table = seeds_table([cell("TPO", SOLVED, seeds=[0, 2]), cell("DG", RELAPSED, seeds=[2, 5])])
    assert table.columns == ("seed", "TPO", "DG")
    assert table.rows == (("0", "0", "–"), ("2", "0", "0"), ("5", "–", "75.0"))


def test_paired_table_compares_with_the_first_method_in_reading_order():
    others = [cell("DG", RELAPSED), cell("mine", SOLVED, seeds=[8, 9])]
    (row,) = rows(paired_table([*others, cell("TPO", SOLVED)]))
    assert row["difference"] == "TPO − DG"
    assert (row["shared seeds"], row["mean (points)"], row["95% interval"]) == ("2", "-37.5", "[-91.8, 79.1]")


@pytest.mark.parametrize("build", [summary_table, seeds_table, paired_table])
def test_tables_refuse_what_they_cannot_tell_apart(build):
    with pytest.raises(ValueError, match="two results are named 'TPO' at no grid"):
        build([cell("TPO", SOLVED), cell("TPO", RELAPSED)])
    with pytest.raises(ValueError, match="there are no results"):
        build([])


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (0.99999, "100.0"),
        (0.00004, "<0.01"),
        (0.00006, "0.01"),
        (-0.00004, ">-0.01"),
        (0.00949, "0.95"),
        (0.009951, "1.0"),
        (0.06149, "6.1"),
        (-0.5, "-50.0"),
        (math.nan, "–"),
    ],
)
def test_percentages_have_sensible_digits(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("interval", "as_percent", "as_steps"),
    [
        (Interval(0.0, 1.0), "[0, 100]", "[0, 1]"),
        (Interval(math.nan, math.nan), "–", "–"),
        (Interval(0.5, math.inf), None, "[0, never]"),
        (Interval(math.inf, math.inf), None, "never"),
    ],
)
def test_intervals_in_words(interval, as_percent, as_steps):
    assert step_interval(interval) == as_steps
    if as_percent is not None:
        assert percent_interval(interval) == as_percent


TABLE = TextTable("Title", ("method", "x"), (("a|b [bold]", "1"), ("c", "20")), numbers=1, notes=("Note.",))


def test_markdown_escapes_names_and_aligns_numbers_right():
    assert TABLE.markdown() == (
        "**Title**\n\n| method | x |\n| :--- | ---: |\n| a\\|b \\[bold\\] | 1 |\n| c | 20 |\n\nNote.\n"
    )


def test_terminal_table_shows_names_as_they_are():
    stream = io.StringIO()
    Console(file=stream, width=60).print(TABLE.rich())
    lines = stream.getvalue().splitlines()
    assert "Title" in lines[0]
    assert any("a|b [bold]" in line and line.rstrip(" │").endswith(" 1") for line in lines)
    assert "Note." in lines[-1]
