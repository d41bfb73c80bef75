"""The experiments that ship with the repository."""

import itertools
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))
BEYOND_THE_PAPER = {
    "atlas",
    "first_run",
    "lengths",
    "llm_rlvr",
    "lm_arithmetic",
    "lm_reasoning",
    "low_variance",
    "staleness",
}
TABULAR = ("tabular_single", "tabular_multi")


@pytest.fixture
def programs_let_go():
    """Frees the compiled programs: Linux allows a process 65,530 pieces of memory, and each takes 1,500."""
    import jax

    yield
    jax.clear_caches()


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_understood(path, smoke):
    from tpo_runs import load_config

    loaded = load_config(path, smoke=smoke)
    assert loaded.cells
    assert loaded.config.title
    assert bool(loaded.config.paper) == (path.stem not in BEYOND_THE_PAPER)


def test_the_schema_that_editors_read_is_that_of_the_program():
    from tpo_runs._config import schema_text

    assert (ROOT / "configs/schema.json").read_text() == schema_text(), (
        "tpo-runs schema > configs/schema.json"
    )
    rules = tomllib.loads((ROOT / ".taplo.toml").read_text())["rule"]
    assert [rule["schema"]["path"] for rule in rules] == ["configs/schema.json"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_valid_by_the_schema(path):
    schema = json.loads((ROOT / "configs/schema.json").read_text())
    jsonschema.validate(tomllib.loads(path.read_text()), schema)


# --- the paper's settings of section 4, written down a second time ---

TPO = {"kind": "tpo", "eta": 1.0, "anchor": True}
NO_ANCHOR = {"kind": "tpo", "eta": 1.0, "anchor": False}
GRPO = {"kind": "grpo", "clip": 0.2, "kl_coef": 0.04, "informative_only": False}
NO_KL = {**GRPO, "kl_coef": 0.0}
MASKED = {**GRPO, "informative_only": True}
GROUP_PG = {"kind": "group_pg", "eta": 1.0}
PPO = {"kind": "ppo", "clip": 0.2}
DG = {"kind": "dg", "eta": 1.0}


def tokens(candidates=8, prompts=100):
    return {"kind": "token_group", "prompts": prompts, "candidates": candidates}


def answers(candidates=8, prompts=100):
    return {"kind": "sequence_group", "prompts": prompts, "candidates": candidates}


def single(prompts=100):
    return {"kind": "single", "prompts": prompts, "baseline": "batch_mean"}


FASTER = 1e-3 * 8**0.5
# Each method as objective, rollout, epochs and learning rate.
DENSE = {
    "TPO": (TPO, tokens(), 4, 1e-3),
    "GRPO": (GRPO, tokens(), 4, 1e-3),
    "PPO": (PPO, single(), 4, 1e-3),
    "DG": (DG, single(), 1, 1e-3),
}
SPARSE = {
    "TPO": (TPO, answers(), 4, 1e-3),
    "GRPO": (GRPO, answers(), 4, 1e-3),
    "GRPO (no KL)": (NO_KL, answers(), 4, 1e-3),
    "PPO": (PPO, single(), 4, 1e-3),
    "DG": (DG, single(), 1, 1e-3),
}
MATCHED = {
    "PPO (interactions)": (PPO, single(800), 4, FASTER),
    "DG (interactions)": (DG, single(800), 1, FASTER),
}
ANCHORS = {
    "TPO": (TPO, answers(), 4, 1e-3),
    "TPO (no anchor)": (NO_ANCHOR, answers(), 4, 1e-3),
    "Group PG": (GROUP_PG, answers(), 4, 1e-3),
    "GRPO (no KL)": (NO_KL, answers(), 4, 1e-3),
}
LARGE = {"TPO": (TPO, answers(32, 256), 4, 1e-3), "GRPO": (GRPO, answers(32, 256), 4, 1e-3)}
ABLATIONS = {
    **LARGE,
    "TPO, 1 epoch": (TPO, answers(32, 256), 1, 1e-3),
    "GRPO (no KL)": (NO_KL, answers(32, 256), 4, 1e-3),
    "PPO": (PPO, single(256), 4, 1e-3),
    "DG": (DG, single(256), 1, 1e-3),
}
DG_EPOCHS = {"DG": (DG, single(), 1, 1e-3), "DG, 4 epochs": (DG, single(), 4, 1e-3)}
TARGETS = ["copy", "flip", "reverse_copy", "reverse_flip"]
VARIATIONS = {"task.reward": ["bag_of_tokens", "sequential"], "task.target": TARGETS}

# Each experiment as reward, horizon, grid, seeds, episodes and methods. None stands for a swept value.
PAPER = {
    "transformer": ("bag_of_tokens", 10, {}, 20, 1000, DENSE),
    "vocab_sweep": ("bag_of_tokens", 10, {"task.vocab_size": [2, 4, 8, 16]}, 20, 1000, DENSE),
    "transformer_variations": (None, 10, VARIATIONS, 10, 1000, DENSE),
    "transformer_rlvr": ("terminal", 10, {}, 20, 2000, {k: SPARSE[k] for k in ("TPO", "GRPO", "PPO", "DG")}),
    "rlvr_sweep": ("terminal", None, {"task.horizon": [7, 8, 9, 10]}, 20, 2000, SPARSE | MATCHED),
    "anchor_ablation": ("terminal", None, {"task.horizon": [7, 8, 10]}, 20, 2000, ANCHORS),
    "terminal_reward_ablations": ("terminal", 8, {}, 10, 2000, ABLATIONS),
    "k_sweep": ("terminal", 8, {"rollout.candidates": [4, 8, 16, 32, 64]}, 30, 2000, LARGE),
    "zero_variance_masking": (
        "terminal",
        8,
        {},
        30,
        2000,
        {**LARGE, "GRPO (masked)": (MASKED, answers(32, 256), 4, 1e-3)},
    ),
    "epoch_sweep": ("terminal", 8, {"schedule.epochs": [1, 2, 4, 8, 16]}, 30, 2000, LARGE),
    "eta_sweep": (
        "bag_of_tokens",
        10,
        {"objective.eta": [0.25, 0.5, 1.0, 2.0, 4.0]},
        10,
        1000,
        {"TPO": DENSE["TPO"]},
    ),
    "dg_epochs": ("terminal", 7, {}, 20, 2000, DG_EPOCHS),  # the paper does not state this horizon
    "dg_epochs_variations": (None, 10, VARIATIONS, 10, 1000, DG_EPOCHS),
}


def test_every_experiment_of_the_paper_has_its_config():
    assert {path.stem for path in CONFIGS} - BEYOND_THE_PAPER == {*TABULAR, "mnist", *PAPER}


def expected_cells(reward, horizon, grid, seeds, steps, methods):
    """The settings of all cells by method and point."""
    cells = {}
    for values in itertools.product(*grid.values()):
        for name, (objective, rollout, epochs, rate) in methods.items():
            tables = {
                "task": {
                    "kind": "tokens",
                    "target": "reverse_copy",
                    "reward": reward,
                    "horizon": horizon,
                    "vocab_size": 2,
                },
                "objective": dict(objective),
                "rollout": dict(rollout),
                "schedule": {"epochs": epochs, "seeds": seeds, "steps": steps, "first_seed": 0},
            }
            for axis, value in zip(grid, values, strict=True):
                section, key = axis.split(".")
                tables[section][key] = value
            cells[name, values] = (tables, rate)
    return cells


@pytest.mark.parametrize("name", PAPER)
def test_its_numbers_are_those_of_the_paper(name):
    from tpo_runs import load_config

    cells = {
        (cell.method, tuple(cell.point.values())): cell
        for cell in load_config(ROOT / "configs" / f"{name}.toml").cells
    }
    expected = expected_cells(*PAPER[name])
    assert set(cells) == set(expected)
    for place, (tables, rate) in expected.items():
        cell = cells[place]
        for section, table in tables.items():
            found = getattr(cell, section).model_dump()
            assert {key: found[key] for key in table} == table, place
        assert cell.policy.identity() == {"kind": "transformer", "width": 64, "layers": 2, "heads": 2}
        assert cell.optimizer.model_dump() == {
            "kind": "muon",
            "learning_rate": pytest.approx(rate, rel=1e-4),
            "warmup_steps": 0,
            "decay": "constant",
            "clip_norm": None,
            "beta": 0.95,
            "newton_schulz_steps": 5,
            "adam_b1": 0.9,
            "adam_b2": 0.999,
            "eps": 1e-8,
        }


# Where each published table or figure of the transformers is made.
SOURCES = {
    "Table 1": "vocab_sweep",
    "Table 2": "transformer_variations",
    "Table 3, prompt-matched": "rlvr_sweep",
    "Table 3, interaction-matched": "rlvr_sweep",
    "Table 5": "eta_sweep",
    "Section 3.7, Figure 8": "anchor_ablation",
    "Section 4.1, Figure 10": "terminal_reward_ablations",
    "Section 4.2, Figure 12": "k_sweep",
    "Section 4.2, Figure 13": "zero_variance_masking",
    "Section 4.3, Figure 14": "terminal_reward_ablations",
    "Section 4.3, Figure 15": "epoch_sweep",
    "Appendix E, Figure 17c": "dg_epochs_variations",
}


def test_every_published_number_belongs_to_one_cell_of_its_config():
    from tpo_runs import load_config
    from tpo_runs._paper import paper_numbers

    numbers = [n for n in paper_numbers() if n.where.get("policy.kind") == "transformer" and not n.unmatched]
    assert {number.source for number in numbers} == set(SOURCES)
    loaded = {name: load_config(ROOT / "configs" / f"{name}.toml").cells for name in SOURCES.values()}
    for number in numbers:
        cells = [cell for cell in loaded[SOURCES[number.source]] if number.matches(cell.identity())]
        assert len(cells) == 1, number
        assert cells[0].schedule.steps == number.steps
        assert cells[0].schedule.seeds == number.seeds


def test_the_page_of_experiments_names_every_config_and_what_it_draws():
    from tpo_runs import load_config
    from tpo_runs._config import figure_name

    page = (ROOT / "docs" / "experiments.md").read_text()
    rows = re.findall(r"^\|[^|]*\| \[(\w+)\] \|([^|]*)\|", page, flags=re.MULTILINE)
    assert {name for name, _ in rows} == {path.stem for path in CONFIGS}
    for name, where in rows:
        config = load_config(ROOT / "configs" / f"{name}.toml").config
        drawn = {"summary.md", *map(figure_name, config.figures)}
        named = set(re.findall(r"`([\w.]+)`", where))
        assert named, name
        assert named <= drawn, name


# --- two steps of each ---


def run(name, out, *more):
    """Train two steps of two seeds and check what is stored and drawn."""
    from tpo_runs import Store
    from tpo_runs._cli import main

    config = ROOT / "configs" / f"{name}.toml"
    more = [*more, "--schedule.steps", "2", "--schedule.seeds", "2"]
    assert main([str(config), "--quiet", "--out", str(out), *more]) == 0
    manifest = json.loads((out / "run.json").read_text())
    results = Store(out).results()
    trained = {result.method for result in results}
    assert len(results) == len(manifest["cells"])
    assert all(np.isfinite(result.metrics[manifest["metric"]][:, -1]).all() for result in results)
    files = {file.stem for file in (out / "figures").iterdir()}
    for figure in manifest["figures"]:
        table = {"name": None, "methods": None, "kind": figure} if isinstance(figure, str) else figure
        # There is nothing to sweep along at a single point.
        swept = {str(result.point[table["axis"]]) for result in results} if table.get("axis") else None
        if (table["methods"] is None or trained & set(table["methods"])) and (
            swept is None or len(swept) > 1
        ):
            assert (table["name"] or table["kind"]) in files


def test_the_bandits_run_for_two_steps(tmp_path):
    for name in TABULAR:
        run(name, tmp_path / name, "--smoke")


@pytest.mark.slow
def test_mnist_runs_for_two_steps(tmp_path):
    run("mnist", tmp_path, "--smoke", "--evaluation.every", "2")


def tiny(name, methods):
    """What makes an experiment so small that compiling is all it takes, at one point of its grid."""
    _, _, grid, _, _, known = PAPER[name]
    small = {"task.horizon": 2, "rollout.candidates": 2}
    point = {axis: small.get(axis, values[0]) for axis, values in grid.items()}
    point["rollout.prompts"] = 4
    flags = ["--policy.width", "4", "--policy.layers", "1", "--schedule.block", "2"]
    flags += [] if "task.horizon" in grid else ["--task.horizon", "2"]
    for axis, value in point.items():
        flags += [f"--grid.{axis}", json.dumps([value])]
    for method in methods:
        if "candidates" in known[method][1] and "rollout.candidates" not in grid:
            flags += [f"--method.{method}.rollout.candidates", "2"]
    return [*flags, "--methods", ",".join(methods)]


# Compiling takes seconds each. The smoke runs train others, and the slow tests all of them.
@pytest.mark.parametrize("name", ["terminal_reward_ablations"])
def test_its_first_method_runs_for_two_steps(name, tmp_path):
    run(name, tmp_path, *tiny(name, list(PAPER[name][-1])[:1]))


@pytest.mark.slow
@pytest.mark.usefixtures("programs_let_go")
@pytest.mark.parametrize("name", PAPER)
def test_all_its_methods_run_for_two_steps(name, tmp_path):
    run(name, tmp_path, *tiny(name, list(PAPER[name][-1])))
