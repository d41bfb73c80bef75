"""What distinguishes methods while they learn and once they have learned."""

import numpy as np
import pytest

from tpo_runs import CellResult
from tpo_runs._figures import FIGURES
from tpo_runs._results import DIAGNOSTICS, diagnostics, solved_since

STEPS = 40


def cell(method, error, task="one", **probes):
    metrics = {"error": np.asarray(error, float), **{k: np.asarray(v, float) for k, v in probes.items()}}
    return CellResult(method, {"task": task}, {}, np.arange(len(error)), metrics, {})


def learned_at(step, level=0.0):
    """A seed whose error falls from 1 to `level` at a step."""
    return np.where(np.arange(STEPS) < step, 1.0, level)


def test_a_task_is_solved_from_the_first_low_running_mean_on():
    error = np.array([learned_at(10), learned_at(10, 0.2), np.where(np.arange(STEPS) % 2, 0.0, 1.0)])
    found = solved_since(error)
    # The window is one step wide at 40 steps. The last seed is below at step 1, and counts as solved since.
    assert found.argmax(axis=1).tolist() == [10, 0, 1]
    assert found.any(axis=1).tolist() == [True, False, True]
    # Over 100 steps the window has two.
    assert solved_since(np.array([[1.0, 0.0, 0.0] + [0.0] * 97]))[0].tolist() == [False, False] + [True] * 98


def test_the_gradient_once_solved_is_a_share_of_that_before():
    gradient = [np.where(np.arange(STEPS) < at, 4.0, 1.0) for at in (10, 20, 30)]
    found = diagnostics(
        [cell("TPO", [learned_at(10), learned_at(20), learned_at(30)], gradient_norm=gradient)],
        "gradient_norm",
    )
    assert found == {"TPO": pytest.approx(0.25)}


def test_a_probe_while_learning_leaves_out_what_comes_after():
    share = np.where(np.arange(STEPS) < 10, 0.5, 1.0)
    cells = [
        cell("TPO", [learned_at(10)], "one", inactive_share=[share]),
        cell("TPO", [learned_at(STEPS)], "two", inactive_share=[np.full(STEPS, 0.1)]),
    ]
    assert diagnostics(cells, "inactive_share") == {"TPO": pytest.approx(0.3)}


def test_entropy_is_that_of_the_last_tenth_of_the_steps():
    entropy = np.arange(STEPS, dtype=float)
    assert diagnostics([cell("TPO", [learned_at(5)], entropy=[entropy])], "entropy") == {"TPO": 37.5}


def test_methods_without_a_value_are_left_out():
    never = cell("GRPO", [learned_at(STEPS)], gradient_norm=[np.ones(STEPS)])
    assert diagnostics([never], "gradient_norm") == {}
    assert diagnostics([cell("PPO", [learned_at(5)])], "entropy") == {}


def test_the_figure_has_a_panel_for_each_probe_and_a_dot_for_each_method_with_it():
    probes = {name: np.full((2, STEPS), 0.5) for name in DIAGNOSTICS}
    cells = [
        cell(method, [learned_at(at), learned_at(at)], **probes) for method, at in (("TPO", 5), ("GRPO", 9))
    ]
    cells.append(cell("PPO", [learned_at(9)] * 2, gradient_norm=probes["gradient_norm"]))
    figure = FIGURES["diagnostics"](cells, groups=[{"name": "targets", "methods": ["TPO"]}], named=["TPO"])
    assert [len(axes.lines) for axes in figure.axes] == [3, 2, 2, 2]
    assert [text.get_text() for text in figure.axes[0].texts] == ["TPO"]


def test_the_figure_needs_a_probe():
    with pytest.raises(ValueError, match="needs one of the probes gradient_norm"):
        FIGURES["diagnostics"]([cell("TPO", [learned_at(5)])])
