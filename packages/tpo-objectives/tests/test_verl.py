"""TPO's first step as advantages: the gradient of verl's loss is TPO's. verl is not needed."""

import doctest
import os

import jax.numpy as jnp
import numpy as np
import pytest

from tpo_objectives import advantages, logp_gradient, tpo

pytestmark = pytest.mark.adapters
if "torch" not in os.environ.get("TPO_ADAPTERS_REQUIRED", ""):
    pytest.importorskip("torch")

LENGTHS = np.array([[5, 3, 1, 4], [2, 5, 5, 1], [3, 3, 3, 3]])
# verl's order after balancing the lengths of its workers.
ORDER = np.random.default_rng(5).permutation(12)


def batch():
    """Log-probs and token rewards `[3, 4, 5]`, with the reward of an answer at its last token, and a mask."""
    rng = np.random.default_rng(2)
    mask = np.arange(5) < LENGTHS[..., None]
    rewards = np.where(np.arange(5) == LENGTHS[..., None] - 1, rng.uniform(size=(3, 4, 1)), 0.0)
    logp = np.log(rng.uniform(0.05, 0.95, size=(3, 4, 5)))
    return logp, rewards, mask


def shuffled(array):
    import torch

    return torch.as_tensor(array.reshape(12, -1)[ORDER])


def estimated(rewards, mask, **options):
    from tpo_objectives.verl import targeted_advantages

    ids = np.repeat(np.array(["p7", "p1", "p4"], object), 4)[ORDER]
    return targeted_advantages(
        token_level_rewards=shuffled(rewards),
        response_mask=shuffled(mask.astype(float)),
        index=ids,
        **options,
    )


def verl_gradient(logp, given, mask, mode):
    """The gradient in the log-probs of verl's clipped loss, in the order of the batch."""
    import torch

    now, old, where = shuffled(logp).requires_grad_(), shuffled(logp), shuffled(mask)
    ratio = torch.exp(now - old)
    losses = torch.maximum(-given * ratio, -given * ratio.clamp(0.8, 1.2)) * where
    {
        "seq-mean-token-sum": losses.sum(-1).mean(),
        "token-mean": losses.sum() / where.sum(),
        "seq-mean-token-mean": (losses.sum(-1) / where.sum(-1)).mean(),
    }[mode].backward()
    gradient = np.empty((12, 5))
    gradient[ORDER] = now.grad.numpy()
    return gradient.reshape(3, 4, 5)


def tpo_gradient(logp, rewards, mask, eta):
    logp, scores = jnp.asarray(logp), jnp.asarray(rewards.sum(-1))

    def loss(*arrays, where):
        return tpo(*arrays, anchor="ratio", eta=eta, where=where)

    return np.asarray(logp_gradient(loss, logp, logp, scores, where=jnp.asarray(mask)))


@pytest.mark.parametrize("eta", [1.0, 0.3])
def test_the_first_gradient_with_token_sums_is_that_of_tpo(eta, x64):
    logp, rewards, mask = batch()
    given, returns = estimated(rewards, mask, eta=eta)
    wanted = tpo_gradient(logp, rewards, mask, eta)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(verl_gradient(logp, given, mask, "seq-mean-token-sum"), wanted, atol=1e-12)
    assert returns is given


def test_the_first_gradient_with_the_token_mean_is_that_of_tpo_times_answers_per_token(x64):
    logp, rewards, mask = batch()
    given, _ = estimated(rewards, mask)
    ours, wanted = verl_gradient(logp, given, mask, "token-mean"), tpo_gradient(logp, rewards, mask, 1.0)
    np.testing.assert_allclose(ours, wanted * 12 / mask.sum(), atol=1e-12)


def test_the_first_gradient_with_means_of_tokens_is_another_one(x64):
    logp, rewards, mask = batch()
    given, _ = estimated(rewards, mask)
    ours, wanted = (
        verl_gradient(logp, given, mask, "seq-mean-token-mean"),
        tpo_gradient(logp, rewards, mask, 1.0),
    )
    cosine = (ours * wanted).sum() / np.linalg.norm(ours) / np.linalg.norm(wanted)
    assert cosine < 0.95


@pytest.mark.parametrize("options", [{}, {"eta": 0.5}, {"target_kl": 0.2}, {"std_floor": 0.5}], ids=str)
def test_the_advantages_are_those_for_jax(options, x64):
    _, rewards, mask = batch()
    given, _ = estimated(rewards, mask, **options)
    wanted = advantages.targeted(jnp.asarray(rewards.sum(-1)), **options)
    by_token = np.asarray(wanted)[..., None] * mask
    np.testing.assert_allclose(given, by_token.reshape(12, 5)[ORDER], atol=1e-9)


def test_groups_may_differ_in_size():
    import torch

    from tpo_objectives.verl import targeted_advantages

    rewards, mask = torch.tensor([[1.0], [3.0], [0.0], [0.0], [7.0]]), torch.ones(5, 1)
    given, _ = targeted_advantages(rewards, mask, np.array([4, 0, 4, 4, 9]), config=None)
    assert (given[[0, 2, 3], 0].sum(), given[1, 0], given[4, 0]) == (pytest.approx(0, abs=1e-6), 0, 0)
    assert given[0, 0] > 1


def test_ids_that_do_not_fit_are_refused():
    import torch

    from tpo_objectives.verl import targeted_advantages

    with pytest.raises(ValueError, match=r"one id for each of the 5 answers, got shape \(4,\).*uid"):
        targeted_advantages(torch.zeros(5, 1), torch.ones(5, 1), np.zeros(4))


def test_the_example_prints_what_it_says():
    from tpo_objectives.verl import targeted_advantages

    (example,) = doctest.DocTestFinder(recurse=False).find(targeted_advantages, globs={})
    assert example.examples
    lines = []
    assert doctest.DocTestRunner(verbose=False).run(example, out=lines.append).failed == 0, "".join(lines)
