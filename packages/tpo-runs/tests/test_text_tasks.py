"""Language models on problems in text: scores from the host, held-out measures, configs, micro-batches."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pyarrow.parquet as pq
import pytest

from tpo_models import LanguageModel, LanguageModelConfig
from tpo_objectives import dapo, dr_grpo, tpo
from tpo_runs import (
    AnswerGroup,
    ConfigError,
    HeldOut,
    TextTask,
    Trainer,
    initial_state,
    load_config,
    train,
)
from tpo_runs._cli import main
from tpo_runs._learn import OffPolicy

SIZES = {"vocab_size": 16, "width": 8, "layers": 1, "heads": 2, "kv_heads": 1, "head_dim": 4}
END = 15


@dataclasses.dataclass(frozen=True)
class Question:
    prompt: str


class Letters:
    """The letters from "a" on as tokens 0, 1, ..."""

    def encode(self, text):
        return [ord(letter) - ord("a") for letter in text]

    def decode(self, ids):
        return "".join(chr(ord("a") + int(i)) for i in ids)


class Scorer:
    """Pays the share of the letters of an answer that are in the prompt, and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, question, text):
        self.asked.append((question.prompt, text))
        return sum(letter in question.prompt for letter in text) / max(1, len(text))


QUESTIONS = [Question(text) for text in ("a", "bcd", "ba", "hhhhh")]


def make_task(score=None, questions=QUESTIONS, horizon=3):
    return TextTask(questions, score or Scorer(), Letters(), horizon=horizon, end=END)


def make_model(key):
    return LanguageModel(LanguageModelConfig(**SIZES, mlp_width=16), key=key)


def test_prompts_are_filled_on_the_left_and_none_is_drawn_twice_while_there_are_enough():
    task = make_task()
    texts = {row.tobytes(): text for row, text in zip(np.asarray(task.table), QUESTIONS, strict=True)}
    assert np.asarray(task.table)[1].tolist() == [-1, -1, 1, 2, 3]
    for seed in range(5):
        drawn = [texts[row.tobytes()] for row in np.asarray(task.prompts(jax.random.key(seed), 4))]
        assert set(drawn) == set(QUESTIONS)
    assert task.prompts(jax.random.key(0), 11).shape == (11, 5)


def test_answers_are_scored_up_to_their_end_token_in_any_batch():
    task = make_task()
    prompts = task.table
    answers = jnp.array([[[0, 0, 1], [END, 0, 0]], [[2, END, 7], [2, 3, 4]]] * 2)
    expected = [[2 / 3, 0], [1, 2 / 3], [1, 0], [0, 0]]
    scores = eqx.filter_jit(task.score)(prompts[:, None], answers)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    over_seeds = eqx.filter_jit(eqx.filter_vmap(task.score))(
        jnp.stack([prompts[:, None]] * 3), jnp.stack([answers] * 3)
    )
    np.testing.assert_allclose(over_seeds, [expected] * 3, atol=1e-6)
    assert task.mask(answers)[0].tolist() == [[True] * 3, [True, False, False]]


def test_equal_answers_to_a_problem_are_scored_once_in_a_batch():
    scorer = Scorer()
    task = make_task(scorer)
    answers = jnp.array([[[0, END, 4], [0, END, 2], [1, 1, 1]]] * 4)
    jax.block_until_ready(task.score(task.table[:, None], answers))
    assert sorted(scorer.asked) == sorted((q.prompt, text) for q in QUESTIONS for text in ("a", "bbb"))


@pytest.mark.parametrize(
    ("questions", "message"),
    [([], "there are no problems; draw at least one"), ([Question("a"), Question("")], "has no tokens")],
)
def test_problems_without_words_are_refused(questions, message):
    with pytest.raises(ValueError, match=message):
        make_task(questions=questions)


def test_held_out_measures_are_those_of_all_problems_one_by_one():
    task, model = make_task(), make_model(jax.random.key(3))
    columns = eqx.filter_jit(HeldOut(task, candidates=6, batch=3))(model, jax.random.key(0))
    sample = eqx.filter_jit(functools.partial(LanguageModel.sample, horizon=3, end=END, temperature=0))
    greedy = [sample(model, jax.random.key(0), row[None], 1)[0] for row in task.table]
    scores = [
        Scorer()(q, task.host.text(np.asarray(a)[0, 0])) for q, a in zip(QUESTIONS, greedy, strict=True)
    ]
    assert columns["held_out_error"] == pytest.approx(1 - np.mean(scores), abs=1e-6)
    assert 0 <= columns["held_out_pass_at_1"] <= 1
    assert set(columns) == {"held_out_error", "held_out_pass_at_1", "held_out_pass_at_6"}


def trained(objective, *, microbatches=1, tokens=False, steps=2, **options):
    rollout = AnswerGroup(make_task(), prompts=4, candidates=4, tokens=tokens)
    trainer = Trainer(rollout, objective, optax.adam(0.01), epochs=2, microbatches=microbatches, **options)
    state = initial_state(trainer, make_model, jnp.arange(1))
    *_, (after, chunk) = train(trainer, state, jnp.arange(1), steps)
    return after.policy, chunk.metrics


# dapo divides by the tokens of the whole batch, and the shrinkage mixes the standard deviations of groups.
@pytest.mark.parametrize(
    ("objective", "tokens", "count"),
    [
        (tpo, False, 2),
        (dapo, True, 4),
        (dr_grpo, True, 2),
        (functools.partial(tpo, std_shrinkage=0.5), False, 4),
    ],
)
def test_micro_batches_have_the_gradient_of_the_batch(objective, tokens, count):
    whole, metrics = trained(objective, tokens=tokens)
    parts, of_parts = trained(objective, tokens=tokens, microbatches=count)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-5), parts, whole)
    np.testing.assert_allclose(of_parts["loss"], metrics["loss"], rtol=1e-5)


def test_all_seeds_start_from_a_policy_that_is_given():
    model = make_model(jax.random.key(5))
    trainer = Trainer(AnswerGroup(make_task(), 4, 4), tpo, optax.adam(0.01), epochs=1)
    state = initial_state(trainer, model, jnp.arange(3))
    for seed in range(3):
        own = jax.tree.map(lambda leaf, seed=seed: leaf[seed], eqx.filter(state.policy, eqx.is_array))
        jax.tree.map(np.testing.assert_array_equal, own, eqx.filter(model, eqx.is_array))


def test_a_model_learns_to_write_the_letters_of_the_prompt():
    _, metrics = trained(functools.partial(tpo, anchor="ratio"), steps=40)
    assert metrics["error"][0, -5:].mean() < 0.3 < 0.5 < metrics["error"][0, :5].mean()


def test_a_nucleus_of_one_token_samples_the_most_probable_answers():
    model, task = make_model(jax.random.key(3)), make_task()
    rollout = OffPolicy(AnswerGroup(task, 4, 3, tokens=True), top_p=1e-6)
    state = rollout.init(model, jax.random.key(0))
    batch, _ = eqx.filter_jit(lambda key: rollout.draw(model, state, key))(jax.random.key(1))
    prompts, _, answers = batch.inputs
    sample = eqx.filter_jit(functools.partial(LanguageModel.sample, horizon=3, end=END, temperature=0))
    greedy, _ = sample(model, jax.random.key(2), prompts, 3)
    np.testing.assert_array_equal(answers, greedy)
    # Each was drawn with certainty.
    np.testing.assert_allclose(batch.old_logp, 0.0, atol=1e-6)


CONFIG = """\
task = { kind = "text", problems = "arithmetic-add-sub-t3-n9-s0-v1", train = 8, held_out = 6, max_tokens = 2 }
policy = { kind = "language_model", model = "random" }
optimizer = { kind = "adamw", learning_rate = 1e-2 }
schedule = { steps = 3, seeds = 2, block = 2 }
evaluation = { measures = ["held_out", "held_out_sampled"], every = 2, before = true }
figures = []

[[method]]
name = "TPO"
objective = { kind = "tpo", anchor = "tempered" }
rollout = { kind = "sequence_group", prompts = 2, candidates = 3 }
[[method]]
name = "GRPO, adapters"
objective = { kind = "token_grpo" }
rollout = { kind = "sequence_group", prompts = 2, candidates = 3 }
policy = { lora = { rank = 2, targets = ["query", "down"] } }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def test_a_config_trains_language_models_and_measures_them_before_and_after(config, tmp_path):
    assert main([str(config), "--methods", "TPO", "--out", str(tmp_path / "out"), "--quiet"]) == 0
    (file,) = (tmp_path / "out" / "cells").rglob("metrics.parquet")
    table = pq.read_table(file).to_pandas()
    measured = table.groupby("step")[["held_out_error", "held_out_pass_at_8"]].count()
    assert measured.held_out_error.tolist() == measured.held_out_pass_at_8.tolist() == [2, 2, 0]


def test_with_adapters_nothing_else_moves(config):
    from tpo_runs import build_policy, build_trainer

    cell = load_config(config, methods="GRPO, adapters").cells[0]
    trainer, make = build_trainer(cell), build_policy(cell)
    state = initial_state(trainer, make, jnp.arange(1))
    params, frozen = trainer.split(jax.tree.map(jnp.copy, state.policy))
    assert {leaf.shape[-1] for leaf in jax.tree.leaves(params)} <= {2, 32, 64}
    *_, (after, _) = train(trainer, state, jnp.arange(1), 2)
    _, still = trainer.split(after.policy)
    jax.tree.map(
        np.testing.assert_array_equal, eqx.filter(still, eqx.is_array), eqx.filter(frozen, eqx.is_array)
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("arithmetic-add-sub-t3-n9-s0-v1", "arithmetic-ad", "is not known"),
        (", candidates = 3", "", "rollout.candidates: missing"),
        ('kind = "language_model", model = "random"', 'kind = "mlp"', "'mlp' cannot answer task 'text'"),
        ("steps = 3", "steps = 3, microbatches = 3", "3 does not divide rollout.prompts = 2; try 2"),
        ('["held_out", ', '["test_error", ', "measure 'test_error' needs task.kind = 'images', not 'text'"),
        ('"query"', '"queries"', "lora.targets: 'queries' is not a matrix; did you mean 'query'?"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(old, new, message, config):
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_config(config)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no_such_model", "there is no such model; expected a GGUF file, a folder, an installed package"),
        ("/dev/null", "/dev/null"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_refused_before_anything_is_written(
    model, message, config, tmp_path, capsys
):
    words: list[Any] = [str(config), "--policy.model", model, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"policy.model = '{model}': ")
    assert message in error
    assert not (tmp_path / "out").exists()
