"""Time sampling up to the end token beside sampling of the full horizon.

python scripts/bench_sampling.py [--horizon 64] [--prompts 32] [--candidates 16] [--rounds 9]

Answers of the same policy are drawn with and without an end token, in turns. Sampling stops when the last
answer of the batch has ended, so its time should be that of the longest answer.
"""

import argparse
import time

import equinox as eqx
import jax
import numpy as np

from tpo_models import CausalTransformer

VOCAB_SIZE = 16
END = VOCAB_SIZE - 1


def policy_of(arguments, end_probability):
    """A transformer whose answers end at each token with about this probability."""
    others = (1 - end_probability) / (VOCAB_SIZE - 1)
    return CausalTransformer(
        vocab_size=VOCAB_SIZE,
        horizon=arguments.horizon,
        width=arguments.width,
        layers=arguments.layers,
        heads=2,
        prompt_length=4,
        initial_probs=(*[others] * (VOCAB_SIZE - 1), end_probability),
        key=jax.random.key(0),
    )


def measure(policy, prompts, arguments):
    """The longest answer of each draw, and seconds of drawing: the full horizon, and up to the end."""
    size, horizon = arguments.candidates, arguments.horizon
    full = eqx.filter_jit(lambda policy, key: policy.sample(key, prompts, size, horizon=horizon)[0])
    ended = eqx.filter_jit(lambda policy, key: policy.sample(key, prompts, size, horizon=horizon, end=END)[0])
    longest, seconds = [], {full: [], ended: []}
    for i in range(arguments.rounds + 1):
        key = jax.random.key(i)
        for draw, found in seconds.items():
            began = time.perf_counter()
            answers = jax.block_until_ready(draw(policy, key))
            found.append(time.perf_counter() - began)
        longest.append(_length(np.asarray(answers)).max())
    # The first round compiles.
    return np.array(longest[1:]), *(np.array(found[1:]) for found in seconds.values())


def _length(answers):
    """Tokens up to the first end token, and that one."""
    return np.minimum((np.cumsum(answers == END, axis=-1) == 0).sum(axis=-1) + 1, answers.shape[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {"horizon": 64, "prompts": 32, "candidates": 16, "width": 64, "layers": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--end", type=float, nargs="+", default=[0.9, 0.7, 0.5, 0.2])
    arguments = parser.parse_args()
    prompts = jax.random.randint(jax.random.key(1), (arguments.prompts, 4), 0, VOCAB_SIZE - 1)
    heads = (
        "end",
        "longest",
        "share of H",
        "ms full",
        "ms to end",
        "ratio",
        "tokens/s full",
        "tokens/s to end",
    )
    print("".join(f"{head:>17}" for head in heads))
    for probability in arguments.end:
        policy = policy_of(arguments, probability)
        longest, full, ended = measure(policy, prompts, arguments)
        answers = arguments.prompts * arguments.candidates
        columns = (
            f"{probability:g}",
            f"{np.median(longest):.0f}",
            f"{np.median(longest) / arguments.horizon:.2f}",
            f"{1e3 * np.median(full):.1f}",
            f"{1e3 * np.median(ended):.1f}",
            f"{np.median(ended / full):.2f}",
            f"{np.median(answers * arguments.horizon / full):,.0f}",
            f"{np.median(answers * longest / ended):,.0f}",
        )
        print("".join(f"{column:>17}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
