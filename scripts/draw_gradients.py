"""Draw what every group objective does with one group: how it moves the log-prob of each answer.

python scripts/draw_gradients.py [--out docs/gradients.png]
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from objective_members import MEMBERS

ROOT = Path(__file__).parents[1]
LENGTHS = np.array([2, 4, 8, 2, 4, 8])
SCORES = np.array([1.0, 1.0, 0.5, 0.0, 0.0, 0.0], np.float32)
# How far each answer has moved since it was sampled, in nats for each of its tokens.
MOVED = np.array([0.0, 0.3, 0.0, 0.0, -0.3, 0.1], np.float32)


def group() -> tuple[Any, ...]:
    """Log-probs `[k, t]` now and at sampling time, scores `[k]`, and the mask of the tokens."""
    where = np.arange(LENGTHS.max()) < LENGTHS[:, None]
    old_logp = np.full(where.shape, -0.7, np.float32)
    return tuple(map(jnp.asarray, (old_logp + MOVED[:, None], old_logp, SCORES, where)))


def movement(objective: Callable[..., Any], tokens: bool) -> np.ndarray:
    """The step that gradient descent takes in each answer's log-prob, the largest being 1 in size."""
    logp, old_logp, scores, where = group()
    options = {"where": where}
    if not tokens:
        logp, old_logp = (jnp.where(where, x, 0.0).sum(-1) for x in (logp, old_logp))
        options = {}
    gradient = jax.grad(lambda x: jnp.sum(objective(x, old_logp, scores, **options)))(logp)
    step = -np.asarray(gradient.sum(-1) if tokens else gradient)
    return step / max(np.abs(step).max(), 1e-12)


def draw(path: Path) -> None:
    """Draw the picture, a row for each objective."""
    steps = np.array([movement(member.objective, member.tokens) for member in MEMBERS])
    figure, axes = plt.subplots(figsize=(7.5, 0.31 * len(MEMBERS) + 1.6), layout="constrained")
    axes.imshow(steps, cmap="RdBu", vmin=-1.6, vmax=1.6, aspect="auto")
    for (row, column), value in np.ndenumerate(steps):
        axes.text(column, row, f"{value:+.2f}", ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(MEMBERS)), [member.label for member in MEMBERS], fontsize=8)
    facts = zip(SCORES, LENGTHS, np.exp(MOVED), strict=True)
    labels = [f"score {score:g}\n{length} tokens\nratio {ratio:.2f}" for score, length, ratio in facts]
    axes.set_xticks(range(len(SCORES)), labels, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("step in the log-prob of each answer, in units of the largest of its row", fontsize=8)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gradients.png")
    draw(parser.parse_args().out)
