"""Every objective of answers against plain loops over lists, in which nothing is padded or masked."""

import math

import numpy as np
import pytest


def mean(values):
    return math.fsum(values) / len(values)


def std(values):
    return math.sqrt(mean([(value - mean(values)) ** 2 for value in values]))


def standardized(values):
    spread = std(values)
    return [(value - mean(values)) / spread if spread > 1e-6 else 0.0 for value in values]


def centered(values):
    return [value - mean(values) for value in values]


def leave_one_out(values):
    others = [values[:i] + values[i + 1 :] for i in range(len(values))]
    return [value - mean(rest) if rest else 0.0 for value, rest in zip(values, others, strict=True)]


def relative(values):
    return [(value - mean(values)) / mean(values) for value in values]


def of_groups(advantage):
    return lambda scores, lengths: [advantage(group) for group in scores]


def whitened(scores, lengths):
    flat = iter(standardized([score for group in scores for score in group]))
    return [[next(flat) for _ in group] for group in scores]


def whitened_offsets(scores, lengths):
    return whitened([centered(group) for group in scores], lengths)


def of_two_rewards(scores, lengths):
    passed = [[float(score > 0.5) for score in group] for group in scores]
    sums = [
        [x + y for x, y in zip(standardized(one), standardized(two), strict=True)]
        for one, two in zip(scores, passed, strict=True)
    ]
    return whitened(sums, lengths)


def length_weighted(scores, lengths):
    baselines = [np.average(group, weights=tokens) for group, tokens in zip(scores, lengths, strict=True)]
    return [[score - baseline for score in group] for group, baseline in zip(scores, baselines, strict=True)]


def over_informative(scores, lengths):
    share = mean([float(std(group) > 1e-6) for group in scores])
    return [[value / share for value in centered(group)] for group in scores]


ADVANTAGES = {
    "asymre": lambda scores, lengths: [[x + 0.1 for x in centered(group)] for group in scores],
    "dr_grpo": of_groups(centered),
    "dro": of_groups(centered),
    "gdpo": of_two_rewards,
    "gpg": over_informative,
    "maxrl": of_groups(relative),
    "opo": length_weighted,
    "reinforce_pp": whitened,
    "reinforce_pp with baseline": whitened_offsets,
    "remax": lambda scores, lengths: [[x - 0.25 for x in group] for group in scores],
    "rloo": of_groups(leave_one_out),
    "topr": lambda scores, lengths: scores,
}


def clipped(now, old, advantage, *, clip=0.2, low=None, high=None, **_):
    low, high = (clip if side is None else side for side in (low, high))
    ratio = np.exp(now - old)
    return -min(ratio * advantage, min(max(ratio, 1 - low), 1 + high) * advantage)


def plain(now, old, advantage, **_):
    return -advantage * now


def sapo(now, old, advantage, *, tau_positive, tau_negative, **_):
    tau = tau_positive if advantage > 0 else tau_negative
    return -advantage * 4 / tau / (1 + np.exp(-tau * (np.exp(now - old) - 1)))


def cispo_weight(now, old, advantage, *, floor, cap, **_):
    return min(max(np.exp(now - old), floor), cap)


def dppo_weight(now, old, advantage, *, delta, cap, **_):
    moved = np.exp(now) - np.exp(old)
    too_far = moved > delta if advantage > 0 else moved < -delta
    return 0.0 if too_far else min(np.exp(now - old), cap)


def topr_weight(now, old, advantage, **_):
    return 1.0 if advantage >= 0 else min(np.exp(now - old), 1.0)


FROZEN = {"cispo": cispo_weight, "dppo": dppo_weight, "topr": topr_weight}


def frozen(name):
    return lambda now, old, advantage, **options: (
        -FROZEN[name](now, old, advantage, **options) * advantage * now
    )


def gspo(now, old, advantage, *, low, high, **_):
    return clipped(np.mean(now), np.mean(old), advantage, low=low, high=high)


def gmpo(now, old, advantage, *, low, high, **_):
    d = now - old
    d = np.minimum(d, high) if advantage > 0 else np.maximum(d, -low)
    return -advantage * np.prod(np.exp(d)) ** (1 / len(d))


def dro(now, old, advantage, *, beta):
    return -advantage * np.sum(now) + beta / 2 * np.sum(now - old) ** 2


def topr(now, old, advantage):
    return frozen("topr")(np.sum(now), np.sum(old), advantage)


TOKEN_LOSSES = {
    **dict.fromkeys(["asymre", "gpg", "maxrl", "opo", "remax", "rloo"], plain),
    **dict.fromkeys(["dapo", "dr_grpo", "gdpo", "reinforce_pp", "token_grpo"], clipped),
    "cispo": frozen("cispo"),
    "dppo": frozen("dppo"),
    "sapo": sapo,
}
ANSWER_LOSSES = {"dro": dro, "gmpo": gmpo, "gspo": gspo, "topr": topr}
TOKEN_MEAN = ["cispo", "dapo", "dppo", "gpg"]
SUM = ["asymre", "dr_grpo", "maxrl", "opo", "remax", "rloo"]
K2 = ["gpg", "maxrl", "opo", "reinforce_pp", "remax", "rloo"]


def weight_of_tokens(case, lengths):
    """What a token's loss counts in the loss of its answer, for each answer."""
    tokens = [count for group in lengths for count in group]
    if case.name in TOKEN_MEAN:
        return [[len(tokens) / sum(tokens)] * len(group) for group in lengths]
    if case.name in SUM:
        return [[1 / case.options.get("length", 1.0)] * len(group) for group in lengths]
    return [[1 / count for count in group] for group in lengths]


def naive_loss(case, now, old, advantage, weight):
    options = {name: value for name, value in case.options.items() if name != "group_baseline"}
    x = now - old
    penalty = options.get("kl_coef", 0.0) * (x**2 / 2 if case.name in K2 else np.exp(-x) + x - 1)
    if case.name in ANSWER_LOSSES:
        return ANSWER_LOSSES[case.name](now, old, advantage, **options) + weight * np.sum(penalty)
    losses = [TOKEN_LOSSES[case.name](*token, advantage, **options) for token in zip(now, old, strict=True)]
    return weight * np.sum(losses + penalty)


def unpadded(logp, old_logp, scores, where):
    """The answers that exist, as a list of groups of `(index, now, old, score)`."""
    logp, old_logp, scores, where = map(np.asarray, (logp, old_logp, scores, where))
    groups = []
    for group in range(len(where)):
        answers = [((group, i), where[group, i]) for i in range(where.shape[1]) if where[group, i].any()]
        if answers:
            groups.append([(i, logp[i][mask], old_logp[i][mask], scores[i]) for i, mask in answers])
    return groups


def advantages_of(case, groups):
    name = f"{case.name} with baseline" if case.options.get("group_baseline") else case.name
    scores = [[answer[3] for answer in group] for group in groups]
    lengths = [[len(answer[1]) for answer in group] for group in groups]
    advantage = ADVANTAGES.get(name, of_groups(standardized))
    return advantage(scores, lengths), weight_of_tokens(case, lengths)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("x64")
def test_losses_of_ragged_groups_equal_the_naive_loop(answer_case, answers, seed):
    arrays = answers(seed)
    expected = np.zeros((4, 4))
    groups = unpadded(*arrays)
    for group, advantages, weights in zip(groups, *advantages_of(answer_case, groups), strict=True):
        for (index, now, old, _), advantage, weight in zip(group, advantages, weights, strict=True):
            expected[index] = naive_loss(answer_case, now, old, advantage, weight)
    np.testing.assert_allclose(answer_case.run(*arrays)[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_gradients_with_constant_weights_equal_their_closed_form(frozen_case, answers):
    arrays = answers()
    expected = np.zeros(arrays[0].shape)
    groups = unpadded(*arrays)
    for group, advantages, weights in zip(groups, *advantages_of(frozen_case, groups), strict=True):
        for (index, now, old, _), advantage, weight in zip(group, advantages, weights, strict=True):
            for t in range(len(now)):
                unit = (now.sum(), old.sum()) if frozen_case.name == "topr" else (now[t], old[t])
                slope = -advantage * FROZEN[frozen_case.name](*unit, advantage, **frozen_case.options)
                penalty = frozen_case.options.get("kl_coef", 0.0) * (1 - np.exp(old[t] - now[t]))
                share = 1.0 if frozen_case.name == "topr" else weight
                expected[(*index, t)] = share * (slope + penalty)
    # Eight answers exist.
    np.testing.assert_allclose(frozen_case.run(*arrays)[1], expected / 8, rtol=1e-12, atol=1e-12)
