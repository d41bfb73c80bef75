"""Probes of token tasks against loops written out, in a real episode, and where they are refused."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import tpo_objectives as objectives
from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_runs import (
    Batch,
    Config,
    ConfigError,
    Observation,
    SequenceGroup,
    Single,
    TokenGroup,
    Trainer,
    expand,
)
from tpo_runs._config import PROBES as NEEDS
from tpo_runs._learn import BASELINES, PROBES

TERMINAL = TokenTask("reverse_copy", "terminal", 3, 2)
DENSE = TokenTask("reverse_copy", "sequential", 3, 2)
RNG = np.random.default_rng(0)


class Fixed:
    """A policy that gives the same log-probs to whatever it is asked about."""

    def __init__(self, logp):
        self.logp = logp

    def sample(self, key, prompts, candidates):
        raise NotImplementedError

    def log_probs(self, prompts, answers):
        return self.logp

    def answer_log_softmax(self, prompts, answers):
        raise NotImplementedError


def observe(
    rollout,
    objective=objectives.tpo,
    *,
    rewards,
    scores=None,
    old_logp=None,
    inputs=None,
    after=None,
    target=None,
    where=None,
):
    """An observation of the given batch, with whatever else is left out."""
    rewards = np.asarray(rewards, np.float32)
    old_logp = -RNG.exponential(size=rewards.shape) if old_logp is None else old_logp
    scores = rewards if scores is None else scores
    batch = Batch(
        inputs=inputs,
        old_logp=jnp.asarray(old_logp, jnp.float32),
        scores=jnp.asarray(scores, jnp.float32),
        rewards=jnp.asarray(rewards),
        error=jnp.float32(0),
        where=where,
    )
    gradient = {"kernel": jnp.array([[3.0, 0.0], [0.0, 4.0]]), "bias": jnp.array([12.0]), "size": None}
    return Observation(rollout, batch, objective, None, after, gradient, jnp.int32(0), target)


def sequence_group(candidates, task=TERMINAL):
    return SequenceGroup(task, 1, candidates)


def measure(name, seen):
    return float(PROBES[name](seen))


def test_the_gradient_norm_is_over_all_parameters():
    assert measure("gradient_norm", observe(sequence_group(2), rewards=[[0, 1]])) == pytest.approx(13)


# Rewards of whole answers in groups of four, and by group: any success, all fail, all equal.
GROUPS = {
    "mixed": ([[0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], [1, 0, 1], [0, 1, 1]),
    "none succeeds": ([[0, 0, 0, 0], [0, 0, 0, 0]], [0, 0], [1, 1]),
    "all succeed": ([[1, 1, 1, 1], [1, 1, 1, 1]], [1, 1], [1, 1]),
    # partly right answers have failed, and equal scores need not be 0 or 1
    "partly right": ([[1 / 3, 2 / 3, 0, 0], [0.7, 0.7, 0.7, 0.7]], [0, 0], [0, 1]),
}


@pytest.mark.parametrize("name", GROUPS)
def test_shares_of_groups_of_answers(name):
    rewards, solved, equal = GROUPS[name]
    seen = observe(sequence_group(4), rewards=rewards)
    assert measure("success_share", seen) == pytest.approx(np.mean(solved))
    assert measure("all_fail_share", seen) == pytest.approx(1 - np.mean(solved))
    assert measure("zero_variance_share", seen) == pytest.approx(np.mean(equal))


def test_groups_of_next_tokens_are_counted_by_prefix():
    rewards = [[[1, 0], [0, 0], [1, 1]], [[0, 0], [0, 0], [0, 1]]]
    seen = observe(TokenGroup(DENSE, 2, 2), rewards=rewards)
    assert measure("success_share", seen) == pytest.approx(3 / 6)
    assert measure("all_fail_share", seen) == pytest.approx(3 / 6)
    assert measure("zero_variance_share", seen) == pytest.approx(4 / 6)


def test_a_single_answer_has_succeeded_where_every_token_is_paid():
    seen = observe(
        Single(DENSE, 4, BASELINES["batch_mean"]), rewards=[[1, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]]
    )
    assert measure("success_share", seen) == pytest.approx(0.5)


def test_a_mean_of_ones_is_a_success_though_rounding_may_take_it_below_one():
    below = np.nextafter(np.float32(1), np.float32(0))
    one_in_4096_wrong = 1 - 1 / 4096
    seen = observe(sequence_group(2), rewards=[[below, 0], [one_in_4096_wrong, 0]])
    assert measure("success_share", seen) == pytest.approx(0.5)


def test_distinct_answers_are_counted_within_their_group():
    answers = RNG.integers(0, 2, size=(20, 6, 3))
    answers[0] = answers[0, :1]  # all alike
    expected = np.mean([len(np.unique(group, axis=0)) for group in answers])
    seen = observe(sequence_group(6), rewards=np.zeros((20, 6)), inputs=(None, jnp.asarray(answers)))
    assert measure("distinct_candidates", seen) == pytest.approx(expected)
    assert 1 < expected < 6


def test_distinct_tokens_are_counted_at_each_prefix():
    tokens = RNG.integers(0, 4, size=(5, 3, 6))
    expected = np.mean([len(set(group.tolist())) for group in tokens.reshape(-1, 6)])
    seen = observe(
        TokenGroup(DENSE, 5, 6), rewards=np.zeros(tokens.shape), inputs=(None, None, jnp.asarray(tokens))
    )
    assert measure("distinct_candidates", seen) == pytest.approx(expected)


def standardized(scores):
    scores = np.asarray(scores, np.float64)
    return (scores - scores.mean()) / scores.std() if scores.std() > 1e-6 else np.zeros(scores.shape)


def target(old_logp, scores, eta=1.0, anchor=True):
    weights = np.exp(anchor * np.asarray(old_logp, np.float64) + standardized(scores) / eta)
    return weights / weights.sum()


def by_group(weigh):
    return lambda old_logp, scores: np.array([weigh(*group) for group in zip(old_logp, scores, strict=True)])


WEIGHTS = {
    "TPO": (objectives.tpo, {}, by_group(target)),
    "TPO, cold": (objectives.tpo, {"eta": 0.5}, by_group(functools.partial(target, eta=0.5))),
    "TPO (no anchor)": (objectives.tpo, {"anchor": False}, by_group(functools.partial(target, anchor=False))),
    "GRPO": (objectives.grpo, {}, by_group(lambda _, scores: abs(standardized(scores)))),
    "GRPO (no KL)": (
        objectives.grpo,
        {"kl_coef": 0.0},
        by_group(lambda _, scores: abs(standardized(scores))),
    ),
    "Group PG": (
        objectives.group_pg,
        {"eta": 2.0},
        by_group(lambda _, scores: abs(standardized(scores)) / 2),
    ),
    "PPO": (objectives.ppo, {}, lambda _, scores: abs(scores)),
    "REINFORCE": (objectives.reinforce, {}, lambda _, scores: abs(scores)),
    "DG": (
        objectives.dg,
        {"eta": 0.7},
        lambda old_logp, scores: abs(scores / (1 + np.exp(scores * old_logp / 0.7))),
    ),
}


@pytest.mark.parametrize("rewards", [case[0] for case in GROUPS.values()], ids=list(GROUPS))
@pytest.mark.parametrize("method", WEIGHTS)
def test_weights_are_averaged_over_successes_and_over_failures(method, rewards):
    function, keywords, weigh = WEIGHTS[method]
    rewards = np.asarray(rewards, np.float64)
    in_groups = method.split(",")[0] not in ("PPO", "REINFORCE", "DG")
    rollout = sequence_group(4) if in_groups else Single(TERMINAL, len(rewards), BASELINES["batch_mean"])
    scores = rewards if in_groups else rewards - rewards.mean(axis=0)
    old_logp = -RNG.exponential(size=rewards.shape)
    seen = observe(
        rollout,
        functools.partial(function, **keywords),
        rewards=rewards,
        scores=scores,
        old_logp=old_logp,
        target=functools.partial(objectives.tpo_target, **keywords) if method.startswith("TPO") else None,
    )
    weights = weigh(old_logp, scores)
    for name, chosen in (("success_weight", rewards == 1), ("failure_weight", rewards < 1)):
        expected = weights[chosen].mean() if chosen.any() else np.nan
        assert measure(name, seen) == pytest.approx(expected, rel=1e-4, abs=1e-6, nan_ok=True)


def test_the_weights_of_a_masked_objective_are_those_of_its_loss():
    masked = objectives.informative_only(functools.partial(objectives.grpo))
    seen = observe(sequence_group(2), masked, rewards=[[0, 1], [0, 0], [1, 1]])
    # The only informative group of three counts three times; the others hold as many successes as failures.
    assert measure("success_weight", seen) == pytest.approx((3 + 0 + 0) / 3)
    assert measure("failure_weight", seen) == pytest.approx((3 + 0 + 0) / 3)


@pytest.mark.parametrize("keywords", [{}, {"eta": 0.25}, {"anchor": False}], ids=str)
def test_entropy_of_the_target_and_its_distance_from_the_policy(keywords):
    scores, old_logp = np.array([[0, 1, 0, 0], [0, 0, 0, 0]]), -RNG.exponential(size=(2, 4))
    logp = -RNG.exponential(size=(2, 4, 3))
    seen = observe(
        sequence_group(4),
        functools.partial(objectives.tpo, **keywords),
        rewards=scores,
        old_logp=old_logp,
        inputs=(jnp.zeros((2, 3), int), jnp.zeros((2, 4, 3), int)),
        after=Fixed(jnp.asarray(logp, jnp.float32)),
        target=functools.partial(objectives.tpo_target, **keywords),
    )
    q = by_group(functools.partial(target, **keywords))(old_logp, scores)
    p = np.exp(logp.sum(axis=-1))
    p /= p.sum(axis=-1, keepdims=True)
    assert measure("target_entropy", seen) == pytest.approx(-(q * np.log(q)).sum(axis=-1).mean(), rel=1e-5)
    assert measure("target_gap", seen) == pytest.approx(abs(p - q).sum(axis=-1).mean(), rel=1e-5)


def test_a_target_of_a_single_candidate_has_no_entropy():
    seen = observe(
        sequence_group(2),
        rewards=[[0, 1]],
        old_logp=np.zeros((1, 2)),
        target=functools.partial(objectives.tpo_target, eta=1e-3),
    )
    assert measure("target_entropy", seen) == 0


def test_probes_of_a_real_episode():
    task, epochs = TokenTask("reverse_copy", "terminal", 2, 2), 3
    objective = functools.partial(objectives.tpo, eta=1.0, anchor=True)
    rollout = SequenceGroup(task, 12, 4)
    too_large = {"pass_at_8", "pass_at_16", "pass_at_32"}  # for groups of four
    names = [name for name, needs in NEEDS.items() if "policy" not in needs and name not in too_large]
    probes = {name: PROBES[name] for name in names}
    trainer = Trainer(rollout, objective, optax.sgd(0.5), epochs, probes, target=objectives.tpo_target)
    make = eqx.filter_jit(CausalTransformer)
    before = make(vocab_size=2, horizon=2, width=4, layers=1, heads=1, key=jax.random.key(0))
    key = jax.random.key(1)
    _, metrics = eqx.filter_jit(trainer.episode)(trainer.start(before, key), key, jnp.int32(0))

    batch, _ = eqx.filter_jit(rollout.draw)(before, None, key)

    @eqx.filter_jit
    def gradient_and_log_probs(policy):
        def loss(policy):
            logp = rollout.log_probs(policy, batch)
            return objective(logp, batch.old_logp, batch.scores).mean(), logp

        return eqx.filter_grad(loss, has_aux=True)(policy)

    policy, norms = before, []
    for _ in range(epochs):
        gradient, _ = gradient_and_log_probs(policy)
        norms.append(np.sqrt(sum((np.asarray(leaf) ** 2).sum() for leaf in jax.tree.leaves(gradient))))
        policy = jax.tree.map(lambda leaf, g: leaf - 0.5 * g, policy, gradient)
    logp = np.asarray(gradient_and_log_probs(policy)[1], np.float64)
    p = np.exp(logp) / np.exp(logp).sum(axis=-1, keepdims=True)
    scores, answers = np.asarray(batch.scores), np.asarray(batch.inputs[1])
    old_logp = np.asarray(batch.old_logp, np.float64)
    q = by_group(target)(old_logp, scores)
    old_p = np.exp(old_logp) / np.exp(old_logp).sum(axis=-1, keepdims=True)
    shift, right = abs(q - old_p).sum(axis=-1), (scores == 1).sum(axis=-1)
    distinct_right = [
        len({tuple(a) for a, hit in zip(group, of, strict=True) if hit == 1})
        for group, of in zip(answers, scores, strict=True)
    ]
    expected = {
        "target_shift": shift.mean(),
        "inactive_share": (shift < 0.05).mean(),
        "largest_probability": old_p.max(axis=-1).mean(),
        "effective_candidates": (1 / (old_p**2).sum(axis=-1)).mean(),
        "logp_spread": old_logp.std(axis=-1).mean(),
        "answer_length": 2.0,
        "entropy": -old_logp.mean() / 2,
        "clipped_share": 0.0,
        "update_kl": (np.exp(logp - old_logp) - 1 - (logp - old_logp)).mean(),
        "distinct_right": np.mean(distinct_right),
        "pass_at_1": (right / 4).mean(),
        "pass_at_2": np.mean([1 - math.comb(4 - c, 2) / math.comb(4, 2) for c in right]),
        "pass_at_4": (right > 0).mean(),
        "gradient_norm": norms[0],
        "success_share": (scores == 1).any(axis=1).mean(),
        "all_fail_share": (scores < 1).all(axis=1).mean(),
        "zero_variance_share": (scores.std(axis=1) <= 1e-6).mean(),
        "distinct_candidates": np.mean([len(np.unique(group, axis=0)) for group in answers]),
        "success_weight": q[scores == 1].mean(),
        "failure_weight": q[scores < 1].mean(),
        "target_entropy": -(q * np.log(q)).sum(axis=-1).mean(),
        "target_gap": abs(p - q).sum(axis=-1).mean(),
    }
    assert set(metrics) == {"error", "loss", *expected}
    for name, value in expected.items():
        assert float(metrics[name]) == pytest.approx(value, rel=2e-4), name
    assert 0 < expected["success_share"] < 1


# --- where they are allowed ---

TOKENS = {"kind": "tokens", "target": "copy", "reward": "sequential", "horizon": 3, "vocab_size": 2}
BANDIT = {"kind": "context_table", "contexts": 3, "actions": 3}
ROLLOUTS = {
    "single": {"kind": "single", "prompts": 4},
    "sequence_group": {"kind": "sequence_group", "prompts": 4, "candidates": 2},
    "token_group": {"kind": "token_group", "prompts": 4, "candidates": 2},
    "exact_group": {"kind": "exact_group", "contexts": "all"},
    "sampled_actions": {"kind": "sampled_actions", "contexts": "all", "baseline": "expected"},
}


def config_of(rollout, objective, probes, own=None):
    in_table = rollout in ("exact_group", "sampled_actions")
    return Config.model_validate(
        {
            "task": BANDIT if in_table else TOKENS,
            "policy": {"kind": "logit_table" if in_table else "transformer"},
            "optimizer": {"kind": "adam", "learning_rate": 1e-3},
            "schedule": {"steps": 3},
            "probes": probes,
            "method": [
                {"name": "M", "objective": {"kind": objective}, "rollout": ROLLOUTS[rollout], **(own or {})}
            ],
        }
    )


def allowed(rollout, objective):
    """The probes that a cell takes."""
    names = set()
    for name in PROBES:
        try:
            expand(config_of(rollout, objective, [name]))
        except ConfigError:
            continue
        names.add(name)
    return names


def test_names_in_configs_are_those_of_the_functions():
    assert list(NEEDS) == list(PROBES)


@pytest.mark.parametrize(
    ("rollout", "objective", "names"),
    [
        ("single", "ppo", "gradient_norm success_share success_weight failure_weight"),
        (
            "sequence_group",
            "grpo",
            "gradient_norm success_share success_weight failure_weight all_fail_share zero_variance_share "
            "distinct_candidates inactive_share largest_probability effective_candidates logp_spread "
            "answer_length entropy clipped_share update_kl distinct_right pass_at_1 pass_at_2",
        ),
        (
            "token_group",
            "tpo",
            "gradient_norm success_share success_weight failure_weight all_fail_share zero_variance_share "
            "distinct_candidates target_entropy target_gap target_shift",
        ),
        (
            "exact_group",
            "tpo",
            "gradient_norm zero_variance_share target_entropy target_gap target_shift misalignment "
            "error_after",
        ),
        ("sampled_actions", "reinforce", "gradient_norm misalignment error_after"),
    ],
)
def test_a_cell_takes_the_probes_that_have_a_meaning_for_it(rollout, objective, names):
    assert allowed(rollout, objective) == set(names.split())


def test_a_probe_without_a_meaning_is_refused_with_the_fix():
    with pytest.raises(ConfigError) as told:
        expand(config_of("single", "ppo", ["gradient_norm", "zero_variance_share", "target_gap"]))
    first, second = sorted(str(told.value).splitlines())
    assert "method 'M': objective.kind: probe 'target_gap' needs objective.kind = 'tpo', not 'ppo'" in first
    assert "rollout.kind: probe 'zero_variance_share' needs rollout.kind = 'sequence_group' or" in second
    assert "not 'single'; remove it from probes, or give the method its own probes = [...]" in second


@pytest.mark.parametrize("own", [["gradient_norm"], []])
def test_a_method_may_have_its_own_probes(own):
    (cell,) = expand(config_of("single", "ppo", ["target_gap"], {"probes": own}))
    assert cell.probes == tuple(own)
    assert cell.metrics == ("error", "loss", *own)


def test_an_unknown_probe_of_a_method_is_refused():
    with pytest.raises(ValueError, match="'gradient_nrm' is not a probe; did you mean 'gradient_norm'"):
        config_of("single", "ppo", [], {"probes": ["gradient_nrm"]})
