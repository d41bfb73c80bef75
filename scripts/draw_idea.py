"""Draw TPO in one picture: a group with scores, its target, and the gradients on the way there.

python scripts/draw_idea.py [--out docs/idea.png]

The same for a phone, one panel below the other, is written beside it, as idea_narrow.png.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tpo_objectives import group_pg, tpo, tpo_target

ROOT = Path(__file__).parents[1]
# Told apart in grey by lightness, and without red and green by hue; hatches and dashes say it once more.
OLD, TARGET, OTHER = "#c9cdd2", "#12457a", "#b5651d"
P_OLD = np.array([0.30, 0.22, 0.16, 0.12, 0.10, 0.10])
SCORES = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0])
STEPS, RATE = 30, 0.5
METHODS = {"TPO": (tpo, TARGET, "-"), "policy gradient": (group_pg, OTHER, (0, (4, 2)))}


def gradient_norms(objective):
    """The norm of the gradient in the logits before every step of gradient descent on one batch."""
    old = jnp.log(jnp.asarray(P_OLD))
    scores = jnp.asarray(SCORES)

    @jax.jit
    @jax.grad
    def gradient_at(logits):
        return objective(jax.nn.log_softmax(logits), old, scores)

    logits, norms = old, []
    for _ in range(STEPS):
        gradient = gradient_at(logits)
        norms.append(float(jnp.linalg.norm(gradient)))
        logits = logits - RATE * gradient
    return np.array(norms)


def sampled(axes):
    """The group as it was sampled, with its scores."""
    axes.bar(range(len(P_OLD)), P_OLD, color=OLD, edgecolor="#555555", width=0.75)
    for i, score in enumerate(SCORES):
        axes.text(i, P_OLD[i] + 0.015, f"{score:g}", ha="center", fontweight="bold" if score else "normal")
    axes.set_title("1. Sample a group, score it", loc="left")
    axes.text(0.98, 0.95, "numbers: scores", transform=axes.transAxes, ha="right", va="top", color="#444444")
    axes.set_ylabel("probability in the group")


def targeted(axes):
    """The target beside the old policy."""
    target = np.asarray(tpo_target(jnp.log(jnp.asarray(P_OLD)), jnp.asarray(SCORES)))
    places = np.arange(len(P_OLD))
    axes.bar(places - 0.2, P_OLD, 0.4, color=OLD, edgecolor="#555555", label="$p_{old}$")
    axes.bar(places + 0.2, target, 0.4, color=TARGET, edgecolor="#555555", label="target $q$")
    axes.set_title(r"2. Target $q \propto p_{old}\,e^{u/\eta}$", loc="left")
    axes.legend(frameon=False, loc="upper right")


def fitted(axes):
    """The gradients while the policy is fitted."""
    for name, (objective, color, dashes) in METHODS.items():
        norms = gradient_norms(objective)
        norms = norms / norms[0]
        axes.plot(norms, color=color, linestyle=dashes, linewidth=2.2)
        axes.text(STEPS - 1, norms[-1] + 0.04, name, color=color, ha="right", va="bottom")
    axes.set_title("3. Fit $p$: gradient $p - q$", loc="left")
    axes.set_xlabel("gradient steps on one batch")
    axes.set_ylabel("gradient norm, first = 1")
    axes.set_ylim(0, 1.2)


def draw(path, shape, size):
    """Write the picture, its panels in that many rows and columns."""
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(*shape, figsize=size, layout="constrained")
    first, second, third = axes
    sampled(first)
    targeted(second)
    fitted(third)
    for panel in (first, second):
        panel.set_xticks(range(len(P_OLD)), [f"$y_{i + 1}$" for i in range(len(P_OLD))])
        panel.set_xlabel("candidate answers")
        panel.set_ylim(0, 0.6)
    figure.savefig(path, dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "idea.png")
    out = parser.parse_args().out
    draw(out, (1, 3), (9, 2.9))
    draw(out.with_stem(f"{out.stem}_narrow"), (3, 1), (3.6, 8.2))
