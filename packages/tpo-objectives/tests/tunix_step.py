"""A step of training Tunix's toy transformer: `python tunix_step.py out.npz` saves its parameters.

The optimizer is plain gradient descent unless one is given. All devices that JAX sees are one mesh.
"""

import sys

import jax
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh
from tunix.rl import rl_cluster
from tunix.rl.grpo.grpo_learner import GRPOConfig, GRPOLearner
from tunix.rl.rollout import base_rollout
from tunix.tests import test_common as toys

import tpo_objectives.tunix as ours

PROMPTS = np.array(["input string", "hello world", "Hello there", "My name"])
GROUP = 4


def make_model(vocabulary, seed=0):
    config = toys.ModelConfig(vocab_size=vocabulary.GetPieceSize(), num_layers=1)
    return toys.ToyTransformer(config=config, rngs=nnx.Rngs(seed))


def parameters_of(model):
    return np.concatenate(
        [np.ravel(x).astype(np.float64) for x in jax.tree.leaves(nnx.state(model, nnx.Param))]
    )


def share_of_hello(prompts, completions, **_):
    """How many of the words of an answer are `hello`."""
    return [sum(word == "hello" for word in text.split()) / 6 for text in completions]


def make_learner(mesh=None, *, optimizer=None, reward=share_of_hello, max_steps=1, settings=(), **batches):
    """A learner on all devices. Tunix samples with the same seed each time."""
    vocabulary = toys.MockVocab()
    mesh = mesh or Mesh(np.array(jax.devices()).reshape(-1, 1), ("fsdp", "tp"))
    with mesh:
        model = make_model(vocabulary)
    roles = (rl_cluster.Role.ACTOR, rl_cluster.Role.REFERENCE, rl_cluster.Role.ROLLOUT)
    training = rl_cluster.RLTrainingConfig(
        actor_optimizer=optimizer or optax.sgd(1.0), eval_every_n_steps=1000, max_steps=max_steps, **batches
    )
    rollout = base_rollout.RolloutConfig(
        max_tokens_to_generate=6, max_prompt_length=4, kv_cache_size=16, temperature=1.0
    )
    cluster = rl_cluster.RLCluster(
        actor=model,
        reference=None,
        tokenizer=vocabulary,
        cluster_config=rl_cluster.ClusterConfig(
            role_to_mesh=dict.fromkeys(roles, mesh), training_config=training, rollout_config=rollout
        ),
    )
    usual = {
        "policy_loss_fn": "tpo_objectives/tpo_ratio",
        "advantage_estimator": ours.SCORES,
        "num_generations": GROUP,
        "num_iterations": 1,
        "beta": 0.0,
    }
    config = GRPOConfig(**{**usual, **dict(settings)})
    return GRPOLearner(rl_cluster=cluster, algo_config=config, reward_fns=reward)


def step(**batches):
    """The parameters before and after a step on the prompts."""
    learner = make_learner(**batches)
    model = learner.rl_cluster.actor_trainer.model
    before = parameters_of(model)
    learner.train([{"prompts": PROMPTS}])
    return before, parameters_of(model)


if __name__ == "__main__":
    before, after = step()
    np.savez(sys.argv[1], before=before, after=after, devices=jax.device_count())
