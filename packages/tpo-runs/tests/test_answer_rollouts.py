"""Groups of answers that end, and samplers that are not the trained policy."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tpo_envs import LengthLadder, VariableLengthTask
from tpo_models import CausalTransformer
from tpo_objectives import corrections, token_grpo
from tpo_runs import (
    AnswerGroup,
    Config,
    ConfigError,
    SequenceGroup,
    Trainer,
    build_policy,
    build_trainer,
    expand,
    initial_state,
    train,
)
from tpo_runs._learn import OffPolicy, WithReference

TASK = VariableLengthTask("reverse_copy", "terminal", min_length=1, max_length=3, vocab_size=3)


def make_policy(task, seed=0):
    sizes = {"vocab_size": task.vocab_size, "horizon": task.horizon, "prompt_length": task.prompt_length}
    return CausalTransformer(**sizes, width=8, layers=1, heads=1, key=jax.random.key(seed))


def config_of(kind, sizes):
    rollout = {"kind": "sequence_group", "prompts": 4, "candidates": 2}
    return Config.model_validate(
        {
            "task": {"kind": kind, **sizes},
            "policy": {"kind": "transformer", "width": 8, "layers": 1},
            "optimizer": {"kind": "adam", "learning_rate": 0.1},
            "schedule": {"steps": 1},
            "method": [{"name": "TPO", "objective": {"kind": "tpo"}, "rollout": rollout}],
        }
    )


def draw(rollout, policy, seed=1, state=None):
    return draw_with_key(rollout, policy, state, jax.random.key(seed))


@eqx.filter_jit
def draw_with_key(rollout, policy, state, key):
    return rollout.draw(policy, state, key)


@eqx.filter_jit
def log_probs_of(rollout, policy, batch):
    return rollout.log_probs(policy, batch)


def test_a_group_of_answers_that_end_holds_the_log_probs_up_to_the_end_token():
    policy = make_policy(TASK)
    batch, _ = draw(AnswerGroup(TASK, prompts=6, candidates=5, tokens=True), policy)
    prompts, where, answers = batch.inputs
    ended = np.cumsum(np.asarray(answers) == TASK.end, axis=-1) - (np.asarray(answers) == TASK.end) > 0
    np.testing.assert_array_equal(where, ~ended)
    np.testing.assert_array_equal(batch.where, where)
    logp = eqx.filter_jit(policy.log_probs)(prompts, answers)
    np.testing.assert_allclose(batch.old_logp, np.where(ended, 0.0, logp), atol=1e-5)
    np.testing.assert_array_equal(batch.scores, TASK.score(np.asarray(prompts)[:, None], np.asarray(answers)))
    assert batch.error == pytest.approx(1 - np.mean(batch.scores))


def test_without_tokens_the_log_probs_are_their_sums():
    policy = make_policy(TASK)
    of_tokens, _ = draw(AnswerGroup(TASK, 6, 5, tokens=True), policy)
    rollout = AnswerGroup(TASK, 6, 5)
    batch, _ = draw(rollout, policy)
    assert batch.where is None
    np.testing.assert_allclose(batch.old_logp, of_tokens.old_logp.sum(axis=-1), atol=1e-5)
    np.testing.assert_allclose(log_probs_of(rollout, policy, batch), batch.old_logp, atol=1e-5)


TASKS = {
    "tokens": {"target": "copy", "reward": "terminal", "horizon": 3, "vocab_size": 2},
    "noisy_verifier": {
        "target": "copy",
        "horizon": 3,
        "vocab_size": 2,
        "false_positives": 0.1,
        "false_negatives": 0.1,
    },
    "length_ladder": {"horizon": 3},
    "counting": {"limit": 3},
}


@pytest.mark.parametrize(
    ("kind", "rollout"),
    [
        ("tokens", SequenceGroup),
        ("noisy_verifier", SequenceGroup),
        ("length_ladder", AnswerGroup),
        ("counting", AnswerGroup),
    ],
)
def test_a_task_that_rewards_tokens_keeps_the_rollout_that_reads_their_rewards(kind, rollout):
    (cell,) = expand(config_of(kind, TASKS[kind]))
    assert type(build_trainer(cell).rollout) is rollout


@pytest.mark.parametrize(
    ("kind", "sizes", "fault"),
    [
        ("length_ladder", {"horizon": 1}, "scored is 2, but an answer has only horizon = 1 tokens"),
        ("variable_length", {"min_length": 4, "max_length": 2, "vocab_size": 3}, "at least min_length = 4"),
        ("graph_coloring", {"nodes": 12, "edges": 3}, "colors is 3 and nodes 12"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused_before_training(kind, sizes, fault):
    with pytest.raises(ConfigError, match=f"task: .*{fault}"):
        expand(config_of(kind, sizes))


def test_a_nucleus_is_for_language_models_alone():
    config = config_of("counting", {"limit": 3})
    method = config.method[0].model_dump()
    method["rollout"]["sampler"] = {"top_p": 0.9}
    with pytest.raises(ConfigError, match=r"sampler\.top_p: 'transformer' draws from all tokens"):
        expand(Config.model_validate({**config.model_dump(), "method": [method]}))


def test_a_stale_sampler_is_the_policy_from_that_many_steps_before():
    task = LengthLadder(horizon=3)
    policies = [make_policy(task, seed) for seed in range(5)]
    inner = AnswerGroup(task, 4, 3)
    rollout = OffPolicy(inner, stale_steps=2)
    state = rollout.init(policies[0], jax.random.key(0))
    for step, policy in enumerate(policies):
        batch, state = draw(rollout, policy, step, state)
        expected, _ = draw(inner, policies[max(0, step - 2)], step)
        np.testing.assert_array_equal(batch.inputs[-1], expected.inputs[-1])
        np.testing.assert_allclose(batch.old_logp, expected.old_logp, atol=1e-6)


def test_the_trainer_s_log_probs_and_the_correction_of_a_sampler_at_another_temperature():
    task = LengthLadder(horizon=3)
    policy, inner = make_policy(task), AnswerGroup(task, 4, 3, tokens=True)
    sampler = OffPolicy(inner, temperature=2.0, dtype="bfloat16")
    correction = functools.partial(corrections.truncated, cap=1.1)
    trainer = OffPolicy(inner, temperature=2.0, dtype="bfloat16", trainer_logp=True, correction=correction)
    drawn, _ = draw(sampler, policy, state=sampler.init(policy, jax.random.key(0)))
    batch, _ = draw(trainer, policy, state=trainer.init(policy, jax.random.key(0)))
    logp = log_probs_of(inner, policy, batch)
    np.testing.assert_allclose(batch.old_logp, logp, atol=1e-5)
    assert drawn.corrections is None
    assert drawn.old_logp.dtype == jnp.float32
    ratio = np.exp(np.asarray(logp) - np.asarray(drawn.old_logp))
    assert ratio.std() > 0.01
    np.testing.assert_allclose(batch.corrections, np.minimum(ratio, 1.1), rtol=1e-4)


def with_reference(kl_coef, *, tokens=True):
    inner = AnswerGroup(LengthLadder(horizon=3), 4, 3, tokens=tokens)
    return WithReference(inner, kl_coef) if kl_coef else inner


def trained(rollout, steps):
    """The policies at the end, and the losses of all steps."""
    trainer = Trainer(rollout, token_grpo, optax.adam(0.02), epochs=1)
    state = initial_state(trainer, make_policy(LengthLadder(horizon=3)), jnp.arange(2))
    chunks = list(train(trainer, state, jnp.arange(2), steps))
    losses = np.concatenate([chunk.metrics["loss"] for _, chunk in chunks], axis=1)
    return jax.tree.map(lambda leaf: leaf[0], chunks[-1][0].policy), losses


@pytest.mark.parametrize("tokens", [True, False])
def test_the_penalty_is_the_mean_divergence_from_the_initial_policy(tokens):
    first, now = make_policy(LengthLadder(horizon=3), 0), make_policy(LengthLadder(horizon=3), 1)
    rollout = with_reference(0.5, tokens=tokens)
    state = rollout.init(first, jax.random.key(0))
    batch, _ = draw(rollout, now, state=state)
    logp, reference = (log_probs_of(rollout, policy, batch) for policy in (now, first))
    exists = np.ones(logp.shape, bool) if batch.where is None else np.asarray(batch.where)
    ratio = (np.asarray(reference) - np.asarray(logp))[exists]
    assert batch.penalty(logp) == pytest.approx(0.5 * np.mean(np.exp(ratio) - 1 - ratio), rel=1e-4)


def test_the_first_step_has_no_penalty_and_later_ones_hold_the_policy_back():
    free, losses = trained(with_reference(0.0), 12)
    held, penalized = trained(with_reference(5.0), 12)
    np.testing.assert_allclose(penalized[:, 0], losses[:, 0], atol=1e-6)
    assert penalized[0, 3:].mean() > losses[0, 3:].mean()
    start = make_policy(LengthLadder(horizon=3))
    rollout = with_reference(0.0)
    batch, _ = draw(rollout, start)
    moved = [
        np.abs(np.asarray(log_probs_of(rollout, policy, batch)) - np.asarray(batch.old_logp)).mean()
        for policy in (free, held)
    ]
    assert moved[1] < 0.5 * moved[0]


def test_a_config_sets_the_penalty_which_is_the_same_in_micro_batches():
    config = config_of("counting", {"limit": 3})
    method = config.method[0].model_dump()
    method["rollout"]["reference_kl"] = 0.1
    # Adam would turn the rounding of gradients near zero into whole steps.
    optimizer = {"kind": "sgd", "learning_rate": 0.05}
    table = {**config.model_dump(), "method": [method], "optimizer": optimizer}
    (cell,) = expand(Config.model_validate(table))
    (plain,) = expand(config)
    assert cell.key != plain.key
    losses = []
    for count in (1, 2):
        trainer = dataclasses.replace(build_trainer(cell), microbatches=count)
        assert isinstance(trainer.rollout, WithReference)
        state = initial_state(trainer, build_policy(cell), jnp.arange(1))
        *_, (_, chunk) = train(trainer, state, jnp.arange(1), 3)
        losses.append(chunk.metrics["loss"][0, -1])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
