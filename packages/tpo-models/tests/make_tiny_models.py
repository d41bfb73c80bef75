"""Writes the tiny models of `data/` with `transformers`: `python make_tiny_models.py data`.

It needs torch and transformers, which the tests do not.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

SIZES = {
    "vocab_size": 270,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "intermediate_size": 12,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": 256,
}
OPTIONS = {
    "llama": {
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
    },
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"tie_word_embeddings": False},
}
TOKENS = [5, 17, 256, 33, 2, 80, 269, 0]
TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}{{ eos_token }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer():
    """Byte-level BPE with a few merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("l", "l")]
    vocabulary = {token: i for i, token in enumerate(alphabet)}
    vocabulary |= {"<|end|>": 256, **{"".join(pair): 257 + i for i, pair in enumerate(merges)}}
    backend = Tokenizer(models.BPE(vocabulary, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|end|>"])
    return backend


def write(folder, family, options):
    config = getattr(transformers, f"{family.capitalize()}Config")(**SIZES, **options)
    torch.manual_seed(0)
    model = getattr(transformers, f"{family.capitalize()}ForCausalLM")(config)
    with torch.no_grad():
        # Zero biases and unit scales would hide mistakes, so every parameter is moved away from its start.
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    model.to(torch.float16).save_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer().save(str(folder / "tokenizer.json"))
    settings = {
        "eos_token": "<|end|>",
        "chat_template": TEMPLATE,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with torch.no_grad():
        logits = model(torch.tensor([TOKENS])).logits[0]
    golden = {"tokens": TOKENS, "log_softmax": torch.log_softmax(logits, -1)[:, ::30].double().tolist()}
    (folder / "golden.json").write_text(json.dumps(golden))
    return np.asarray(logits)


if __name__ == "__main__":
    for family, options in OPTIONS.items():
        folder = Path(sys.argv[1]) / f"tiny_{family}"
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, family, options)
