"""Time every objective's loss and gradient, compiled, beside the policy gradient with the clipped surrogate.

python scripts/bench_objectives.py [--only NAME ...] [--shape 64 16 1024] [--rounds 50]

Objectives of log-probs of tokens get the whole shape, with answers of random lengths; objectives of whole
answers get its first two axes. Each round also calls the policy gradient, so that a change of the machine's
speed hits both.
"""

import argparse
import inspect
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import tpo_objectives
from tpo_objectives import batch_mean, policy_gradient

# What an objective needs besides log-probs and scores, given the scores.
REQUIRED = {"remax": lambda scores: {"baseline": jnp.mean(scores, axis=-1)}}


def objectives():
    """The public functions of log-probs now and at sampling time, by name."""
    functions = inspect.getmembers(tpo_objectives, inspect.isfunction)
    return {name: function for name, function in functions if list(parameters(function))[:1] == ["logp"]}


def parameters(function):
    return inspect.signature(function).parameters


def takes_tokens(function):
    return parameters(function)["logp"].annotation.dim_str == "..."


def inputs(name, function, shape):
    """Log-probs now and at sampling time, scores, and the options of the objective."""
    rng = np.random.default_rng(0)
    old_logp = -rng.exponential(size=shape)
    logp = old_logp + 0.1 * rng.normal(size=shape)
    several = parameters(function)["scores"].annotation.dim_str == "*b k r"
    scores = rng.normal(size=(*shape[:2], 2) if several else shape[:2])
    where = np.ones(shape, bool)
    if len(shape) == 3:
        where = np.arange(shape[2]) < rng.integers(1, shape[2] + 1, size=(*shape[:2], 1))
    arrays = [jnp.asarray(array, jnp.float32) for array in (logp, old_logp, scores)]
    return *arrays, {"where": jnp.asarray(where), **REQUIRED.get(name, lambda _: {})(arrays[2])}


def step(function):
    """The loss of the batch and its gradient in `logp`, of what `inputs` returns."""

    def loss(logp, old_logp, scores, options):
        return batch_mean(function(logp, old_logp, scores, **options), where=options["where"])

    return jax.value_and_grad(loss)


def prepare(name, function, shape):
    """A call of the compiled step, and the bytes that it needs besides its inputs."""
    arguments = inputs(name, function, shape)
    compiled = jax.jit(step(function)).lower(*arguments).compile()
    memory = compiled.memory_analysis()
    return partial(compiled, *arguments), memory.temp_size_in_bytes + memory.output_size_in_bytes


def seconds(call):
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=objectives(), default=list(objectives()))
    parser.add_argument("--shape", nargs=3, type=int, default=[64, 16, 1024])
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    for axes in (3, 2):
        chosen = {name: objectives()[name] for name in arguments.only}
        chosen = {
            name: function for name, function in chosen.items() if takes_tokens(function) == (axes == 3)
        }
        if not chosen:
            continue
        shape = tuple(arguments.shape[:axes])
        other, other_bytes = prepare("policy_gradient", policy_gradient, shape)
        print(f"\n| float32 {list(shape)} | ms | min to max | of policy_gradient | MB | of policy_gradient |")
        print("| :-- | --: | --: | --: | --: | --: |")
        for name, function in chosen.items():
            call, size = prepare(name, function, shape)
            # The first round is not counted.
            rounds = [(seconds(other), seconds(call)) for _ in range(arguments.rounds + 1)][1:]
            others, own = 1e3 * np.array(rounds).T
            spread = f"{np.median(own):.2f} | {own.min():.2f} to {own.max():.2f}"
            ratio = np.median(own) / np.median(others)
            print(f"| {name} | {spread} | {ratio:.2f} | {1e-6 * size:.2f} | {size / other_bytes:.2f} |")


if __name__ == "__main__":
    main()
