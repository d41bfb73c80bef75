"""Pretrained models: golden log-probs of transformers, saving, and one clear message per wrong file."""

import json
import shutil
import sys
from pathlib import Path

import equinox as eqx
import gguf
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tpo_models import (
    LanguageModel,
    Tokenizer,
    load_language_model,
    save_adapter,
    save_language_model,
    with_lora,
)

DATA = Path(__file__).parent / "data"
FAMILIES = ["llama", "qwen2", "qwen3"]
log_softmax = eqx.filter_jit(LanguageModel.answer_log_softmax)


def every_log_softmax(model, tokens):
    """After every token, by scoring a sequence that starts with the first."""
    return log_softmax(model, jnp.array([tokens[:1]]), jnp.array([[[*tokens[1:], 0]]]))[0, 0]


@pytest.fixture
def folder(tmp_path):
    """A copy of the tiny Llama, to be damaged."""
    return shutil.copytree(DATA / "tiny_llama", tmp_path / "model")


def edit(file, **changes):
    found = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({name: value for name, value in found.items() if value != "remove"}))


def edit_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("family", FAMILIES)
def test_log_probs_are_those_of_transformers(family):
    model, _ = load_language_model(DATA / f"tiny_{family}")
    golden = json.loads((DATA / f"tiny_{family}" / "golden.json").read_text())
    got = every_log_softmax(model, golden["tokens"])[:, ::30]
    np.testing.assert_allclose(got, golden["log_softmax"], atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_is_loaded_as_it_was(family, tmp_path):
    model, tokenizer = load_language_model(DATA / f"tiny_{family}")
    save_language_model(tmp_path / "saved", model, tokenizer)
    again, tokens = load_language_model(tmp_path / "saved")
    assert again.config == model.config
    assert eqx.tree_equal(again, model)
    assert (tokens.end, tokens.template) == (tokenizer.end, tokenizer.template)
    with pytest.raises(FileExistsError, match="exists and is not empty; choose another folder"):
        save_language_model(tmp_path / "saved", model, tokenizer)


def test_the_dtype_of_the_parameters_and_of_the_computation_are_chosen_apart():
    model, _ = load_language_model(DATA / "tiny_llama", dtype=jnp.bfloat16, stored=jnp.bfloat16)
    assert model.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(model)} == {jnp.dtype(jnp.bfloat16)}


def test_files_of_bfloat16_and_in_several_parts_are_read(folder):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {f"part{i}.safetensors": dict(list(tensors.items())[i::2]) for i in range(2)}
    for name, part in parts.items():
        save_file({key: array.astype(jnp.bfloat16) for key, array in part.items()}, folder / name)
    weight_map = {key: name for name, part in parts.items() for key in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    model, _ = load_language_model(folder)
    expected, _ = load_language_model(DATA / "tiny_llama")
    np.testing.assert_array_equal(
        model.embedding, expected.embedding.astype(jnp.bfloat16).astype(jnp.float32)
    )
    (folder / "part1.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"index.json names part1.safetensors, which is not there"):
        load_language_model(folder)


def interleaved(kernel, head_dim):
    """The order of rows in a GGUF file: row `2 i + j` of a head is row `i + j * head_dim / 2`."""
    order = [i + j * head_dim // 2 for i in range(head_dim // 2) for j in range(2)]
    heads = kernel.reshape(-1, head_dim, kernel.shape[1])
    return heads[:, order].reshape(kernel.shape)


def write_gguf(path, model, tokenizer, *, architecture="llama", skip=(), tied=True):
    c = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(c.positions)
    writer.add_embedding_length(c.width)
    writer.add_block_count(c.layers)
    writer.add_feed_forward_length(c.mlp_width)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_key_length(c.head_dim)
    writer.add_layer_norm_rms_eps(c.norm_eps)
    writer.add_rope_freq_base(c.rope_base)
    described = json.loads(tokenizer.backend.to_str())
    vocabulary = {**described["model"]["vocab"], **{f"<{i}>": i for i in range(262, 270)}}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(sorted(vocabulary, key=vocabulary.get))
    writer.add_token_types(
        [3 if token == "<|end|>" else 1 for token in sorted(vocabulary, key=vocabulary.get)]
    )
    writer.add_token_merges([" ".join(pair) for pair in described["model"]["merges"]])
    writer.add_eos_token_id(256)
    writer.add_chat_template(tokenizer.template)
    parts = {"attn_q": "query", "attn_k": "key", "attn_v": "value", "attn_output": "out"}
    parts |= {"ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    tensors = {"token_embd.weight": model.embedding, "output_norm.weight": model.norm}
    for i in range(c.layers):
        tensors[f"blk.{i}.attn_norm.weight"] = model.layers.attention_norm[i]
        tensors[f"blk.{i}.ffn_norm.weight"] = model.layers.mlp_norm[i]
        for name, field in parts.items():
            kernel = np.asarray(getattr(model.layers, field).kernel[i])
            turned = name in ("attn_q", "attn_k")
            tensors[f"blk.{i}.{name}.weight"] = interleaved(kernel, c.head_dim) if turned else kernel
    if not tied:
        tensors["output.weight"] = 2 * model.embedding
    for name, array in tensors.items():
        if name not in skip:
            writer.add_tensor(name, np.ascontiguousarray(array, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_is_the_model_that_it_was_written_from(tmp_path):
    expected, tokenizer = load_language_model(DATA / "tiny_llama")
    model, tokens = load_language_model(write_gguf(tmp_path / "m.gguf", expected, tokenizer))
    assert model.config == expected.config
    assert eqx.tree_equal(model, expected)
    assert (tokens.end, tokens.template) == (tokenizer.end, tokenizer.template)
    text = "the till 2024<|end|> in é\n"
    assert tokens.decode(tokens.encode(text), skip_special=False) == text
    assert tokens.encode("the<|end|>")[-1] == tokens.end
    head = load_language_model(write_gguf(tmp_path / "h.gguf", expected, tokenizer, tied=False))[0].head
    np.testing.assert_array_equal(head, 2 * expected.embedding)


def test_wrong_gguf_files_are_named(tmp_path):
    model, tokenizer = load_language_model(DATA / "tiny_llama")
    qwen = write_gguf(tmp_path / "q.gguf", model, tokenizer, architecture="qwen2")
    with pytest.raises(ValueError, match="architecture 'qwen2'; expected 'llama'"):
        load_language_model(qwen)
    lacking = write_gguf(tmp_path / "l.gguf", model, tokenizer, skip=["blk.1.ffn_up.weight"])
    with pytest.raises(ValueError, match=r"tensor 'blk.1.ffn_up.weight' is missing"):
        load_language_model(lacking)
    whole = write_gguf(tmp_path / "w.gguf", model, tokenizer).read_bytes()
    for length in (0, 10, 3000, len(whole) - 100):
        (tmp_path / "cut.gguf").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a complete GGUF file"):
            load_language_model(tmp_path / "cut.gguf")


WRONG = {
    "no folder": (shutil.rmtree, "does not exist; expected a .gguf file or the folder of a model"),
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json is not valid JSON"),
    "architecture": (
        lambda f: edit(f / "config.json", architectures=["GPT2LMHeadModel"]),
        "architecture GPT2LMHeadModel; expected one of LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM",
    ),
    "lacking size": (
        lambda f: edit(f / "config.json", hidden_size="remove"),
        "config.json lacks 'hidden_size'",
    ),
    "activation": (
        lambda f: edit(f / "config.json", hidden_act="gelu"),
        "hidden_act is 'gelu', but only 'silu'",
    ),
    "scaled": (
        lambda f: edit(f / "config.json", rope_parameters={"rope_type": "llama3"}),
        "rotary embeddings are scaled by 'llama3', which is not supported",
    ),
    "shape": (
        lambda f: edit(f / "config.json", intermediate_size=13),
        r"mlp.gate_proj.weight' has the shape \(12, 8\), but the sizes of the model need \(13, 8\)",
    ),
    "missing tensor": (
        lambda f: edit_tensors(f, lambda tensors: tensors.pop("model.norm.weight")),
        "tensor 'model.norm.weight' is missing",
    ),
    "integers": (
        lambda f: edit_tensors(f, lambda tensors: tensors.update({"model.norm.weight": np.ones(8, np.int8)})),
        "tensor 'model.norm.weight' is stored as I8; expected F32, F16 or BF16",
    ),
    "cut": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
        "model.safetensors is damaged or incomplete",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"has no \*.safetensors file"),
    "pickle": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        "only as pytorch_model.bin, which is a pickle",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "bad tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{}"),
        "tokenizer.json is not a valid tokenizer",
    ),
    "other tokenizer": (
        lambda f: edit(f / "config.json", vocab_size=200) or edit_tensors(f, cut_vocabulary),
        "the tokenizer has 262 tokens, but the model 200; it is the tokenizer of another model",
    ),
}


def cut_vocabulary(tensors):
    tensors["model.embed_tokens.weight"] = np.ascontiguousarray(tensors["model.embed_tokens.weight"][:200])


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_folders_are_named(wrong, folder):
    damage, message = WRONG[wrong]
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_language_model(folder)


@pytest.mark.parametrize("library", ["safetensors", "tokenizers"])
def test_without_the_extra_the_message_names_it(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"needs the library {library}: pip install 'tpo-models\[lm\]'"):
        load_language_model(DATA / "tiny_llama")


def test_adapters_are_saved_with_the_names_of_peft(tmp_path):
    model, _ = load_language_model(DATA / "tiny_llama")
    adapted = with_lora(model, rank=2, alpha=6, targets=("query", "down"), key=jax.random.key(0))
    save_adapter(tmp_path / "adapter", adapted, base="tiny")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (2, 6, "tiny")
    assert config["target_modules"] == ["q_proj", "down_proj"]
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert len(tensors) == 2 * 2 * 2
    name = "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"
    np.testing.assert_array_equal(tensors[name], adapted.layers.down.low_rank.down[1])
    with pytest.raises(ValueError, match="the model has no adapters"):
        save_adapter(tmp_path / "none", model)


def test_a_tokenizer_reads_what_it_writes():
    tokenizer = Tokenizer.from_folder(DATA / "tiny_llama")
    for text in ("", "the till", "日本語 😀\t\n  x", "<|end|>"):
        assert tokenizer.decode(tokenizer.encode(text), skip_special=False) == text
    assert tokenizer.decode([256, 0]) == tokenizer.decode([0])
    assert tokenizer.token(" the") == 259
    with pytest.raises(ValueError, match=r"'the till' is \d+ tokens \['t', 'he', .*; choose another text"):
        tokenizer.token("the till")


@pytest.mark.parametrize(
    "ids", [[-1], [10**12], [261, 262, 10_000], [-(2**70)], np.array([3, -1]), jnp.array([3, -1])]
)
def test_no_ids_make_decoding_fail(ids):
    assert isinstance(Tokenizer.from_folder(DATA / "tiny_llama").decode(ids), str)


def test_a_chat_is_rendered_by_the_template_in_a_sandbox():
    tokenizer = Tokenizer.from_folder(DATA / "tiny_llama")
    messages = [{"role": "user", "content": "2 + 2?"}]
    assert tokenizer.chat(messages) == "<|user|>2 + 2?<|end|><|assistant|>"
    assert tokenizer.chat(messages, answer=False) == "<|user|>2 + 2?<|end|>"
    for template, message in (
        ("{{ messages.__class__.__mro__ }}", "the chat template of the model fails"),
        ("{{ raise_exception('no system role') }}", "fails: no system role"),
        (None, "has no chat template"),
    ):
        with pytest.raises(ValueError, match=message):
            Tokenizer(tokenizer.backend, end=256, template=template).chat(messages)
