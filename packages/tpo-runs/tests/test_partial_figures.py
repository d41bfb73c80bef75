"""Figures of a part of a run: some of its methods, or one point of a sweep."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from tpo_runs import CellResult, Config, ConfigError, Store, draw, expand, learning_curves
from tpo_runs._figures import final_errors, probe_curves, sweep
from tpo_runs._publish import tables_of

RNG = np.random.default_rng(0)


def config_of(figures, names=("TPO", "GRPO")):
    kinds = {"TPO": "tpo", "GRPO": "grpo"}
    return Config.model_validate(
        {
            "task": {"kind": "tokens", "target": "copy", "reward": "terminal", "horizon": 3, "vocab_size": 2},
            "policy": {"kind": "transformer"},
            "optimizer": {"kind": "adam", "learning_rate": 1e-3},
            "schedule": {"steps": 5, "seeds": 2},
            "figures": figures,
            "method": [
                {
                    "name": name,
                    "objective": {"kind": kinds[name]},
                    "rollout": {"kind": "sequence_group", "prompts": 2, "candidates": 2},
                }
                for name in names
            ],
        }
    )


@pytest.fixture
def told():
    """What is printed while drawing."""
    return io.StringIO()


@pytest.fixture
def drawn(tmp_path, told):
    """The figures of a run in which only TPO was trained, and nothing but its error was measured."""
    figures = [
        {"kind": "learning_curves", "name": "both"},
        {"kind": "binned_surplus", "name": "bins", "after": 1},
        {"kind": "learning_curves", "name": "one", "methods": ["TPO"]},
        {"kind": "learning_curves", "name": "other", "methods": ["GRPO"]},
    ]
    config = config_of(figures[:1])
    store = Store(tmp_path)
    cells = expand(config)
    for cell in cells[:1]:
        store.write_block(
            cell, [0, 1], {"error": RNG.random((2, 5)), "loss": RNG.random((2, 5))}, {}, {"seconds": 1.0}
        )
    entries = [{"method": c.method, "point": {}, "key": c.key, "seeds": [0, 1]} for c in cells]
    store.write_manifest(
        {
            "title": "",
            "figures": figures,
            "metric": "error",
            "threshold": 0.01,
            "cells": entries,
        }
    )
    return [path.stem for path in draw(store, Console(file=told, width=200)) if path.suffix == ".png"]


def test_a_figure_of_methods_without_results_is_left_out(drawn):
    assert drawn == ["both", "one"]


def test_a_figure_that_the_measurements_do_not_suffice_for_is_told_and_left_out(drawn, told):
    (line,) = (line for line in told.getvalue().splitlines() if "not drawn" in line)
    assert line.startswith("bins is not drawn: no method has the measure 'surplus'")


def test_a_figure_of_an_unknown_method_is_refused():
    with pytest.raises(
        ConfigError, match=r"figures.1.methods: no method is named 'TPOO'; did you mean 'TPO'"
    ):
        expand(config_of([{"kind": "learning_curves", "methods": ["TPO", "TPOO"]}]))


def test_a_sweep_along_an_axis_of_a_single_value_is_not_drawn_and_says_why():
    cells = [
        CellResult(name, {"task.horizon": 7}, {}, np.arange(3), {"error": RNG.random((3, 9))}, {})
        for name in ("TPO", "GRPO")
    ]
    with pytest.raises(ValueError, match=r"^'task.horizon' has the single value 7 in these results$"):
        sweep(cells, "task.horizon")


def lost_beside_trained():
    """A method whose seeds were all lost at the first step, beside one that was trained."""
    values = {"Lost": np.full((3, 9), np.nan), "TPO": RNG.random((3, 9))}
    return [
        CellResult(name, {"task.horizon": 7}, {}, np.arange(3), {"error": v, "loss": v}, {"seconds": 1.0})
        for name, v in values.items()
    ]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "figure",
    [
        learning_curves,
        lambda cells: learning_curves(cells, smooth=3, seeds=True, log_x=True, log_y=True),
        final_errors,
        lambda cells: final_errors(cells, log=True),
        lambda cells: sweep(
            [*cells, *(replace(c, point={"task.horizon": 8}) for c in cells)], "task.horizon"
        ),
        probe_curves,
    ],
)
def test_a_method_without_any_value_is_drawn_as_nothing(figure, count):
    drawn = figure(lost_beside_trained()[:count])
    drawn.draw_without_rendering()
    points = [np.stack(line.get_data()).astype(float) for axes in drawn.axes for line in axes.lines]
    assert any(np.isfinite(xy).all(axis=0).any() for xy in points) == (count == 2)


def test_tables_say_which_method_has_no_value():
    summary, seeds, *_ = (table.markdown() for table in tables_of(lost_beside_trained(), 0.01, "error"))
    (row,) = (line for line in summary.splitlines() if line.startswith("| Lost"))
    assert "| – |" in row
    assert all(
        "diverged" in line for line in seeds.splitlines() if line.startswith("| 0") or line.startswith("| 2")
    )
