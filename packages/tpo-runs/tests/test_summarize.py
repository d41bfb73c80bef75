"""The summary of a run as one small JSON file: its numbers, by naive computation, and how it is written."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from report_store import PAPER_CONFIG, PROVENANCE, make_store, store_of

from tpo_runs import ConfigError, Store, load_config, read_summary, summarize
from tpo_runs._cli import main
from tpo_runs._config import key_of
from tpo_runs._files import sealed
from tpo_runs._paper import paper_numbers
from tpo_runs._publish import summary_bytes, tables_of
from tpo_runs._results import bin_width, binned_curves, final_error, summary_table


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two grid points of three methods, 450 steps; the last cell missing, a seed of the second lost."""
    return make_store(tmp_path_factory.mktemp("run"), points=2, seeds=3, steps=450)


@pytest.fixture(scope="module")
def summary(store):
    return summarize(store)


def records(summary):
    """The cells of the file."""
    return json.loads(summary_bytes(summary))["cells"]


def binned(cell):
    return cell.metric("error")[:, :: cell.bin_width]


def rows(store, cell, seed):
    """The errors of a seed, in the order of its steps, from the file of metrics."""
    (path,) = store.root.glob(f"cells/{key_of(cell.spec)}/seeds-*/metrics.parquet")
    table = sorted(pq.read_table(path).to_pylist(), key=lambda row: row["step"])
    return [row["error"] for row in table if row["seed"] == seed]


def test_it_has_a_record_for_every_cell_with_a_complete_seed(store, summary):
    assert (summary.title, summary.paper) == ("Made up <b>& small</b>", "Fig. 1")
    assert (summary.metric, summary.threshold) == ("error", 0.01)
    assert [(cell.method, cell.point) for cell in summary.cells] == [
        (entry["method"], entry["point"]) for entry in store.manifest()["cells"][:-1]
    ]
    for cell, entry in zip(summary.cells, store.manifest()["cells"], strict=False):
        assert (cell.seeds.tolist(), cell.steps, cell.spec) == ([0, 1, 2], 450, store.spec(entry["key"]))


def test_curves_are_means_of_bins(store, summary):
    cell = summary.cells[0]
    assert (cell.bin_width, binned(cell).shape[1]) == (3, 150)  # the fewest steps that give at most 200 bins
    np.testing.assert_array_equal(np.repeat(binned(cell), 3, axis=1), cell.metric("error"))
    for seed, curve in zip(cell.seeds, binned(cell), strict=True):
        errors = rows(store, cell, seed)
        naive = [sum(errors[start : start + 3]) / 3 for start in range(0, 450, 3)]
        assert curve == pytest.approx(naive, rel=5e-4, abs=1e-12)


def test_the_last_bin_may_be_shorter():
    values = np.random.default_rng(0).uniform(size=(2, 401))
    curves = binned_curves(values, bin_width(values))
    assert curves.shape == (2, 134)
    assert curves[:, -1] == pytest.approx(values[:, 399:].mean(axis=1))


def test_a_metric_of_some_steps_has_bins_that_hold_one_value_each():
    values = np.full((2, 1000), np.nan)
    values[:, 99::100] = np.arange(20.0).reshape(2, 10)
    assert bin_width(values) == 100
    assert binned_curves(values, 100).tolist() == np.arange(20.0).reshape(2, 10).tolist()


def test_every_seed_has_its_end_its_first_step_below_and_its_highest_error_since(store, summary):
    for cell in (summary.cells[0], summary.cells[2]):
        for index, seed in enumerate(cell.seeds):
            errors = rows(store, cell, seed)
            first = next((step for step, error in enumerate(errors) if error < 0.01), math.inf)
            assert cell.exact.first_below[index] == first
            assert final_error(cell)[index] == pytest.approx(sum(errors[-5:]) / 5, rel=1e-6)
            if first < math.inf:
                assert cell.exact.highest_since[index] == pytest.approx(max(errors[int(first) :]), rel=5e-4)


def test_a_lost_seed_has_no_end_and_has_failed(summary):
    lost, record = summary.cells[1], records(summary)[1]
    assert lost.provenance["diverged"] == record["diverged"] == {"1": 225}
    assert math.isnan(final_error(lost)[1])
    assert (record["final"][1], record["final_mean"], record["curves"][1][-1]) == (None, None, None)
    assert record["failed"] == [1]
    assert math.isnan(binned(lost)[1][-1])


def test_seeds_that_come_back_are_named(tmp_path):
    errors = np.array([[1.0, 0.0, 0.9, 0.0], [1.0, 0.5, 0.0, 0.4], [1.0, 1.0, 1.0, 0.8]])
    summary = summarize(store_of(tmp_path, errors))
    (cell,), (record,) = summary.cells, records(summary)
    assert cell.exact.relapsed.tolist() == [True, False, False]
    assert (record["relapsed"], record["failed"]) == ([0], [2])
    np.testing.assert_allclose(cell.exact.highest_since, [0.9, 0.4, math.nan], rtol=1e-6)
    assert cell.exact.first_below.tolist() == [1, 2, math.inf]


def test_its_crossings_are_those_of_the_table(store, summary):
    table = summary_table(store.results())
    printed = [row[table.columns.index("steps to 1%")] for row in table.rows]
    expected = []
    for cell in summary.cells:
        crossing, interval = cell.exact.crossing
        low, high = ("never" if math.isinf(end) else f"{end:,.0f}" for end in interval)
        step = "never" if math.isinf(crossing) else f"{crossing:,.0f}"
        expected.append(step if step == low == high else f"{step} [{low}, {high}]")
    assert sorted(printed) == sorted(expected)


def test_it_says_where_the_seeds_come_from(summary):
    (origin,) = summary.cells[0].provenance["origins"]
    assert (origin["commit"], origin["dirty"], origin["devices"]) == ("0123abc", True, ["cpu: cpu"])
    assert origin["versions"] == {"python": "3.11.2", "jax": "0.10.2", "tpo-runs": "0.1.0"}
    assert (origin["host"], origin["seconds"], origin["seeds"]) == ("here", 1.5, [0, 1, 2])
    assert origin["finished"] == ["2026-01-01T00:00:00+0000"] * 2
    assert summary.cells[0].provenance["seconds"] == 1.5


def test_blocks_of_the_same_surroundings_are_told_once(tmp_path):
    store = store_of(tmp_path, np.ones((2, 4)))
    (cell,) = load_config(tmp_path / "made_up.toml", methods="TPO").cells
    later = PROVENANCE["versions"] | {"jax": "9"}
    for seed, versions, date in ((2, PROVENANCE["versions"], "2026-01-03"), (3, later, "2026-01-02")):
        timing = {"seconds": 1.0, "host": "here", "finished": date}
        error = {"error": np.ones((1, 4), np.float32), "loss": np.ones((1, 4), np.float32)}
        store.write_block(cell, [seed], error, {**PROVENANCE, "versions": versions}, timing)
    store.write_manifest(
        store.manifest() | {"cells": [{**store.manifest()["cells"][0], "seeds": [0, 1, 2, 3]}]}
    )
    same, other = summarize(store).cells[0].provenance["origins"]
    assert (same["seeds"], same["seconds"]) == ([0, 1, 2], 2.5)
    assert same["finished"] == ["2026-01-01T00:00:00+0000", "2026-01-03"]
    assert (other["seeds"], other["versions"]["jax"]) == ([3], "9")


def test_published_numbers_stand_beside_ours(tmp_path):
    falling = np.linspace(1.0, 0.0, 1000)
    store = store_of(tmp_path, np.stack([falling, falling**2]), config=PAPER_CONFIG, method="Mine")
    ((cell,), (record,)) = (summarize(store).cells, records(summarize(store)))
    numbers = [number for number in paper_numbers() if number.matches(cell.spec)]
    assert [(n.source, n.quantity, n.method) for n in numbers] == [
        (row["source"], row["quantity"], row["method"]) for row in record["paper"]
    ]
    assert {row["source"] for row in record["paper"]} == {"Table 1", "Table 2", "Table 5"}
    steps = next(row for row in record["paper"] if row["source"] == "Table 1")
    assert steps["conditions"] == {"task.vocab_size": 2}
    crossing = next(t for t in range(1000) if (falling[t] + falling[t] ** 2) / 2 < 0.01)
    found = (steps["paper"], steps["bound"], steps["ours"], steps["verdict"])
    assert found == (58, "", crossing, "too few seeds")
    assert (steps["seeds"], steps["steps"], steps["of_seeds"]) == ([2, 20], [1000, 1000], None)
    final = next(row for row in record["paper"] if row["quantity"] == "final_error_percent")
    assert final["of_seeds"] == [0, 0]


def test_numbers_are_told_apart_by_source_quantity_method_and_conditions():
    names = [(n.source, n.quantity, n.method, repr(n.label)) for n in paper_numbers()]
    assert len(set(names)) == len(names)


def test_the_same_store_gives_the_same_bytes(store):
    first, second = summary_bytes(summarize(store)), summary_bytes(summarize(Store(store.root)))
    assert first == second


def test_the_command_writes_it_beside_the_figures_or_where_it_is_told(store, tmp_path, capsys):
    assert main(["summarize", str(store.root)]) == 0
    assert capsys.readouterr().out == f"{store.figures / 'summary.json'}\n"
    other = tmp_path / "new" / "piece.json"
    assert main(["summarize", str(store.root), "--to", str(other)]) == 0
    assert other.read_bytes() == (store.figures / "summary.json").read_bytes()


def test_what_is_read_is_what_was_written(summary, tmp_path):
    path = tmp_path / "summary.json"
    path.write_bytes(summary_bytes(summary))
    assert summary_bytes(read_summary(path)) == path.read_bytes()


def test_what_json_cannot_hold_is_null_or_never(tmp_path):
    (cell,) = records(summarize(store_of(tmp_path, np.array([[1.0, 0.5]]))))
    assert (cell["first_below"], cell["crossing"]) == (["never"], "never")
    assert (cell["crossing_interval"], cell["highest_since"]) == ([None, None], [None])


def test_a_curve_is_a_line_of_the_file(summary):
    lines = summary_bytes(summary).decode().splitlines()
    curves = [line for line in lines if line.count(",") > 100]
    assert len(curves) == sum(len(cell.seeds) for cell in summary.cells)


def test_a_file_that_was_changed_or_is_missing_is_told(summary, tmp_path):
    path = tmp_path / "summary.json"
    with pytest.raises(ConfigError, match=r"summary.json: .*No such file.*tpo-runs summarize OUT"):
        read_summary(path)
    path.write_bytes(summary_bytes(summary).replace(b'"here"', b'"there"'))
    with pytest.raises(ConfigError, match=r"summary.json: .*hash.*tpo-runs summarize OUT"):
        read_summary(path)


@pytest.mark.parametrize(
    ("change", "place"),
    [(lambda value: value | {"version": 0}, "version"), (lambda value: value | {"cells": [{}]}, "bin_width")],
)
def test_a_file_of_another_version_says_in_what_it_differs(change, place, summary, tmp_path):
    value = json.loads(summary_bytes(summary))
    del value["sha256"]
    changed = change(value)
    path = tmp_path / "summary.json"
    path.write_bytes(sealed(changed))
    with pytest.raises(ConfigError) as caught:
        read_summary(path)
    (line,) = caught.value.lines
    assert all(fact in line for fact in (str(path), f"format {changed['version']}", "format 1", place))


def test_where_nothing_is_complete_one_line_says_so(tmp_path, capsys):
    store = make_store(tmp_path, points=1, seeds=1, steps=4, complete=True)
    for cell in store.manifest()["cells"]:
        store.remove_cell(cell["key"])
    assert main(["summarize", str(store.root)]) == 2
    assert "no block of seeds is complete yet" in capsys.readouterr().err
    assert main(["summarize", str(tmp_path)]) == 2
    assert "run.json: not found; expected the output directory of a run" in capsys.readouterr().err


def test_lists_of_seeds_are_as_long_as_the_seeds(summary):
    for record in records(summary):
        for name in ("curves", "final", "first_below", "highest_since"):
            assert len(record[name]) == len(record["seeds"]), name


def test_a_file_that_is_read_gives_the_tables_of_its_store(store, summary):
    assert tables_of(summary.cells, 0.01, "error") == tables_of(store.results(), 0.01, "error")


def test_a_summary_knows_nothing_of_another_threshold(summary):
    with pytest.raises(ValueError, match=r"holds error below 0\.01, and not error below 0\.05"):
        summary_table(summary.cells, threshold=0.05)
