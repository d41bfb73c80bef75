"""Summaries of pieces of a run: what a seed has by itself is exact, the crossing of the mean is binned."""

import math
from dataclasses import replace

import numpy as np
import pytest
from report_store import PAPER_CONFIG, TIMING, make_store, store_of

from tpo_runs import ConfigError, combine_summaries, read_summary, summarize
from tpo_runs._config import key_of
from tpo_runs._paper import compare
from tpo_runs._publish import summary_bytes
from tpo_runs._results import final_error, has_failed, summarize_cell, summary_table

EXACT = ("final", "first_below", "highest_since", "relapsed")


def falling(seeds, steps):
    """Errors that fall from 1, noisily; some seeds come back, the last one fails."""
    random = np.random.default_rng(0)
    errors = np.exp(-np.arange(steps) / (steps / 10) * random.uniform(0.8, 1.2, (seeds, 1)))
    errors[1, -2] = errors[2, -9] = 0.8
    errors[-1] = 0.9
    return errors


def piece(folder, errors, first, last, **options):
    """The summary of some of the seeds, read back from its file."""
    store = store_of(folder, errors[first:last], first_seed=first, **options)
    path = folder / "summary.json"
    path.write_bytes(summary_bytes(summarize(store)))
    return read_summary(path)


@pytest.fixture(scope="module")
def errors():
    return falling(6, 450)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, errors):
    return piece(tmp_path_factory.mktemp("whole"), errors, 0, 6)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory, errors):
    folder = tmp_path_factory.mktemp("pieces")
    elsewhere = TIMING | {"host": "elsewhere", "seconds": 3.0}
    return [
        piece(folder / "a", errors, 4, 6, timing=elsewhere),
        piece(folder / "b", errors, 0, 4),
    ]


def test_what_seeds_have_by_themselves_is_that_of_the_whole_run(whole, pieces):
    (expected,), (cell,) = whole.cells, combine_summaries(pieces).cells
    for name in EXACT:
        np.testing.assert_array_equal(getattr(cell.exact, name), getattr(expected.exact, name), err_msg=name)
    np.testing.assert_array_equal(cell.seeds, expected.seeds)
    np.testing.assert_array_equal(cell.metric("error"), expected.metric("error"))
    assert cell.provenance["diverged"] == expected.provenance["diverged"]
    assert (cell.bin_width, cell.spec) == (expected.bin_width, expected.spec)
    assert cell.seeds[cell.exact.relapsed].tolist() == [1, 2]
    assert cell.seeds[has_failed(final_error(cell))].tolist() == [5]


def test_the_crossing_is_the_first_bin_whose_mean_is_below(tmp_path, errors):
    solved = np.where(errors == 0.9, errors[0], errors)
    parts = [piece(tmp_path / "a", solved, 0, 3), piece(tmp_path / "b", solved, 3, 6)]
    (cell,) = combine_summaries(parts).cells
    means = [solved[:, start : start + 3].mean() for start in range(0, 450, 3)]
    found = summarize_cell(cell)
    assert found.steps_to_threshold == 3 * next(i for i, mean in enumerate(means) if mean < 0.01)
    assert cell.bin_width == 3
    assert any("within 3" in note for note in summary_table([cell]).notes)
    low, high = found.steps_interval
    assert low % 3 == 0
    assert low <= found.steps_to_threshold < high == math.inf
    (exact,) = piece(tmp_path / "whole", solved, 0, 6).cells
    assert abs(summarize_cell(exact).steps_to_threshold - found.steps_to_threshold) <= 3
    assert not any("within" in note for note in summary_table([exact]).notes)


def test_origins_and_times_add_up(pieces):
    (cell,) = combine_summaries(pieces).cells
    assert {origin["host"]: origin["seeds"] for origin in cell.provenance["origins"]} == {
        "elsewhere": [4, 5],
        "here": [0, 1, 2, 3],
    }
    assert cell.provenance["seconds"] == 4.5


def test_a_seed_that_is_there_twice_counts_once_as_in_the_first(tmp_path, errors):
    second = errors.copy()
    second[:3] = 0.7
    parts = [piece(tmp_path / "a", errors, 0, 3), piece(tmp_path / "b", second, 2, 6)]
    (cell,) = combine_summaries(parts).cells
    assert cell.seeds.tolist() == [0, 1, 2, 3, 4, 5]
    assert final_error(cell)[2] == final_error(parts[0].cells[0])[2] != pytest.approx(0.7)
    assert [origin["seeds"] for origin in cell.provenance["origins"]] == [[0, 1, 2], [3, 4, 5]]


def test_a_result_that_has_all_seeds_stays_exact(whole, pieces):
    combined = combine_summaries([pieces[0], whole])
    assert summary_bytes(combined) == summary_bytes(whole)
    assert combined.cells[0].exact.crossing == whole.cells[0].exact.crossing


def test_published_numbers_are_compared_anew(tmp_path):
    errors = falling(12, 1000)[:, ::-1] * 0.5
    options = {"config": PAPER_CONFIG, "method": "Mine"}
    parts = [
        piece(tmp_path / "a", errors, 0, 1, **options),
        piece(tmp_path / "b", errors, 1, 12, **options),
    ]
    (expected,) = piece(tmp_path / "whole", errors, 0, 12, **options).cells
    (cell,) = combine_summaries(parts).cells
    assert {row.verdict for row in compare(parts[0].cells)} == {"too few seeds"}
    for ours, exact in zip(compare([cell]), compare([expected]), strict=True):
        assert (ours.number, ours.verdict) == (exact.number, exact.verdict)
        assert ours.verdict in ("agrees", "differs")
        if ours.number.quantity == "final_error_percent":
            np.testing.assert_array_equal(ours.of_seeds, exact.of_seeds)
            assert (ours.ours, ours.interval, ours.precision) == (exact.ours, exact.interval, 1)
        else:
            assert ours.ours % 5 == 0 or math.isinf(ours.ours)
            assert (ours.precision, exact.precision) == (5, 1)


def test_cells_of_other_settings_stay_apart(tmp_path, pieces):
    other = summarize(make_store(tmp_path, points=2, seeds=2, steps=450, complete=True))
    combined = combine_summaries([*pieces, other])
    assert len(combined.cells) == len({key_of(cell.spec) for cell in (*pieces[0].cells, *other.cells)})


def test_what_cannot_be_combined_is_told(pieces):
    first, second = pieces
    (cell,) = second.cells
    coarse = replace(second, cells=[replace(cell, bin_width=5)])
    with pytest.raises(ConfigError, match=r"TPO, horizon = 2: bins of 3 and of 5 steps"):
        combine_summaries([first, coarse])
    stricter = replace(second, threshold=0.05)
    with pytest.raises(ConfigError, match=r"error below 0.01 and error below 0.05"):
        combine_summaries([first, stricter])
