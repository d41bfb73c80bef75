"""What stays of a trained language model: its answers, its policy, and a model that other libraries load."""

import json
import re
import shutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from tpo_envs import FewShotArithmetic
from tpo_models import (
    LanguageModel,
    LanguageModelConfig,
    Tokenizer,
    load_language_model,
    save_language_model,
)
from tpo_runs import (
    ConfigError,
    Store,
    TextTask,
    build_policy,
    build_trainer,
    initial_state,
    load_config,
    load_policy,
    train,
)
from tpo_runs._cli import main

PROBLEMS = FewShotArithmetic(terms=2, largest=9, shots=4)
CONFIG = f"""\
task = {{ kind = "text", problems = "{PROBLEMS.id}", train = 8, held_out = 6, max_tokens = 3 }}
policy = {{ kind = "language_model", model = "MODEL" }}
optimizer = {{ kind = "adamw", learning_rate = 3e-2 }}
schedule = {{ steps = 3, seeds = 2, block = 2, keep_policies = true }}
evaluation = {{ measures = ["held_out"], every = 3, samples = 4 }}
figures = []

[[method]]
name = "TPO"
objective = {{ kind = "tpo" }}
rollout = {{ kind = "sequence_group", prompts = 2, candidates = 3 }}
[[method]]
name = "adapters"
objective = {{ kind = "token_grpo" }}
rollout = {{ kind = "sequence_group", prompts = 2, candidates = 3 }}
policy = {{ lora = {{ rank = 2, targets = ["query", "down"] }} }}
"""


def byte_tokenizer():
    vocabulary = {token: i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Backend(models.BPE({**vocabulary, "<|end|>": len(vocabulary)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore
    backend.decoder = decoders.ByteLevel()  # pyright: ignore
    backend.add_special_tokens(["<|end|>"])
    return Tokenizer(backend, end=len(vocabulary))


def random_model(seed):
    sizes = {"vocab_size": 257, "width": 16, "layers": 2, "heads": 2, "kv_heads": 1, "head_dim": 8}
    return LanguageModel(LanguageModelConfig(**sizes, mlp_width=16), key=jax.random.key(seed))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a tiny pretrained model."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_language_model(folder, random_model(0), byte_tokenizer())
    return folder


@pytest.fixture(scope="module")
def config(model):
    path = model.parent / "config.toml"
    path.write_text(CONFIG.replace("MODEL", str(model)))
    return path


@pytest.fixture(scope="module")
def out(config):
    """A run of two methods and two seeds that has kept its policies."""
    assert main([str(config), "--out", str(config.parent / "out"), "--quiet"]) == 0
    return config.parent / "out"


def held_out(tokenizer, count):
    problems = PROBLEMS.problems("held_out", count, seed=0)
    return TextTask(problems, PROBLEMS.score, tokenizer, horizon=3, end=tokenizer.token("\n"))


def result(out, method):
    return next(result for result in Store(out).results() if result.method == method)


@pytest.mark.parametrize("method", ["TPO", "adapters"])
def test_a_loaded_policy_is_the_one_at_the_end_of_training(method, out, config):
    (cell,) = load_config(config, methods=method).cells
    trainer, seeds = build_trainer(cell), jnp.arange(2)
    *_, (state, _) = train(trainer, initial_state(trainer, build_policy(cell), seeds), seeds, 3)
    for seed in (0, 1):
        policy = load_policy(out, method, seed=seed)
        trained = jax.tree.map(lambda leaf, seed=seed: leaf[seed], eqx.filter(state.policy, eqx.is_array))
        jax.tree.map(np.testing.assert_array_equal, eqx.filter(policy, eqx.is_array), trained)


def test_policies_differ_from_the_pretrained_one_where_they_were_trained(out, model):
    before, _ = load_language_model(model)
    after, adapted = load_policy(out, "TPO"), load_policy(out, "adapters")
    assert not np.allclose(before.layers.gate.kernel, after.layers.gate.kernel)
    np.testing.assert_array_equal(before.layers.gate.kernel, adapted.layers.gate.kernel)
    assert np.abs(adapted.layers.query.low_rank.up).max() > 0


def test_answers_before_and_after_are_those_of_the_policies(out, model):
    before, tokenizer = load_language_model(model)
    task = held_out(tokenizer, 4)
    for seed in (0, 1):
        after = load_policy(out, "TPO", seed=seed)
        stored = [sample for sample in result(out, "TPO").samples if sample["seed"] == seed]
        assert [sample["prompt"] for sample in stored] == [
            problem.prompt for problem in PROBLEMS.problems("held_out", 4, seed=0)
        ]
        for policy, when in ((before, "before"), (after, "after")):
            for prompt, sample in zip(task.table, stored, strict=True):
                assert sample[when] == naive_greedy(policy, tokenizer, prompt)


log_softmax = eqx.filter_jit(LanguageModel.answer_log_softmax)


def naive_greedy(policy, tokenizer, prompt):
    """The most probable tokens one by one, each from the whole text again."""
    tokens = [int(token) for token in prompt]
    for _ in range(3):
        answers = np.zeros((1, 1, 1), np.int32)
        logp = log_softmax(policy, np.array([tokens], np.int32), answers)[0, 0, 0]
        tokens.append(int(np.argmax(logp)))
    answer = tokens[len(prompt) :]
    end = tokenizer.token("\n")
    return tokenizer.decode(answer[: answer.index(end)] if end in answer else answer)


def test_answers_are_in_the_tables_of_the_store_and_of_its_summary(out, tmp_path):
    summary = (out / "figures" / "summary.md").read_text()
    rows = [
        line for line in summary.partition("Answers to held-out problems")[2].splitlines() if " = " in line
    ]
    assert len(rows) == 2 * 4
    assert main(["summarize", str(out), "--to", str(tmp_path / "summary.json")]) == 0
    assert main(["draw", str(tmp_path / "summary.json")]) == 0
    again = (tmp_path / "summary.md").read_text()
    assert again.partition("Answers to held-out")[2] == summary.partition("Answers to held-out")[2]


@pytest.mark.parametrize("method", ["TPO", "adapters"])
def test_an_exported_model_has_the_logits_of_the_policy(method, out, tmp_path):
    words = ["export", str(out), "--to", str(tmp_path / "model"), "--method", method, "--seed", "1"]
    assert main(words) == 0
    exported, tokenizer = load_language_model(tmp_path / "model")
    policy = load_policy(out, method, seed=1)
    prompts = jnp.asarray([tokenizer.encode("2 + 3 =")], jnp.int32)
    answers = jnp.zeros((1, 1, 1), jnp.int32)
    np.testing.assert_allclose(
        log_softmax(exported, prompts, answers), log_softmax(policy, prompts, answers), atol=1e-5
    )


def test_exported_adapters_are_those_of_the_policy(out, model, tmp_path):
    from safetensors.numpy import load_file

    words = ["export", str(out), "--to", str(tmp_path / "a"), "--method", "adapters", "--adapter"]
    assert main(words) == 0
    settings = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(model)
    policy = load_policy(out, "adapters")
    stored = load_file(tmp_path / "a" / "adapter_model.safetensors")
    name = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"
    np.testing.assert_array_equal(stored[name], policy.layers.query.low_rank.down[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "several policies fit; name the method and the grid point of one: TPO; adapters"),
        (("--method", "TPo"), "no method is named 'TPo'; did you mean 'TPO'?"),
        (("--method", "TPO", "--seed", "7"), "TPO: seed 7 is not complete; complete seeds: [0, 1]"),
        (("--method", "TPO", "--task.seed", "1"), "'task.seed' is not an axis of the grid"),
        (("--method", "TPO", "--adapter"), "trained without policy.lora; export without --adapter"),
    ],
)
def test_what_cannot_be_exported_is_named(words, message, out, tmp_path, capsys):
    assert main(["export", str(out), "--to", str(tmp_path / "new"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_with_files_is_left_alone(out, tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert main(["export", str(out), "--to", str(tmp_path), "--method", "TPO"]) == 2
    assert "is not empty; --to needs a new or empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_policies_that_were_not_kept_are_missed_with_the_fix(out, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    for folder in copy.glob("cells/*/policies"):
        shutil.rmtree(folder)
    with pytest.raises(
        ConfigError, match=r"TPO: the policies were not kept; train with --schedule\.keep_pol"
    ):
        load_policy(copy, "TPO")


def test_a_damaged_policy_is_not_loaded(out, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    for file in copy.glob("cells/*/policies/*/*/state.npz"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"state\.npz: damaged"):
        load_policy(copy, "TPO")


def test_a_policy_of_another_pretrained_model_is_refused(out, model, tmp_path):
    moved = tmp_path / "moved"
    model.rename(moved)
    try:
        save_language_model(model, random_model(9), byte_tokenizer())
        with pytest.raises(ConfigError, match="has changed since training; restore the files"):
            load_policy(out, "adapters")
    finally:
        shutil.rmtree(model)
        moved.rename(model)


ADAPTERS = ("--quiet", "--methods", "adapters", "--schedule.checkpoint_minutes", "1e-9")


@pytest.fixture(scope="module")
def crashed(config, tmp_path_factory):
    """A run of adapters that was lost after its first checkpoint."""
    from tpo_runs._run import Checkpoints

    saved, folder = Checkpoints.save, tmp_path_factory.mktemp("crashed") / "out"

    def save_and_crash(self, checkpoint):
        saved(self, checkpoint)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_crash)
        with pytest.raises(KeyboardInterrupt):
            main([str(config), "--out", str(folder), *ADAPTERS])
    return folder


def test_a_checkpoint_holds_only_what_is_trained(crashed):
    (manifest,) = crashed.glob("cells/*/checkpoints/*/*/manifest.json")
    names = [name for name, *_ in json.loads(manifest.read_text())["leaves"] if "policy" in name]
    assert names
    assert all("low_rank" in name for name in names)


def test_a_run_of_adapters_resumes_from_its_checkpoint_to_the_same_bits(config, tmp_path, crashed, out):
    shutil.copytree(crashed, tmp_path / "out")
    assert main([str(config), "--out", str(tmp_path / "out"), *ADAPTERS]) == 0
    (file,) = (tmp_path / "out").glob("cells/*/*/metrics.parquet")
    (whole,) = out.glob(f"cells/{file.parents[1].name}/*/metrics.parquet")
    assert file.read_bytes() == whole.read_bytes()


def test_sampled_answers_are_printed_with_their_scores(out, capsys):
    words = ["sample", str(out), "--method", "TPO", "--prompts", "2", "--answers", "3"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("TPO, seed 0, after 3 steps\n\n> ")
    assert len(re.findall(r"^\[[01]\] ", printed, re.MULTILINE)) == 2 * 3
    asked = {line for line in printed.splitlines() if line.endswith(" =")}
    held_out = {f"> {problem.prompt.splitlines()[-1]}" for problem in PROBLEMS.problems("held_out", 6)}
    assert len(asked) == 2
    assert asked <= held_out
    # The same seed samples the same answers.
    assert main(words) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_number_of_answers_is_at_least_one(count, out, capsys):
    assert main(["sample", str(out), "--method", "TPO", f"--answers={count}"]) == 2
    assert f"expected an integer from 1, found '{count}'" in capsys.readouterr().err


TOKENS = """\
task = { kind = "tokens", target = "copy", reward = "terminal", horizon = 2, vocab_size = 2 }
policy = { kind = "transformer", width = 16, layers = 1, heads = 2 }
optimizer = { kind = "adam", learning_rate = 0.03 }
schedule = { steps = 60, seeds = 1, keep_policies = true }
figures = []
grid = { "task.horizon" = [2, 3] }

[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 16, candidates = 8 }
"""


def test_a_policy_of_any_task_with_answers_is_sampled_at_its_point_of_the_grid(tmp_path, capsys):
    config, out = tmp_path / "config.toml", tmp_path / "out"
    config.write_text(TOKENS)
    assert main([str(config), "--out", str(out), "--quiet"]) == 0
    assert main(["sample", str(out)]) == 2
    assert "several policies fit; name the method and the grid point of one: TPO, horizon = 2" in (
        capsys.readouterr().err
    )
    assert main(["sample", str(out), "--task.horizon", "2", "--prompts", "50", "--answers", "1"]) == 0
    pairs = re.findall(r"^> (.+)\n\[(.+)\] (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(pairs) == 50
    assert [score == "1" for _, score, _ in pairs] == [prompt == answer for prompt, _, answer in pairs]
    # A quarter of random answers is right.
    assert sum(score == "1" for _, score, _ in pairs) > 25


def test_policies_that_are_kept_count_for_the_space_that_a_run_needs(config):
    from tpo_runs._run import blocks_of, needed_bytes

    (without,) = load_config(
        config, methods="TPO", overrides=[("schedule.keep_policies", "false"), ("schedule.seeds", "40")]
    ).cells
    (kept,) = load_config(config, methods="TPO", overrides=[("schedule.seeds", "40")]).cells
    policy, _ = load_language_model(load_config(config).cells[0].policy.model)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(eqx.filter(policy, eqx.is_array)))
    assert (
        needed_bytes(blocks_of(kept)) - needed_bytes(blocks_of(without)) == 40 * 4 * size
    )  # the optimizer, too
