"""Every loss against the plainest float64 loop that its equation allows."""

import math

import numpy as np
import pytest


def softmax(logits):
    exponentials = [math.exp(logit - max(logits)) for logit in logits]
    return [value / math.fsum(exponentials) for value in exponentials]


def mean_and_std(scores):
    mean = math.fsum(scores) / len(scores)
    return mean, math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))


def standardized(scores, epsilon=0.0):
    mean, std = mean_and_std(scores)
    return [(score - mean) / (std + epsilon) if std > 1e-6 else 0.0 for score in scores]


def naive_tpo(logp, old_logp, scores, *, eta=1.0, anchor=True):
    p, old_p, u = softmax(logp), softmax(old_logp), standardized(scores)
    unnormalized = [(o if anchor else 1.0) * math.exp(x / eta) for o, x in zip(old_p, u, strict=True)]
    q = [value / math.fsum(unnormalized) for value in unnormalized]
    return -math.fsum(target * math.log(now) for target, now in zip(q, p, strict=True))


def naive_surrogate(now, before, advantage, clip):
    ratio = math.exp(now) / math.exp(before)
    return min(ratio * advantage, min(max(ratio, 1 - clip), 1 + clip) * advantage)


def naive_grpo(logp, old_logp, scores, *, clip=0.2, kl_coef=0.04):
    total = 0.0
    for now, before, advantage in zip(logp, old_logp, standardized(scores, 1e-8), strict=True):
        kl = math.exp(before) / math.exp(now) + (now - before) - 1
        total -= naive_surrogate(now, before, advantage, clip) - kl_coef * kl
    return total


def naive_group_pg(logp, _old_logp, scores, *, eta=1.0):
    return -math.fsum(u * now / eta for now, u in zip(logp, standardized(scores), strict=True))


def naive_cross_entropy(logp, _old_logp, scores):
    if mean_and_std(scores)[1] <= 1e-6:
        return 0.0
    p = softmax(logp)
    best = [k for k, score in enumerate(scores) if score == max(scores)]
    return math.fsum(-math.log(p[k]) for k in best) / len(best)


def naive_ppo(now, before, advantage, *, clip=0.2):
    return -naive_surrogate(now, before, advantage, clip)


def naive_dg(now, _before, advantage, *, eta=1.0):
    return -advantage * now / (1 + math.exp(advantage * now / eta))


def naive_reinforce(now, _before, advantage):
    return -advantage * now


NAIVE = {
    "tpo": naive_tpo,
    "grpo": naive_grpo,
    "group_pg": naive_group_pg,
    "cross_entropy": naive_cross_entropy,
    "ppo": naive_ppo,
    "dg": naive_dg,
    "reinforce": naive_reinforce,
}


@pytest.mark.parametrize("seed", range(2))
def test_loss_equals_the_naive_loop(case, precision, batch, seed):
    arrays = batch(seed, precision.dtype)
    losses = np.asarray(case(*arrays))
    logp, old_logp, scores = (np.asarray(array, np.float64) for array in arrays)
    naive = NAIVE[case.name]
    expected = np.zeros(losses.shape)
    for index in np.ndindex(losses.shape):
        row = (array[index].tolist() for array in (logp, old_logp, scores))
        expected[index] = naive(*row, **case.options)
    np.testing.assert_allclose(losses, expected, rtol=precision.tolerance, atol=precision.tolerance)


@pytest.mark.parametrize("anchor", [True, False])
@pytest.mark.parametrize("eta", [0.3, 1.0, 5.0])
def test_target_is_the_tilted_old_policy(precision, batch, eta, anchor):
    from tpo_objectives import tpo_target

    _, old_logp, scores = batch(0, precision.dtype)
    target = np.asarray(tpo_target(old_logp, scores, eta=eta, anchor=anchor))
    for q, old_row, score_row in zip(target, old_logp, scores, strict=True):
        old_p = softmax(np.asarray(old_row, np.float64).tolist())
        u = standardized(np.asarray(score_row, np.float64).tolist())
        tilted = [(o if anchor else 1.0) * math.exp(x / eta) for o, x in zip(old_p, u, strict=True)]
        np.testing.assert_allclose(q, np.array(tilted) / sum(tilted), rtol=20 * precision.tolerance)
