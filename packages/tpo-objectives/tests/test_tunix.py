"""The objectives in Tunix: the gradient is that of the objective, on one device or two: `nox -s adapters`."""

import doctest
import functools
import os
import subprocess
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tpo_objectives
from tpo_objectives import advantages, logp_gradient

# Warnings of these libraries about their own code.
pytestmark = [pytest.mark.adapters, pytest.mark.filterwarnings("ignore")]
if "tunix" not in os.environ.get("TPO_ADAPTERS_REQUIRED", ""):
    pytest.importorskip("tunix")
sys.path.insert(0, str(Path(__file__).parent))

SCRIPT = Path(__file__).with_name("tunix_step.py")
TARGETS = ["lpo", "dmpo", "gvpo", "rebel", "opmd", "awr", "mpo", "v_mpo", "pmpo", "mdpo"]
ANCHORS = ["ratio", "sum", "mean", "capped", "tempered", "none"]


@pytest.fixture(autouse=True)
def strict_jax():
    """Tunix's own code promotes dtypes and ranks."""
    return


def example(**changed):
    """A batch of two groups of three answers, and a config, as Tunix passes them to a loss."""
    from tunix.rl import common

    rng = np.random.default_rng(0)
    ids = rng.integers(3, 20, size=(6, 5))
    lengths = np.array([5, 3, 1, 4, 5, 2])
    ids[np.arange(5) >= lengths[:, None]] = 0
    fields = {
        "prompt_ids": jnp.asarray(np.repeat([[0, 3, 4], [5, 6, 7]], 3, axis=0)),
        "prompt_mask": jnp.asarray(np.repeat([[0, 1, 1], [1, 1, 1]], 3, axis=0)),
        "completion_ids": jnp.asarray(ids),
        "completion_mask": jnp.asarray(ids != 0),
        "advantages": jnp.asarray(rng.uniform(size=6), jnp.float32),
        "ref_per_token_logps": None,
        "old_per_token_logps": None,
    }
    return common.TrainExample(**{**fields, **changed})


def config(**changed):
    from tpo_objectives.tunix import SCORES

    fields = {
        "advantage_estimator": SCORES,
        "num_generations": 3,
        "temperature": 1.0,
        "beta": 0.0,
        "kl_loss_mode": "kl",
        "kl_clamp_value": None,
        "loss_agg_mode": "token-mean",
    }
    return types.SimpleNamespace(**{**fields, **changed})


def toy():
    import tunix_step

    return tunix_step.make_model(tunix_step.toys.MockVocab())


def registered(name):
    from tunix.rl import function_registry

    import tpo_objectives.tunix

    assert name in tpo_objectives.tunix.LOSSES
    return function_registry.get_policy_loss_fn(name)


def gradient(model, loss, batch, settings):
    from flax import nnx

    def of(model):
        return loss(model, batch, algo_config=settings, pad_id=0, eos_id=2)

    (value, metrics), gradients = nnx.value_and_grad(of, has_aux=True)(model)
    return value, metrics, np.concatenate([np.ravel(x) for x in jax.tree.leaves(gradients)])


def log_probs(model, batch):
    from flax import nnx
    from tunix.rl import common

    return common.compute_per_token_logps(
        *nnx.split(model), batch.prompt_ids, batch.completion_ids, 0, 2, stop_gradient=False
    )


def wanted(model, batch, objective):
    """The gradient by the chain rule from the log-probs `[prompts, candidates, tokens]`."""
    from flax import nnx

    logps = log_probs(model, batch).reshape(2, 3, 5)
    old = logps if batch.old_per_token_logps is None else batch.old_per_token_logps.reshape(2, 3, 5)
    where = batch.completion_mask.reshape(2, 3, 5)
    scores = batch.advantages.reshape(2, 3)
    in_logps = logp_gradient(objective, logps, old, scores, where=where).reshape(6, 5)
    gradients = nnx.grad(lambda model: jnp.sum(in_logps * log_probs(model, batch)))(model)
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(gradients)])


@pytest.mark.parametrize("older", [False, True], ids=["on-policy", "older policy"])
@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_losses_of_tpo_have_its_gradient_for_every_anchor(anchor, older):
    model, batch = toy(), example()
    if older:
        noise = 0.3 * np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
        batch = example(old_per_token_logps=log_probs(model, batch) + noise)
    _, _, ours = gradient(model, registered(f"tpo_objectives/tpo_{anchor}"), batch, config())
    theirs = wanted(model, batch, functools.partial(tpo_objectives.tpo, anchor=anchor))
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("name", [*TARGETS, "cispo", "sapo", "maxrl", "topr"])
def test_the_other_losses_have_the_gradients_of_their_objectives(name):
    model, batch = toy(), example()
    _, _, ours = gradient(model, registered(f"tpo_objectives/{name}"), batch, config())
    theirs = wanted(model, batch, getattr(tpo_objectives, name))
    assert np.abs(theirs).max() > 1e-4
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_every_registered_loss_can_be_trained_with():
    import tpo_objectives.tunix

    assert len(tpo_objectives.tunix.LOSSES) == 27
    for name in tpo_objectives.tunix.LOSSES:
        value, metrics, gradients = gradient(toy(), registered(name), example(), config())
        assert np.isfinite([value, *gradients]).all(), name
        assert np.abs(gradients).max() > 0, name
        assert np.isfinite(metrics["entropy"]), name


def test_tunix_own_losses_have_no_name_of_ours():
    from tunix.rl import function_registry

    import tpo_objectives.tunix  # noqa: F401

    names = function_registry.default_registry.list_functions("policy_loss_fn")
    assert {"grpo", "ppo"} <= set(names)
    assert all(name.startswith("tpo_objectives/") for name in set(names) - {"grpo", "ppo"})


def test_the_penalty_to_the_reference_is_that_of_tunix():
    model, batch = toy(), example()
    ref = log_probs(model, batch) - 0.5
    loss = registered("tpo_objectives/tpo_ratio")
    plain, _, _ = gradient(model, loss, batch, config())
    value, metrics, _ = gradient(model, loss, example(ref_per_token_logps=ref), config(beta=0.1))
    assert metrics["kl"] == pytest.approx(0.5, abs=1e-5)
    assert value - plain == pytest.approx(0.05, abs=1e-5)


def test_the_estimators_are_the_advantages_of_each_group():
    from tunix.rl import function_registry

    import tpo_objectives.tunix

    rewards = np.array([1.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0])
    assert len(tpo_objectives.tunix.ESTIMATORS) == 6
    for name in tpo_objectives.tunix.ESTIMATORS:
        estimate = function_registry.get_advantage_estimator(name)(rewards=rewards, num_generations=4)
        advantage = getattr(advantages, name.partition("/")[2], lambda scores: scores)
        in_groups = advantage(jnp.asarray(rewards.reshape(2, 4), jnp.float32))
        np.testing.assert_allclose(estimate, np.ravel(in_groups), rtol=1e-6)


REFUSED = {
    "the advantages of grpo": (config, {"advantage_estimator": "grpo"}, r'Set advantage_estimator="tpo_obj'),
    "no groups": (
        config,
        {"num_generations": 4},
        r"6 answers does not consist .*num_generations=4.*GRPOConfig",
    ),
    "packing": (example, {"segment_ids": jnp.zeros((6, 5))}, r"packed .* max_seq_token_per_tpu"),
    "weights": (example, {"sampler_is_weights": jnp.ones((6, 5))}, r"Set sampler_is=None"),
}


@pytest.mark.parametrize(("make", "changed", "message"), REFUSED.values(), ids=list(REFUSED))
def test_settings_that_would_tear_groups_or_hide_scores_are_refused(make, changed, message):
    batch = example(**changed) if make is example else example()
    settings = config(**changed) if make is config else config()
    with pytest.raises(ValueError, match=rf"^tpo_objectives\.tunix: .*{message}"):
        registered("tpo_objectives/tpo_ratio")(toy(), batch, settings, 0, 2)


def test_log_probs_of_two_temperatures_are_refused():
    batch = example(old_per_token_logps=jnp.zeros((6, 5)))
    with pytest.raises(ValueError, match=r"temperature 0\.9.* Set temperature=1\.0 .*num_iterations=1"):
        registered("tpo_objectives/tpo_ratio")(toy(), batch, config(temperature=0.9), 0, 2)


SPLITS = {
    "one prompt": {"mini_batch_size": 4, "train_micro_batch_size": 1, "rollout_micro_batch_size": 4},
    "two prompts": {"mini_batch_size": 4, "train_micro_batch_size": 2, "rollout_micro_batch_size": 4},
}


@pytest.fixture(scope="module")
def whole_step():
    import tunix_step

    before, after = tunix_step.step()
    assert np.abs(after - before).max() > 1e-3
    return before, after


@pytest.mark.parametrize("split", SPLITS.values(), ids=list(SPLITS))
def test_micro_batches_hold_whole_groups_and_have_the_gradient_of_the_batch(split, whole_step):
    import tunix_step

    np.testing.assert_allclose(tunix_step.step(**split), whole_step, atol=1e-6)


def test_two_devices_have_the_gradient_of_one(whole_step, tmp_path):
    subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "out.npz")],
        check=True,
        timeout=300,
        env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
    )
    saved = np.load(tmp_path / "out.npz")
    assert saved["devices"] == 2
    np.testing.assert_allclose([saved["before"], saved["after"]], whole_step, atol=1e-6)


@pytest.mark.parametrize("loss", ["tpo_ratio", "tpo_sum"])
def test_the_toy_transformer_learns_to_say_what_is_rewarded(loss):
    import optax
    import tunix_step

    seen = []

    def reward(prompts, completions, **_):
        seen.append(np.mean(tunix_step.share_of_hello(prompts, completions)))
        return tunix_step.share_of_hello(prompts, completions)

    learner = tunix_step.make_learner(
        optimizer=optax.adam(1e-2),
        reward=reward,
        max_steps=15,
        settings={"policy_loss_fn": f"tpo_objectives/{loss}", "num_generations": 8},
    )
    learner.train([{"prompts": tunix_step.PROMPTS}] * 15)
    assert len(seen) == 15
    assert seen[0] < 0.1
    assert seen[-1] > 0.8


@pytest.mark.parametrize("name", ["", "policy_loss", "advantage_estimator"])
def test_the_examples_print_what_they_say(name):
    import tpo_objectives.tunix as module

    target = getattr(module, name) if name else module
    (found,) = doctest.DocTestFinder(recurse=False).find(target, name or "tunix", globs={})
    assert found.examples
    lines = []
    assert doctest.DocTestRunner(verbose=False).run(found, out=lines.append).failed == 0, "".join(lines)
