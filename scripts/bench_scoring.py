"""Time how many tokens are scored in a second, by JAX and by NumPy.

python scripts/bench_scoring.py [--task ID ...] [--answers 1000000] [--rounds 7]
"""

import argparse
import time

import jax
import numpy as np

from tpo_envs import make, make_numpy

TASKS = [
    "token-reversal-terminal-h10-v2",
    "token-reversal-sequential-h10-v2",
    "token-reversal-bag-h10-v2",
    "token-reversal-terminal-h64-v2",
]


def rates(score, prompts, answers, rounds):
    """Tokens per second in millions, of every round after a first one that is not counted."""
    np.asarray(score(prompts, answers))
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        np.asarray(score(prompts, answers))
        found.append(1e-6 * answers.size / (time.perf_counter() - began))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs="+", default=TASKS)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{'million tokens a second':<36}{'JAX':>22}{'NumPy':>22}")
    for task_id in arguments.task:
        task, numpy_task = make(task_id), make_numpy(task_id)
        prompts = numpy_task.sample(0, arguments.answers)
        answers = numpy_task.answer(prompts)
        wrong = np.random.default_rng(0).random(len(answers)) < 0.5
        answers = np.where(wrong[:, None], numpy_task.random_answers(0, len(answers)), answers)
        on_device = jax.device_put(prompts), jax.device_put(answers)
        columns = [
            rates(jax.jit(task.score), *on_device, arguments.rounds),
            rates(numpy_task.score, prompts, answers, arguments.rounds),
        ]
        texts = [f"{np.median(found):.0f} ({min(found):.0f} to {max(found):.0f})" for found in columns]
        print(f"{task_id:<36}{texts[0]:>22}{texts[1]:>22}", flush=True)


if __name__ == "__main__":
    main()
