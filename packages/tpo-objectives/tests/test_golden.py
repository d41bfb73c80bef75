"""The parts of objectives against numbers that TRL, verl and RLax computed from the same inputs.

`data/golden.json` holds inputs, losses with their gradients in `logp`, advantages and weights. Where a
library differs from the published equation, the table says how, and the comparison accounts for it exactly.
"""

import json
import pathlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_objectives import advantages, aggregates, batch_mean, corrections, kl, policy_gradient, surrogates

GOLDEN = json.loads((pathlib.Path(__file__).parent / "data" / "golden.json").read_text())
# The inputs are float32 numbers with nine digits, which identify them.
INPUTS = {name: np.array(value, np.float32).astype(np.float64) for name, value in GOLDEN["inputs"].items()}
WHERE = INPUTS["where"] > 0
# The numbers have nine digits; verl adds 1e-8 to denominators and standardizes several rewards in float32.
CLOSE = {"rtol": 1e-6, "atol": 1e-12}

wide = partial(surrogates.clipped, low=0.2, high=0.28)
narrow = partial(surrogates.clipped, low=0.1, high=0.15)
dual = partial(wide, dual=3.0)
# A ratio without a clip.
free = partial(surrogates.clipped, low=1e6, high=1e6)
by_answer = {"aggregate": aggregates.sequence_mean}
by_sum = {"aggregate": aggregates.sequence_sum}
by_token = {"aggregate": aggregates.token_mean}
penalty = {"kl_coef": 0.1}


def read(name):
    """An input, in float64 where that is switched on."""
    return jnp.asarray(INPUTS[name])


def mpo_weights(scores, *, where):
    """A softmax over the group, times `k`: the loss of the batch is a mean over answers, not a sum."""
    return scores.shape[-1] * jax.nn.softmax(scores / 0.7, axis=-1)


def vmpo_weights(scores, *, where):
    """A softmax over the better half of the whole batch, times the number of answers."""
    logits = jnp.where(scores >= jnp.median(scores), scores / 0.7, -jnp.inf)
    return scores.size * jax.nn.softmax(logits.reshape(-1)).reshape(scores.shape)


LOSSES = {
    # TRL's losses have no dual clip by default; "grpo" is the mean of the answers' token means.
    "trl grpo": {"surrogate": wide, **by_answer},
    "trl grpo beta": {"surrogate": wide, **by_answer, **penalty},
    # "bnpo" and "dapo" are the same on one batch: they differ in what accumulated batches are divided by.
    "trl bnpo": {"surrogate": wide, **by_token},
    "trl bnpo beta": {"surrogate": wide, **by_token, **penalty},
    "trl dapo": {"surrogate": wide, **by_token},
    "trl dapo beta": {"surrogate": wide, **by_token, **penalty},
    # "dr_grpo" divides by the longest completion that is allowed, here 8.
    "trl dr_grpo": {"surrogate": wide, "aggregate": partial(aggregates.sequence_sum, length=8.0)},
    "trl dr_grpo beta": {
        "surrogate": wide,
        "aggregate": partial(aggregates.sequence_sum, length=8.0),
        **penalty,
    },
    # `delta` caps the ratio at any sign of the advantage. At a positive one the clip is below it.
    "trl grpo delta": {"surrogate": dual, **by_answer},
    # At the level of sequences the ratio is the geometric mean, as in GSPO; the penalty stays one of tokens.
    "trl grpo sequence": {"surrogate": narrow, "ratio": "sequence_mean", **by_answer},
    "trl grpo sequence beta": {"surrogate": narrow, "ratio": "sequence_mean", **by_answer, **penalty},
    "trl dapo sequence": {"surrogate": narrow, "ratio": "sequence_mean", **by_token},
    # "luspo" counts the loss of an answer once for each of its tokens.
    "trl luspo sequence": {"surrogate": narrow, "ratio": "sequence_mean", **by_sum},
    # `epsilon_high` of "cispo" is the cap itself, not its distance from 1; there is no floor.
    "trl cispo": {"surrogate": partial(surrogates.cispo, cap=2.0), **by_token},
    # The weight is that of the answer, and log-probs are those of tokens: their sum is that of their means.
    "trl cispo sequence": {
        "surrogate": partial(surrogates.cispo, cap=1.2),
        "ratio": "sequence_mean",
        **by_token,
    },
    "trl sapo": {"surrogate": surrogates.sapo, **by_answer},
    "trl sapo sequence": {
        "surrogate": partial(surrogates.sapo, tau_positive=1.5, tau_negative=2.0),
        "ratio": "sequence_mean",
        **by_answer,
    },
    # verl's clipped surrogate always has a dual clip, by default at 3. "norm" divides by the padded length.
    "verl vanilla token-mean": {"surrogate": dual, **by_token},
    "verl vanilla seq-mean-token-sum": {"surrogate": dual, **by_sum},
    "verl vanilla seq-mean-token-mean": {"surrogate": dual, **by_answer},
    "verl vanilla seq-mean-token-sum-norm": {
        "surrogate": dual,
        "aggregate": partial(aggregates.sequence_sum, length=6.0),
    },
    "verl vanilla dual": {"surrogate": partial(wide, dual=1.5), **by_token},
    # Importance weights multiply the surrogate alone.
    "verl vanilla truncated": {"surrogate": dual, **by_token},
    "verl vanilla masked": {"surrogate": dual, **by_token},
    # The KL loss is aggregated as the surrogate is.
    "verl vanilla k1": {"surrogate": dual, **by_token, **penalty, "kl_estimator": kl.k1},
    "verl vanilla k2": {"surrogate": dual, **by_token, **penalty, "kl_estimator": kl.k2},
    "verl vanilla k3": {"surrogate": dual, **by_token, **penalty, "kl_estimator": kl.k3},
    # verl gives each token the ratio of its answer, with a gradient of its own; the sums are the same.
    "verl gspo token-mean": {"surrogate": narrow, "ratio": "sequence_mean", **by_token},
    "verl gspo seq-mean-token-sum": {"surrogate": narrow, "ratio": "sequence_mean", **by_sum},
    "verl gspo seq-mean-token-mean": {"surrogate": narrow, "ratio": "sequence_mean", **by_answer},
    # Whatever the mode, verl aggregates SAPO by answers.
    "verl sapo": {
        "surrogate": partial(surrogates.sapo, tau_positive=1.5, tau_negative=2.0),
        **by_answer,
    },
    # GMPO clips each token's log-ratio on one side, by `one_sided`; the ratio of the answer is free.
    "verl geo_mean": {"surrogate": free, "ratio": "sequence_mean", **by_answer},
    # verl's CISPO has a floor, and options that are distances from 1: 1 - 0.3 and 1 + 0.9.
    "verl cispo": {"surrogate": partial(surrogates.cispo, floor=0.7, cap=1.9), **by_token},
    "verl dppo_tv": {"surrogate": partial(surrogates.dppo, delta=0.15, cap=2.5), **by_token},
    "verl gpg": {"surrogate": surrogates.plain, **by_token},
    "verl dro": {"surrogate": partial(surrogates.dro, beta=0.3), **by_token},
    # RLax's MPO is a sum over the samples of a state, with the temperature fixed and no KL constraint.
    "rlax mpo": {"advantage": mpo_weights, "surrogate": surrogates.plain, **by_sum},
    "rlax vmpo": {"advantage": vmpo_weights, "surrogate": surrogates.plain, **by_sum},
    # RLax's PPO knows no answers: a mean over all tokens.
    "rlax clipped_surrogate": {"surrogate": surrogates.clipped, **by_token},
}
# verl leaves an answer without a token out of the mean over answers; "norm" divides by a length of 8.
AGGREGATES = {
    "verl agg_loss token-mean": aggregates.token_mean,
    "verl agg_loss seq-mean-token-sum": aggregates.sequence_sum,
    "verl agg_loss seq-mean-token-mean": aggregates.sequence_mean,
    "verl agg_loss seq-mean-token-sum-norm": partial(aggregates.sequence_sum, length=8.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_those_of_the_libraries(name, x64):
    given, old_logp, where = read("advantages"), read("old_logp"), jnp.asarray(WHERE)
    options = {"advantage": partial(advantages.against, baseline=jnp.zeros_like(given)), **LOSSES[name]}
    if name in ("verl vanilla truncated", "verl vanilla masked"):
        options["weights"] = jnp.array(GOLDEN["advantages"][f"verl weights {name.split()[-1]}"])

    def loss(logp):
        if name == "verl geo_mean":
            logp = one_sided(logp, old_logp, given, low=0.4, high=0.3)
        losses = policy_gradient(logp, old_logp, given, ref_logp=read("ref_logp"), where=where, **options)
        return batch_mean(losses, where=where)

    check(name, loss)


def one_sided(logp, old_logp, given, *, low, high):
    """Log-probs whose log-ratio is clipped where its token may earn no more."""
    d = logp - old_logp
    return old_logp + jnp.where(given[..., None] > 0, jnp.minimum(d, high), jnp.maximum(d, -low))


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_are_those_of_verl(name, x64):
    exists = jnp.asarray(WHERE & (np.arange(12).reshape(3, 4, 1) != 5))
    check(name, lambda losses: batch_mean(AGGREGATES[name](losses, where=exists), where=exists))


def check(name, loss):
    value, gradient = jax.jit(jax.value_and_grad(loss))(jnp.asarray(INPUTS["logp"]))
    np.testing.assert_allclose(value, GOLDEN["losses"][name]["loss"], **CLOSE)
    np.testing.assert_allclose(gradient, GOLDEN["losses"][name]["gradient"], **CLOSE)


def by_sample(values, epsilon):
    """From the population deviation as divisor to the sample deviation plus a small number."""
    std, k = jnp.std(values, axis=-1, keepdims=True), values.shape[-1]
    return std / (std * np.sqrt(k / (k - 1)) + epsilon)


def whitened_over(where, values):
    """Whitened as verl does it: over tokens, by the root of the sample variance plus 1e-8."""
    tokens = jnp.broadcast_to(values[..., None], where.shape)
    white = advantages.whitened(tokens.reshape(3, 24), where=jnp.asarray(where).reshape(3, 24))
    return white.reshape(where.shape)[..., 0] * by_variance(tokens[where])


def by_variance(values):
    variance, n = jnp.var(values), values.size
    return jnp.sqrt(variance / (variance * n / (n - 1) + 1e-8))


def summed():
    """The sum of standardized rewards, each by its sample deviation."""
    each = advantages.standardized(jnp.moveaxis(read("rewards"), -1, 0))
    return jnp.sum(each, axis=0) * np.sqrt(3 / 4)


def correction(part, **options):
    """The weights of a correction; verl's weight of padding is 0."""
    where = jnp.asarray(WHERE)
    return part(read("old_logp"), read("sampler_logp"), where=where, **options) * where.astype(jnp.float64)


ADVANTAGES = {
    # TRL divides by the sample deviation plus 1e-4, and verl by that plus 1e-6.
    "trl group": lambda scores: advantages.standardized(scores) * by_sample(scores, 1e-4),
    "verl grpo": lambda scores: advantages.standardized(scores) * by_sample(scores, 1e-6),
    # "batch" centers on the group and divides by the sample deviation of the batch plus 1e-4.
    "trl batch": lambda scores: advantages.centered(scores) / (jnp.std(scores, ddof=1) + 1e-4),
    "trl none": advantages.centered,
    "verl grpo centered": advantages.centered,
    # GDPO: within groups, a small number added is nothing beside rewards of 1e4, and a factor that all groups
    # share does not outlive whitening. TRL whitens by the sample deviation plus 1e-4, verl over tokens.
    "trl normalize_then_sum": lambda scores: (
        advantages.each_standardized(read("rewards")) * by_sample(summed().reshape(1, 12), 1e-4)
    ),
    "verl gdpo": lambda scores: whitened_over(WHERE, summed()),
    "verl gdpo equal lengths": lambda scores: (
        advantages.each_standardized(read("rewards")) * by_variance(jnp.repeat(summed(), 6))
    ),
    "verl rloo": advantages.leave_one_out,
    "verl opo": lambda scores: advantages.length_weighted(scores, jnp.asarray(WHERE.sum(-1) * 1.0)),
    # verl's GPG multiplies by all answers over those whose score is not 0.
    "verl gpg": lambda scores: advantages.centered(scores) * (12 / np.count_nonzero(scores)),
    "verl remax": lambda scores: advantages.against(scores, jnp.repeat(read("greedy")[:, None], 4, axis=1)),
    # REINFORCE++ without discount: verl whitens over tokens, so that long answers count more.
    "verl reinforce_plus_plus": lambda scores: whitened_over(WHERE, scores),
    "verl reinforce_plus_plus_baseline": lambda scores: whitened_over(WHERE, advantages.centered(scores)),
    # With answers of equal lengths, tokens and answers weigh the same; the sample is still that of tokens.
    "verl reinforce_plus_plus equal lengths": lambda scores: (
        advantages.whitened(scores) * by_variance(jnp.repeat(scores, 6))
    ),
    "verl reinforce_plus_plus_baseline equal lengths": lambda scores: (
        advantages.whitened(advantages.centered(scores))
        * by_variance(jnp.repeat(advantages.centered(scores), 6))
    ),
    "verl weights truncated": lambda scores: correction(corrections.truncated, cap=1.2),
    "verl weights masked": lambda scores: correction(corrections.masked, low=0.7, high=1.4),
}


@pytest.mark.parametrize("name", ADVANTAGES)
def test_advantages_and_weights_are_those_of_the_libraries(name, x64):
    np.testing.assert_allclose(ADVANTAGES[name](read("scores")), GOLDEN["advantages"][name], **CLOSE)


@pytest.mark.parametrize("estimator", [kl.k1, kl.k2, kl.k3], ids=lambda estimator: estimator.__name__)
def test_kl_estimators_are_those_of_verl(estimator, x64):
    x, recorded = read("log_ratios"), GOLDEN["kl"][f"verl {estimator.__name__}"]
    value = np.asarray(estimator(x, jnp.zeros_like(x)))
    gradient = np.asarray(jax.grad(lambda x: estimator(x, jnp.zeros_like(x)).sum())(x))
    # verl clips the log-ratio of k3 to [-20, 20], as we do, and that of no other; it cuts k3 off at 10.
    shared = np.abs(INPUTS["log_ratios"]) <= 20
    if estimator is kl.k3:
        shared = value < 10
        np.testing.assert_allclose(np.minimum(value, 10), recorded["value"], **CLOSE)
    np.testing.assert_allclose(value[shared], np.array(recorded["value"])[shared], **CLOSE)
    np.testing.assert_allclose(gradient[shared], np.array(recorded["gradient"])[shared], **CLOSE)


def test_every_recorded_number_is_compared():
    assert set(GOLDEN["losses"]) == {*LOSSES, *AGGREGATES}
    assert set(GOLDEN["advantages"]) == set(ADVANTAGES)
    assert set(GOLDEN["kl"]) == {"verl k1", "verl k2", "verl k3"}
