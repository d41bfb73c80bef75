"""Seeds that diverge count as failed in every table, figure and file, however many of them there are."""

import math

import numpy as np
import pytest
from report_store import CONFIG, PAPER_CONFIG, store_of

from tpo_runs import CellResult, ConfigError, combine_summaries, learning_curves, read_summary
from tpo_runs._cli import main
from tpo_runs._figures import FIGURES
from tpo_runs._paper import compare
from tpo_runs._results import final_error, has_failed

STEPS = 100
NEVER, MIDDLE, LAST = STEPS, 50, STEPS - 1


def errors(*ends, level=0.2):
    """An error of 0.2 for each seed, without a value from the step on at which it diverges."""
    values = np.full((len(ends), STEPS), level)
    for row, end in zip(values, ends, strict=True):
        row[end:] = np.nan
    return values


CASES = {
    "the only seed": (MIDDLE,),
    "all seeds at one step": (MIDDLE, MIDDLE),
    "all seeds at different steps": (10, MIDDLE, 80),
    "all seeds at the first step": (0, 0),
    "one seed at the first step": (0, NEVER, NEVER),
    "one seed": (NEVER, MIDDLE, NEVER, NEVER),
    "one seed at the last step": (NEVER, LAST),
    "the only seed at the last step": (LAST,),
}
every_case = pytest.mark.parametrize("ends", CASES.values(), ids=CASES)


def store_without_figures(tmp_path, values):
    config = "figures = []\n" + CONFIG.format(steps=STEPS, seeds=1, horizons=[2])
    return store_of(tmp_path, values, config=config)


@every_case
def test_they_count_as_failed_in_the_tables_and_in_the_summary(ends, tmp_path):
    store = store_without_figures(tmp_path, errors(*ends))
    lost = [seed for seed, end in enumerate(ends) if end < NEVER]
    assert main(["draw", str(store.root)]) == 0
    text = (store.figures / "summary.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    rows = [row for row in rows if len(row) > 1]
    row = dict(zip(rows[0], rows[2], strict=True))
    assert row["mean ± s.e."] == row["95% interval"] == row["IQM"] == "–"
    assert float(row["failed %"].split()[0]) == pytest.approx(100 * len(lost) / len(ends), abs=0.05)
    seeds = [row[1] for row in rows if row[0].isdecimal() and len(row) == 2]
    assert seeds == ["diverged" if seed in lost else "20.0" for seed in range(len(ends))]
    assert all(f"TPO seed {seed} at step {ends[seed]}" in text for seed in lost)

    assert main(["summarize", str(store.root)]) == 0
    (cell,) = read_summary(store.figures / "summary.json").cells
    assert cell.seeds[has_failed(final_error(cell))].tolist() == lost
    assert cell.provenance["diverged"] == {str(seed): ends[seed] for seed in lost}
    assert [math.isnan(value) for value in final_error(cell)] == [seed in lost for seed in range(len(ends))]


def test_a_summary_is_drawn_with_the_rows_of_its_store(tmp_path):
    store = store_without_figures(tmp_path, errors(10, MIDDLE, 80))
    summary = store.figures / "summary.json"
    assert main(["summarize", str(store.root)]) == 0
    tables = []
    for source in (store.root, summary):
        assert main(["draw", str(source)]) == 0
        lines = (store.figures / "summary.md").read_text().splitlines()
        tables.append([line for line in lines if line.startswith("|")])
    assert tables[0] == tables[1]


@every_case
def test_they_are_counted_below_figures(ends):
    metrics = {"error": errors(*ends), "loss": errors(*ends)}
    figure = learning_curves([CellResult("TPO", {}, {}, np.arange(len(ends)), metrics, {})])
    assert f"{sum(end < NEVER for end in ends)} diverged" in figure.get_supxlabel()


def test_a_metric_of_some_steps_keeps_its_last_value_where_no_seed_diverged():
    sometimes = np.full((2, STEPS), np.nan)
    sometimes[:, 9::20] = 0.3
    metrics = {"error": errors(NEVER, NEVER), "test_error": sometimes}
    figure = learning_curves([CellResult("TPO", {}, {}, np.arange(2), metrics, {})], metric="test_error")
    (line,) = figure.axes[0].lines
    assert line.get_ydata()[-1] == pytest.approx(0.3)
    assert "diverged" not in figure.get_supxlabel()


def test_a_mean_that_waits_for_a_seed_that_diverged_never_crosses_but_resamples_without_it_do(tmp_path):
    values = errors(*[NEVER] * 9, 5, level=0.0)
    values[:, :20] = 1.0
    values[9, 5:] = np.nan
    store = store_of(tmp_path, values)
    assert main(["summarize", str(store.root)]) == 0
    (cell,) = read_summary(store.figures / "summary.json").cells
    assert cell.exact.crossing == (math.inf, (20, math.inf))


def test_no_verdict_is_made_of_seeds_that_diverged(tmp_path):
    for name, values in (("at once", errors(*[0] * 12)), ("later", errors(*[MIDDLE] * 12))):
        store = store_of(tmp_path / name, np.tile(values, 10), config=PAPER_CONFIG, method="Mine")
        assert main(["summarize", str(store.root)]) == 0
        (cell,) = read_summary(store.figures / "summary.json").cells
        assert {row.verdict for row in compare([cell])} == {"a seed is lost"}


def piece(folder, first_seed, values):
    store = store_of(folder, values, first_seed=first_seed)
    assert main(["summarize", str(store.root)]) == 0
    return read_summary(store.figures / "summary.json")


def test_a_piece_whose_seeds_all_diverged_at_once_is_combined_with_the_others(tmp_path):
    sometimes = np.full((2, STEPS), np.nan)
    sometimes[:, 9::10] = 0.2
    lost = piece(tmp_path / "b", 2, errors(0))
    others = piece(tmp_path / "a", 0, sometimes)
    for order in ([others, lost], [lost, others]):
        (cell,) = combine_summaries(order).cells
        assert cell.seeds.tolist() == [0, 1, 2]
        assert cell.seeds[has_failed(final_error(cell))].tolist() == [2]
        assert cell.bin_width == STEPS // 10


def test_pieces_with_other_bins_are_still_refused(tmp_path):
    sometimes = np.full((1, STEPS), np.nan)
    sometimes[:, 9::10] = 0.2
    with pytest.raises(ConfigError, match="bins of 1 and of 10 steps"):
        combine_summaries([piece(tmp_path / "a", 0, errors(NEVER)), piece(tmp_path / "b", 1, sometimes)])


def test_the_surplus_of_a_method_is_drawn_where_another_diverged_before_the_first_evaluation():
    surplus = np.full((2, STEPS), np.nan)
    surplus[:, 9::10] = np.arange(10.0)
    cells = []
    for name, values in (("DG", np.full_like(surplus, np.nan)), ("TPO", surplus)):
        loss = np.where(np.isnan(values).all(), np.nan, np.ones_like(surplus))
        bins = {f"surplus_bin_{i}": values for i in range(4)}
        cells.append(CellResult(name, {}, {}, np.arange(2), {"error": loss, "loss": loss, **bins}, {}))
    figure = FIGURES["binned_surplus"](cells, after=60)
    assert [bar.get_height() for bar in figure.axes[0].patches] == [5.0] * 4
    assert "after 60 updates" in figure.get_supxlabel()
    assert "2 diverged" in " ".join(figure.get_supxlabel().split())
