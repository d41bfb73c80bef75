"""Time whole training episodes with cached decoding against a transformer that recomputes everything.

Both train TPO on sparse token reversal: sampling, then four gradient epochs. They alternate, so that a change
in the machine's speed hits both; its rate of float32 matrix products is measured in between.

    python scripts/bench_decoding.py [--prompts 100] [--candidates 8] [--horizon 10] [--rounds 5]
"""

import argparse
import functools
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_objectives import tpo
from tpo_runs import SequenceGroup, Trainer, initial_state, muon, train

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "packages" / "tpo-models" / "tests"))
import naive_transformer  # noqa: E402


class NaivePolicy(eqx.Module):
    """The same parameters behind the interface of a policy, with nothing shared and nothing cached."""

    transformer: CausalTransformer

    def sample(self, key, prompts, candidates):
        return naive_transformer.sample(self.transformer, key, prompts, candidates)

    def log_probs(self, prompts, answers):
        return naive_transformer.log_probs(self.transformer, prompts, answers)


def episodes(make_policy, arguments):
    """A generator that trains one episode at a time and hands out its seconds."""
    task = TokenTask("reverse_copy", "terminal", arguments.horizon, 2)
    optimizer = muon(
        learning_rate=1e-3, beta=0.95, newton_schulz_steps=5, adam_b1=0.9, adam_b2=0.999, eps=1e-8
    )
    trainer = Trainer(SequenceGroup(task, arguments.prompts, arguments.candidates), tpo, optimizer, 4)
    seeds = jnp.arange(1)
    state = initial_state(trainer, make_policy, seeds)
    for _, chunk in train(trainer, state, seeds, 10_000, chunk_seconds=1e-9):
        yield chunk.seconds / (chunk.stop - chunk.start), chunk.metrics["error"]


def matmul_rate(size=2048):
    """The machine's GFLOP/s on a float32 matrix product."""
    multiply = jax.jit(jnp.matmul)
    matrix = jnp.ones((size, size))
    multiply(matrix, matrix).block_until_ready()
    began = time.perf_counter()
    multiply(matrix, matrix).block_until_ready()
    return 2e-9 * size**3 / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("prompts", 100), ("candidates", 8), ("horizon", 10), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    make = functools.partial(
        CausalTransformer, vocab_size=2, horizon=arguments.horizon, width=64, layers=2, heads=2
    )
    running = {
        "cached": episodes(lambda key: make(key=key), arguments),
        "naive": episodes(lambda key: NaivePolicy(make(key=key)), arguments),
    }
    compiling = {name: next(steps)[0] for name, steps in running.items()}
    seconds, errors, rates = {name: [] for name in running}, {name: [] for name in running}, []
    for _ in range(arguments.rounds):
        rates.append(matmul_rate())
        for name, steps in running.items():
            spent, error = next(steps)
            seconds[name].append(spent)
            errors[name].append(error)
    np.testing.assert_allclose(errors["cached"][0], errors["naive"][0], atol=0.02)
    for name, values in seconds.items():
        low, middle, high = 1000 * np.quantile(values, [0, 0.5, 1])
        print(
            f"{name:>7}: {middle:7.0f} ms an episode ({low:.0f} to {high:.0f}), "
            f"first episode with compilation {compiling[name]:.1f} s"
        )
    ratios = np.divide(seconds["naive"], seconds["cached"])
    print(f"  ratio: {np.median(ratios):7.1f} ({ratios.min():.1f} to {ratios.max():.1f})")
    print(f" matmul: {np.median(rates):7.0f} GFLOP/s ({min(rates):.0f} to {max(rates):.0f})")


if __name__ == "__main__":
    main()
