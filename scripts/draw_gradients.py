"""Draw what every group objective does with one group: how it moves the log-prob of each answer.

python scripts/draw_gradients.py [--out docs/objectives/gradients.png]
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from bench_objectives import REQUIRED, objectives, parameters, takes_tokens

ROOT = Path(__file__).parents[1]
LENGTHS = np.array([2, 4, 8, 2, 4, 8])
SCORES = np.array([1.0, 1.0, 0.5, 0.0, 0.0, 0.0], np.float32)
# How far each answer has moved since it was sampled, in nats for each of its tokens.
MOVED = np.array([0.0, 0.3, 0.0, 0.0, -0.3, 0.1], np.float32)
# They take advantages, or are the composition that the others are made of.
NOT_OF_GROUPS = ("ppo", "dg", "reinforce", "policy_gradient")


def rows():
    """A label for each row, the objective, its options, and whether it reads tokens."""
    found = []
    for name, function in objectives().items():
        if name in NOT_OF_GROUPS:
            continue
        options = REQUIRED.get(name, lambda _: {})(jnp.asarray(SCORES))
        found.append((name, function, options, takes_tokens(function)))
        if name == "tpo":
            found += [
                (f"tpo, {anchor}", function, {"anchor": anchor}, True)
                for anchor in ("capped", "mean", "ratio")
            ]
    return found


def movement(function, options, tokens):
    """The step of gradient descent in the log-prob of each answer; the largest is 1 in size."""
    where = jnp.asarray(np.arange(LENGTHS.max()) < LENGTHS[:, None])
    old_logp = jnp.where(where, -0.7, 0.0)
    logp = jnp.where(where, -0.7 + MOVED[:, None], 0.0)
    scores = jnp.asarray(SCORES)
    if parameters(function)["scores"].annotation.dim_str == "*b k r":
        scores = jnp.stack([scores, scores], axis=-1)
    if tokens:
        options = {**options, "where": where}
    else:
        logp, old_logp = logp.sum(-1), old_logp.sum(-1)
    gradient = np.asarray(jax.grad(lambda x: jnp.sum(function(x, old_logp, scores, **options)))(logp))
    step = -gradient.sum(-1) if tokens else -gradient
    return step / max(np.abs(step).max(), 1e-12)


def draw(path):
    """Draw the picture, a row for each objective."""
    shown = rows()
    steps = np.array([movement(*arguments) for _, *arguments in shown])
    figure, axes = plt.subplots(figsize=(7, 0.24 * len(shown) + 1.3), layout="constrained")
    axes.imshow(steps, cmap="RdBu", vmin=-1.6, vmax=1.6, aspect="auto")
    for (row, column), value in np.ndenumerate(steps):
        text = "0" if abs(value) < 0.005 else f"{value:+.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), [label for label, *_ in shown], fontsize=8)
    facts = zip(SCORES, LENGTHS, np.exp(MOVED), strict=True)
    labels = [f"score {score:g}\n{length} tokens\nratio {ratio:.2f}" for score, length, ratio in facts]
    axes.set_xticks(range(len(SCORES)), labels, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Draw how every group objective moves the answers of one group."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "objectives" / "gradients.png")
    draw(parser.parse_args().out)
