"""Draw one example of every family of tasks: the pictures of docs/tasks.

python scripts/draw_tasks.py [--out docs/tasks]
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tpo_envs import (
    ArgsortTask,
    BracketTask,
    ColoringTask,
    CountdownTask,
    CountingTask,
    LengthLadder,
    MultiTurnTask,
    NoisyVerifier,
    TokenTask,
    VariableLengthTask,
    make_numpy,
)

ROOT = Path(__file__).parents[1]
# Pale, so that black figures stay legible, and told apart without red and green.
TOKENS = ["#cfe3f5", "#fbe3c0", "#d9d2ec", "#e8e8e8", "#f6d5e0", "#d5ece8", "#f3efb5", "#e3d3c3"]
RIGHT, WRONG = "#1b6ca8", "#d1603d"


def row(axes, y, name, values, *, colors=None, texts=None, edges=None, gap_after=()):
    """A row of cells with a name to its left; `gap_after` leaves room after these cells."""
    axes.text(-0.25, y, name, ha="right", va="center", fontsize=10)
    x = 0.0
    for i, value in enumerate(values):
        face = colors[i] if colors else TOKENS[int(value) % len(TOKENS)]
        edge = edges[i] if edges else "#555555"
        width = 2.2 if edges else 0.8
        cell = plt.Rectangle((x, y - 0.4), 0.92, 0.8, facecolor=face, edgecolor=edge, linewidth=width)
        axes.add_patch(cell)
        axes.text(x + 0.46, y, str(texts[i] if texts else value), ha="center", va="center", fontsize=10)
        x += 1.0 + (0.4 if i in gap_after else 0.0)


def marks(right):
    """Edge colors of an answer's tokens."""
    return [RIGHT if one else WRONG for one in right]


def numbers(values):
    return [f"{value:.2g}".replace("0.", ".") for value in values]


def finish(figure, axes, height, width, left):
    axes.set_xlim(-left, width + 0.2)
    axes.set_ylim(-height + 0.4, 0.7)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.set_size_inches(0.42 * (width + left + 0.2), 0.42 * (height + 0.4))


def tokens():
    """Targets of one prompt, then rewards of one answer with two mistakes."""
    prompt = np.array([2, 0, 3, 1, 1, 2])
    figure, axes = plt.subplots()
    row(axes, 0, "prompt", prompt)
    names = ["copy", "flip", "reverse_copy", "reverse_flip", "sort", "modular_addition", "parity"]
    names += ["skip_distractors"]
    for i, name in enumerate(names):
        row(axes, -1.3 - i, name, TokenTask(name, "terminal", 6, 4).answer(prompt))
    answer = TokenTask("sort", "terminal", 6, 4).answer(prompt).copy()
    answer[3], answer[5] = 3, 2
    right = TokenTask("sort", "terminal", 6, 4).correct(prompt, answer)
    below = -1.3 - len(names) - 0.6
    row(axes, below, "an answer to sort", answer, edges=marks(right))
    for i, reward in enumerate(["bag_of_tokens", "sequential", "graded", "terminal"]):
        paid = TokenTask("sort", reward, 6, 4).token_rewards(prompt, answer)
        row(axes, below - 1.1 - i, reward, paid, colors=["white"] * 6, texts=numbers(paid))
    finish(figure, axes, -below + 5.0, 6, 5.2)
    return figure


def brackets():
    """A prompt, two right answers and a wrong one."""
    task = BracketTask("sequential", 6, 4)
    prompt = np.array([0, 2, 1, 0, 1, 3])
    signs = ["(", "[", ")", "]"]
    figure, axes = plt.subplots()

    def written(y, name, values, **options):
        row(axes, y, name, values, texts=[signs[value] for value in values], **options)

    written(0, "prompt", prompt)
    answers = [("an answer", task.answer(prompt)), ("another", np.array([1, 0, 2, 3, 2, 3]))]
    answers += [("a wrong one", np.array([2, 0, 2, 2, 0, 2]))]
    for i, (name, answer) in enumerate(answers):
        written(-1.4 - 2.4 * i, name, answer, edges=marks(task.correct(prompt, answer)))
        paid = task.token_rewards(prompt, answer)
        row(axes, -2.4 - 2.4 * i, "sequential", paid, colors=["white"] * 6, texts=numbers(paid))
    finish(figure, axes, 8.4, 6, 3.4)
    return figure


def multi_turn():
    """Three messages, with a wrong second reply that the third one builds on."""
    task = MultiTurnTask("reverse_copy", "bag_of_tokens", 3, 6, 4)
    prompt = np.array([1, 2, 3, 0, 0, 1])
    answer = task.answer(prompt).copy()
    answer[2] = (answer[2] + 1) % 4
    answer[4:] = ((prompt[4:] + answer[2:4]) % 4)[::-1]
    gaps = (1, 3)
    figure, axes = plt.subplots()
    row(axes, 0, "messages", prompt, gap_after=gaps)
    before = np.concatenate([[0, 0], answer[:4]])
    row(axes, -1.1, "+ last reply, mod 4", (prompt + before) % 4, gap_after=gaps)
    row(axes, -2.4, "replies", answer, edges=marks(task.correct(prompt, answer)), gap_after=gaps)
    for i, reward in enumerate(["bag_of_tokens", "sequential"]):
        paid = MultiTurnTask("reverse_copy", reward, 3, 6, 4).token_rewards(prompt, answer)
        row(axes, -3.6 - i, reward, paid, colors=["white"] * 6, texts=numbers(paid), gap_after=gaps)
    finish(figure, axes, 5.8, 7, 5.6)
    return figure


def noisy_verifier():
    """Verdicts on all answers to all prompts of three bits."""
    task = NoisyVerifier("reverse_copy", 3, 2, false_positives=0.1, false_negatives=0.3)
    every = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    verdicts = task.verdicts(every[:, None], every[None])
    right = task.exact_match(every[:, None], every[None])
    figure, axes = plt.subplots(figsize=(4.2, 4.0))
    axes.imshow(verdicts, cmap=matplotlib.colors.ListedColormap(["white", TOKENS[0]]), vmin=0, vmax=1)
    for i, j in np.argwhere(right):
        axes.add_patch(
            plt.Rectangle((j - 0.45, i - 0.45), 0.9, 0.9, fill=False, edgecolor=RIGHT, linewidth=2.2)
        )
    for i, j in np.argwhere(verdicts != right):
        axes.text(j, i, "×", ha="center", va="center", color=WRONG, fontsize=14)
    labels = ["".join(map(str, bits)) for bits in every.tolist()]
    axes.set_xticks(range(8), labels, rotation=90)
    axes.set_yticks(range(8), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("prompt")
    axes.set_title("shaded: passed; framed: right; ×: a wrong verdict", fontsize=9)
    figure.tight_layout()
    return figure


def answer_lengths():
    """A prompt of every task, with a right answer and another one."""
    signs = [*map(str, range(10)), "+", "−", "×"]
    shown = [
        ("ladder", LengthLadder(horizon=7), [1, 3], [3, 1, 2, 0, 2, 2, 1], [1, 1, 0, 3, 2, 0, 1]),
        ("reversal", VariableLengthTask("reverse_copy", "graded", 1, 6, 4), [0, 2, 1], None, [1, 2, 3]),
        ("counting", CountingTask("graded", limit=6), [4], None, [1, 2, 3, 10]),
        ("countdown", CountdownTask("graded", 3), [2, 3, 7, 2, 7], None, [7, 12, 3, 10, 2, 13]),
        ("coloring", ColoringTask("graded", 4, 4, 2), [0, 1, 0, 3, 1, 2, 2, 3], None, [1, 0, 1, 1, 4]),
        ("argsort", ArgsortTask("graded", 5, 2), [1, 0, 1, 1, 0], None, [4, 1, 0, 0, 2, 5]),
    ]
    figure, axes = plt.subplots()
    y = 0.0
    for name, task, prompt, right, other in shown:
        prompt = np.array([*prompt, *[task.end] * (task.prompt_length - len(prompt))])
        answers = [task.answer(prompt) if right is None else np.array(right)]
        answers.append(np.array([*other, *[task.end] * (task.horizon - len(other))]))
        for title, tokens in zip((f"{name}: prompt", "right", "another"), (prompt, *answers), strict=True):
            is_answer = title in ("right", "another")
            if is_answer:
                tokens = tokens[: task.lengths(tokens)]
            texts = ["end" if t == task.end else (signs[t] if name == "countdown" else t) for t in tokens]
            row(axes, y, title, tokens, texts=texts)
            if is_answer:
                axes.text(8.6, y, f"score {task.score(prompt, tokens_in(task, tokens)):.2g}", va="center")
            y -= 1.1
        y -= 0.6
    finish(figure, axes, -y, 11, 4.6)
    return figure


def tokens_in(task, tokens):
    """An answer as an array of `horizon` tokens."""
    return np.append(tokens, np.full(task.horizon - len(tokens), task.vocab_size - 1))


def bandits():
    """Rewards of all arms of a few contexts, for two gaps."""
    figure, both = plt.subplots(1, 2, figsize=(6.4, 2.9))
    for axes, task_id in zip(both, ["bandit-c100-a10-gap1", "bandit-c100-a10-gap0.1"], strict=True):
        task = make_numpy(task_id)
        rewards = task.candidate_scores(task.contexts(np.arange(8)))
        image = axes.imshow(rewards, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(task_id, fontsize=9)
        axes.set_xticks(range(10))
        axes.set_yticks(range(8))
        axes.set_xlabel("arm")
    both[0].set_ylabel("context")
    figure.colorbar(image, ax=both, label="reward", shrink=0.8)
    return figure


def images():
    """Test images of the digits with their classes."""
    task = make_numpy("digits-bandit", split="test")
    contexts = task.contexts(np.arange(10))
    figure, row_of_axes = plt.subplots(1, 10, figsize=(6.4, 1.2))
    for axes, pixels, label in zip(row_of_axes, contexts.inputs, contexts.labels, strict=True):
        axes.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"right: {label}", fontsize=7)
        axes.axis("off")
    figure.subplots_adjust(left=0.01, right=0.99, wspace=0.15)
    return figure


DRAWN = (tokens, brackets, multi_turn, noisy_verifier, answer_lengths, bandits, images)
PICTURES = {draw.__name__: draw for draw in DRAWN}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "tasks")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        path = arguments.out / f"{name}.png"
        draw().savefig(path, dpi=150, bbox_inches="tight", metadata={"Software": None})
        print(path)


if __name__ == "__main__":
    main()
