"""TPO in TRL: the gradient is that of `tpo_objectives.tpo`, however the batch is split: `nox -s adapters`."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import tpo_objectives

# Warnings of these libraries about their own code.
pytestmark = [pytest.mark.adapters, pytest.mark.filterwarnings("ignore")]
if "trl" not in os.environ.get("TPO_ADAPTERS_REQUIRED", ""):
    pytest.importorskip("trl")
sys.path.insert(0, str(Path(__file__).parent))

SCRIPT = Path(__file__).with_name("trl_step.py")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def plain_config(monkeypatch):
    """The settings without the checks of the tests, which refuse TRL's own defaults."""
    from tpo_objectives.trl import TargetPolicyConfig

    monkeypatch.setattr(TargetPolicyConfig, "__init__", inspect.unwrap(TargetPolicyConfig.__init__))


def gradient(**settings):
    import trl_step

    before, after = trl_step.step(**settings)
    return before - after


def log_probs():
    """A function from the model to the log-probs `[prompts, candidates, tokens]`, and the mask."""
    import torch
    import trl_step

    tokenizer = trl_step.make_tokenizer()
    rows = [(tokenizer(p)["input_ids"], c) for p in trl_step.PROMPTS for c in trl_step.completions_of(p)]
    longest = max(len(c) for _, c in rows)

    def of(model):
        padded = []
        for prompt, completion in rows:
            logits = model(torch.tensor([[*prompt, *completion]])).logits[0, len(prompt) - 1 : -1]
            logps = torch.log_softmax(logits, -1).gather(-1, torch.tensor(completion)[:, None])[:, 0]
            padded.append(torch.nn.functional.pad(logps, (0, longest - len(completion))))
        return torch.stack(padded).reshape(len(trl_step.PROMPTS), trl_step.GROUP, longest)

    lengths = np.array([len(c) for _, c in rows]).reshape(len(trl_step.PROMPTS), trl_step.GROUP)
    return of, np.arange(longest) < lengths[..., None]


def known_scores():
    import trl_step

    rewards = [
        value
        for prompt in trl_step.PROMPTS
        for value in trl_step.reward([prompt] * trl_step.GROUP, None, trl_step.completions_of(prompt))
    ]
    return np.array(rewards, float).reshape(len(trl_step.PROMPTS), trl_step.GROUP)


@pytest.mark.parametrize("anchor", ["ratio", "sum", "mean", "tempered", "none"])
def test_a_step_follows_the_gradient_of_tpo_over_the_whole_batch(anchor):
    import torch
    import trl_step

    of, where = log_probs()
    scores = known_scores()
    assert np.isnan(scores).sum() == 1
    where &= ~np.isnan(scores)[..., None]
    model = trl_step.make_model()
    logps = of(model)
    with jax.enable_x64(True):
        fixed = logps.detach().double().numpy()
        in_logps = tpo_objectives.logp_gradient(
            lambda *arrays, **where: tpo_objectives.tpo(*arrays, anchor=anchor, eta=0.7, **where),
            *(jax.numpy.asarray(x) for x in (fixed, fixed, np.nan_to_num(scores))),
            where=jax.numpy.asarray(where),
        )
    (logps * torch.tensor(np.array(in_logps)).float()).sum().backward()
    wanted = np.concatenate([p.grad.double().numpy().ravel() for p in model.parameters()])
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(gradient(anchor=anchor, eta=0.7), wanted, atol=1e-6)


SPLITS = {
    "accumulated": {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4},
    "two groups at once": {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2},
}


@pytest.mark.parametrize("split", SPLITS.values(), ids=list(SPLITS))
def test_micro_batches_have_the_gradient_of_the_batch(split):
    whole = gradient()
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(gradient(**split), whole, atol=1e-6)


def test_two_processes_have_the_gradient_of_one(tmp_path):
    settings = {"per_device_train_batch_size": 8, "ddp_backend": "gloo"}
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(SCRIPT)]
    subprocess.run(
        [sys.executable, *command, str(tmp_path / "out.npz"), json.dumps(settings)],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    saved = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(saved["before"] - saved["after"], gradient(), atol=1e-6)


def test_a_second_pass_over_a_batch_starts_from_its_old_log_probs():
    # At the snapshot p - q is the same for "ratio" and any old policy; after a step it is smaller.
    import trl_step

    once, twice = (
        trl_step.step(num_iterations=2, max_steps=n, learning_rate=0.05, optim="sgd") for n in (1, 2)
    )
    first = (once[0] - once[1]) / 0.05
    second = (once[1] - twice[1]) / 0.05
    np.testing.assert_allclose(first, gradient(), atol=1e-4)
    assert np.abs(second - first).max() > 1e-3
    assert np.linalg.norm(second) < np.linalg.norm(first)


def test_generations_that_serve_several_steps_keep_their_groups():
    import trl_step

    split = {"per_device_train_batch_size": 8, "steps_per_generation": 2, "max_steps": 1}
    half = trl_step.step(**split)
    np.testing.assert_allclose(
        half[0] - half[1], gradient(prompts=trl_step.PROMPTS[:2], per_device_train_batch_size=8), atol=1e-6
    )


def test_the_loss_of_an_evaluation_is_the_mean_over_the_groups(tmp_path):
    import trl_step

    trainer = trl_step.make_trainer(str(tmp_path), per_device_eval_batch_size=16, evaluated=trl_step.PROMPTS)
    # At the snapshot the policy over a group is uniform. In one group, three completions exist.
    assert trainer.evaluate()["eval_loss"] == pytest.approx((3 * np.log(4) + np.log(3)) / 4, abs=1e-6)


def test_a_small_model_learns_to_say_what_is_rewarded(tmp_path):
    import trl_step

    def share_of_a(completions, **_):
        return [text.split().count("a") / 5 for text in completions]

    trainer = trl_step.make_trainer(
        str(tmp_path),
        funcs=share_of_a,
        rollout=None,
        max_steps=25,
        optim="adamw_torch",
        learning_rate=1e-2,
        num_generations=8,
        shuffle_dataset=True,
        prompts=trl_step.PROMPTS * 8,
        seed=1,
    )
    trainer.train()
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert np.mean(rewards[:3]) < 0.3
    assert np.mean(rewards[-3:]) > 0.8
    assert all("active_groups" in entry for entry in trainer.state.log_history if "reward" in entry)


def config(**settings):
    from tpo_objectives.trl import TargetPolicyConfig

    return TargetPolicyConfig("out", use_cpu=True, bf16=False, report_to=[], **settings)


def test_batches_that_split_groups_are_refused_with_the_setting_and_the_fix():
    # Two processes of 4 completions hold a group of 8, which GRPO takes.
    with pytest.raises(
        ValueError,
        match=r"per_device_train_batch_size=4 would split a group of num_generations=8.* such as 8",
    ):
        config(per_device_train_batch_size=4, gradient_accumulation_steps=2, num_generations=8)
    with pytest.raises(ValueError, match=r"eval batch size \(6 \* 1\) must be divisible .* \(4\)"):
        config(
            per_device_train_batch_size=8,
            num_generations=8,
            do_eval=True,
            eval_strategy="steps",
            per_device_eval_batch_size=6,
            num_generations_eval=4,
        )


@pytest.mark.parametrize(
    "setting",
    [
        {"beta": 0.04},
        {"loss_type": "dr_grpo"},
        {"epsilon": 0.3},
        {"scale_rewards": "none"},
        {"importance_sampling_level": "sequence"},
        {"entropy_coef": 0.01},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_setting_that_would_change_nothing_is_refused(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=rf"^TargetPolicyConfig: {name}=.*Leave out {name}\."):
        config(per_device_train_batch_size=8, num_generations=8, **setting)


@pytest.mark.parametrize(("option", "value"), [("eta", 0.0), ("anchor", "best"), ("cap", -1.0)])
def test_an_option_of_tpo_out_of_range_is_refused(option, value):
    with pytest.raises(ValueError, match=rf"^TargetPolicyConfig: {option} must be"):
        config(per_device_train_batch_size=8, num_generations=8, **{option: value})


def test_the_settings_of_grpo_alone_are_refused():
    import trl

    from tpo_objectives.trl import TargetPolicyTrainer

    args = trl.GRPOConfig("out", use_cpu=True, bf16=False)
    with pytest.raises(TypeError, match=r"args must be a TargetPolicyConfig, got GRPOConfig"):
        TargetPolicyTrainer("nowhere", args=args)
