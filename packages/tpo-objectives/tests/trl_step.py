"""One optimizer step of TRL with known completions: `python trl_step.py out.npz '{"anchor": "sum"}'`.

It saves the parameters before and after the step, and runs in one process or, under `torchrun`, in several.
The optimizer is plain gradient descent with rate 1, so the difference is the gradient.
"""

import json
import sys
import tempfile

import numpy as np
import torch
import transformers
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers

from tpo_objectives.trl import TargetPolicyConfig, TargetPolicyTrainer

WORDS = ["<pad>", "<end>", "a", "b", "c", "d", "e", "f"]
PROMPTS = ["a b", "c", "d e f", "b a"]
GROUP = 4


def make_tokenizer():
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )


def make_model(seed=0):
    torch.manual_seed(seed)
    config = transformers.Qwen3Config(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=32,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        use_cache=True,
    )
    return transformers.Qwen3ForCausalLM(config)


def completions_of(prompt):
    """The completions of a prompt, of different lengths, and their rewards."""
    rng = np.random.default_rng(WORDS.index(prompt[0]))
    answers = [rng.integers(2, len(WORDS), size=n).tolist() for n in (2, 4, 1, 3)]
    return [[*answer, 1] for answer in answers]


def roll_out(prompts, trainer):
    encoded = trainer.processing_class(prompts)["input_ids"]
    completions = [completions_of(prompt)[row % GROUP] for row, prompt in enumerate(prompts)]
    return {"prompt_ids": encoded, "completion_ids": completions, "logprobs": None}


def reward(prompts, completions, completion_ids, **_):
    """None for the last completion of the second prompt, which then does not exist."""
    rewards = [float(len(ids) + ids[0] % 3) for ids in completion_ids]
    return [
        None if prompt == "c" and ids == completions_of("c")[3] else value
        for prompt, ids, value in zip(prompts, completion_ids, rewards, strict=True)
    ]


def make_trainer(folder, *, funcs=reward, rollout=roll_out, prompts=PROMPTS, evaluated=None, **settings):
    usual = {
        "per_device_train_batch_size": 16,
        "num_generations": GROUP,
        "max_completion_length": 5,
        "max_steps": 1,
        "optim": "sgd",
        "learning_rate": 1.0,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "gradient_checkpointing": False,
        "bf16": False,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "shuffle_dataset": False,
    }
    return TargetPolicyTrainer(
        make_model(),
        reward_funcs=funcs,
        args=TargetPolicyConfig(folder, **{**usual, **settings}),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        eval_dataset=evaluated and Dataset.from_dict({"prompt": evaluated}),
        processing_class=make_tokenizer(),
        rollout_func=rollout,
    )


def parameters_of(model):
    return np.concatenate([p.detach().double().numpy().ravel() for p in model.parameters()])


def step(**settings):
    """The parameters before and after a step."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(folder, **settings)
        before = parameters_of(trainer.model)
        trainer.train()
        return before, parameters_of(trainer.accelerator.unwrap_model(trainer.model))


if __name__ == "__main__":
    before, after = step(**json.loads(sys.argv[2]))
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        np.savez(sys.argv[1], before=before, after=after)
