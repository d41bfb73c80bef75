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


def naive_tpo(logp, old_logp, scores, *, eta=1.0, anchor=True, cap=1.0):
    if anchor == "ratio":
        logp, old_logp = differences(logp, old_logp), [0.0] * len(logp)
    if anchor == "capped":
        scale = max(1.0, mean_and_std(old_logp)[1] / cap)
        logp, old_logp = [x / scale for x in logp], [x / scale for x in old_logp]
    if anchor == "tempered":
        scale = max(1.0, mean_and_std(old_logp)[1] / cap)
        logp = [now - (1 - 1 / scale) * before for now, before in zip(logp, old_logp, strict=True)]
        old_logp = [x / scale for x in old_logp]
    p, old_p, u = softmax(logp), softmax(old_logp), standardized(scores)
    unnormalized = [(o if anchor else 1.0) * math.exp(x / eta) for o, x in zip(old_p, u, strict=True)]
    q = [value / math.fsum(unnormalized) for value in unnormalized]
    return -math.fsum(target * math.log(now) for target, now in zip(q, p, strict=True))


def differences(logp, old_logp):
    return [now - before for now, before in zip(logp, old_logp, strict=True)]


def mean(values):
    return math.fsum(values) / len(values)


def centered(values):
    return [value - mean(values) for value in values]


def naive_kl(p, q):
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def naive_lpo(logp, old_logp, scores, *, divergence="forward", tau=1.0):
    p, target = softmax(differences(logp, old_logp)), softmax([score / tau for score in scores])
    return naive_kl(target, p) if divergence == "forward" else naive_kl(p, target)


def naive_dmpo(logp, old_logp, scores, *, divergence="mse", beta=1.0, tau=1 / 15, clip=0.2):
    advantages = standardized(scores)
    p, target = softmax(logp), softmax([advantage / tau for advantage in advantages])
    earned = [
        naive_surrogate(now, before, advantage, clip)
        for now, before, advantage in zip(logp, old_logp, advantages, strict=True)
    ]
    if divergence == "mse":
        distance = mean([(a - b) ** 2 for a, b in zip(p, target, strict=True)])
    else:
        middle = [(a + b) / 2 for a, b in zip(p, target, strict=True)]
        distance = (naive_kl(p, middle) + naive_kl(target, middle)) / 2
    return beta * distance - mean(earned)


def naive_gvpo(logp, old_logp, scores, *, beta=0.1):
    pairs = zip(centered(scores), centered(differences(logp, old_logp)), strict=True)
    return 0.5 * math.fsum((score - beta * d) ** 2 for score, d in pairs) / (len(scores) - 1)


def naive_rebel(logp, old_logp, scores, *, eta=1.0):
    d, k = differences(logp, old_logp), range(len(scores))
    return mean([((d[i] - d[j]) / eta - (scores[i] - scores[j])) ** 2 for i in k for j in k if i < j])


def naive_opmd(logp, old_logp, scores, *, tau=0.01):
    d, advantages = differences(logp, old_logp), centered(scores)
    return mean([-a * now + tau / 2 * x**2 for a, now, x in zip(advantages, logp, d, strict=True)])


def naive_awr(logp, _old_logp, scores, *, beta=1.0, max_weight=20.0):
    weights = [min(math.exp(advantage / beta), max_weight) for advantage in centered(scores)]
    return -mean([weight * now for weight, now in zip(weights, logp, strict=True)])


def naive_mpo(logp, _old_logp, scores, *, eta=1.0):
    weights = softmax([score / eta for score in scores])
    return -math.fsum(weight * now for weight, now in zip(weights, logp, strict=True))


def naive_v_mpo(logp, _old_logp, scores, *, eta=1.0):
    least = sorted(scores, reverse=True)[max(len(scores) // 2, 1) - 1]
    better = [(now, score) for now, score in zip(logp, scores, strict=True) if score >= least]
    return naive_mpo([now for now, _ in better], None, [score for _, score in better], eta=eta)


def naive_pmpo(logp, old_logp, scores, *, alpha=0.5, beta=1.0):
    u = standardized(scores)
    accepted = [now for now, x in zip(logp, u, strict=True) if x > 0]
    rejected = [now for now, x in zip(logp, u, strict=True) if x < 0]
    loss = beta * mean([math.exp(d) - d - 1 for d in differences(logp, old_logp)])
    if accepted:
        loss += -alpha * mean(accepted) + (1 - alpha) * mean(rejected)
    return loss


def naive_mdpo(logp, old_logp, scores, *, step=1.0):
    terms = []
    for advantage, d in zip(centered(scores), differences(logp, old_logp), strict=True):
        ratio = math.exp(d)
        terms.append(-ratio * advantage + (ratio * d - ratio + 1) / step)
    return mean(terms)


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
    "lpo": naive_lpo,
    "dmpo": naive_dmpo,
    "gvpo": naive_gvpo,
    "rebel": naive_rebel,
    "opmd": naive_opmd,
    "awr": naive_awr,
    "mpo": naive_mpo,
    "v_mpo": naive_v_mpo,
    "pmpo": naive_pmpo,
    "mdpo": naive_mdpo,
    "grpo": naive_grpo,
    "group_pg": naive_group_pg,
    "cross_entropy": naive_cross_entropy,
    "ppo": naive_ppo,
    "dg": naive_dg,
    "reinforce": naive_reinforce,
}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
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
