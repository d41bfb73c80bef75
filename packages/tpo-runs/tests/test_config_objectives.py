"""The objective tables against the functions that they configure."""

import inspect
from pathlib import Path
from typing import Any

import pytest

SAMPLES = ["ppo", "dg", "reinforce"]
WHOLE_ANSWERS = ["tpo", "grpo", "group_pg", "cross_entropy"]
WHOLE_ANSWERS += ["lpo", "gvpo", "opmd", "rebel", "awr", "mpo", "v_mpo", "pmpo", "mdpo"]
TOKENS = ["token_grpo", "dr_grpo", "dapo", "rloo", "reinforce_pp", "gspo", "cispo", "sapo", "dppo", "gmpo"]
TOKENS += ["maxrl", "opo", "gpg", "topr", "asymre", "dro", "dmpo"]
KINDS = [*SAMPLES, *WHOLE_ANSWERS, *TOKENS]
# They need more than one score per answer, or a greedy answer; no rollout has either.
NOT_IN_CONFIGS = {"gdpo", "remax", "tpo_policy"}
# Arrays, which no config holds.
ARRAYS = {"where", "weights", "ref_logp"}

CONFIG = """
title = "An objective of tokens"
probes = ["success_weight", "distinct_candidates"]
[task]
kind = "tokens"
target = "copy"
reward = "terminal"
horizon = 2
vocab_size = 2
[policy]
kind = "transformer"
width = 4
layers = 1
heads = 1
[optimizer]
kind = "adam"
learning_rate = 1e-3
[schedule]
steps = 2
epochs = 1
seeds = 1
[[method]]
name = "Mine"
rollout = {{ kind = "sequence_group", prompts = 4, candidates = 3 }}
[method.objective]
{objective}
"""


def spec_of(kind: str) -> Any:
    from tpo_runs._config import OBJECTIVES

    return OBJECTIVES[kind]


def test_kinds_are_the_ones_listed_here() -> None:
    from tpo_runs._config import OBJECTIVES

    assert sorted(OBJECTIVES) == sorted(KINDS)


def test_every_objective_is_a_kind() -> None:
    import tpo_objectives
    from tpo_runs._config import OBJECTIVES

    functions = dict(inspect.getmembers(tpo_objectives, inspect.isfunction))
    of_log_probs = {
        name
        for name, function in functions.items()
        if next(iter(inspect.signature(function).parameters)) == "logp"
    }
    assert of_log_probs - {"policy_gradient"} == set(OBJECTIVES) | NOT_IN_CONFIGS


@pytest.mark.parametrize("kind", KINDS)
def test_keywords_and_defaults_are_those_of_the_function(kind: str) -> None:
    import tpo_objectives

    parameters = inspect.signature(getattr(tpo_objectives, kind)).parameters.values()
    expected = {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY and p.name not in ARRAYS}
    assert spec_of(kind)().keywords == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_is_the_one_at_which_the_function_works(kind: str) -> None:
    import jax.numpy as jnp

    import tpo_objectives

    arrays = [jnp.log(jnp.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]))] * 2
    losses = getattr(tpo_objectives, kind)(*arrays, jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.5]]))
    spec = spec_of(kind)()
    assert spec.level == ("sample" if kind in SAMPLES else "group")
    assert spec.takes_tokens == (kind in TOKENS)
    assert losses.shape == ((2,) if kind in WHOLE_ANSWERS or kind == "dmpo" else (2, 3))


@pytest.mark.parametrize("kind", ["gspo", "dapo", "dmpo"])
def test_an_objective_of_tokens_gets_them_from_answers(kind: str, tmp_path: Path) -> None:
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from tpo_runs import build_policy, build_trainer, load_config

    path = tmp_path / "tokens.toml"
    path.write_text(CONFIG.format(objective=f'kind = "{kind}"'))
    (cell,) = load_config(path).cells
    trainer = build_trainer(cell)
    shape = eqx.filter_eval_shape
    policy = shape(build_policy(cell), jax.random.key(0))
    shapes = shape(lambda p, k: trainer.rollout.draw(p, None, k)[0], policy, jax.random.key(1))
    assert (shapes.old_logp.shape, shapes.scores.shape) == ((4, 3, 2), (4, 3))
    state = shape(trainer.start, policy, jax.random.key(2))
    _, metrics = shape(trainer.episode, state, jax.random.key(3), jnp.int32(0))
    assert set(metrics) == {"error", "loss", "success_weight", "distinct_candidates"}


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ('kind = "tpo"\nanchor = "mean"', ["anchor", "'token_group'", "'sequence_group'"]),
        ('kind = "tpo"\nanchor = "capped"\ncap = 0.0', ["cap", "above 0", "0.0"]),
        ('kind = "tpo"\nanchor = "median"', ["anchor", "'median'", "'capped'"]),
        ('kind = "dapo"\nhgih = 0.3', ["hgih", "high"]),
    ],
)
def test_settings_that_do_not_fit_are_refused(objective: str, words: list[str], tmp_path: Path) -> None:
    from tpo_runs import ConfigError, load_config

    path = tmp_path / "tokens.toml"
    text = CONFIG.format(objective=objective).replace("terminal", "bag_of_tokens")
    path.write_text(text.replace("sequence_group", "token_group") if '"mean"' in objective else text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert all(word in str(error.value) for word in words), error.value


def test_informative_only_is_the_combinator_of_that_name() -> None:
    import tpo_objectives

    spec = spec_of("grpo")(informative_only=True)
    assert callable(tpo_objectives.informative_only)
    assert "informative_only" not in spec.keywords
