"""The guides' examples are complete: their files, written as the guide says, run."""

import importlib.util
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "docs" / "guides"
# The trainers whose absence is an error, not a skipped test.
REQUIRED = os.environ.get("TPO_ADAPTERS_REQUIRED", "")

_spec = importlib.util.spec_from_file_location("documents", Path(__file__).with_name("test_documents.py"))
documents = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(documents)


@pytest.fixture(scope="module")
def small_store(tmp_path_factory):
    """A store of two steps of TPO, as a run writes it."""
    from tpo_runs import Store, load_config
    from tpo_runs._store import manifest

    loaded = load_config(ROOT / "configs" / "tabular_single.toml", methods="TPO")
    store = Store(tmp_path_factory.mktemp("store") / "bandit")
    store.write_run(manifest(loaded, store), loaded.config)
    errors = np.array([[0.9, 0.8], [0.9, 0.7]], np.float32)
    facts = {"provenance": {"diverged": {}}, "timing": {"seconds": 1.0}}
    store.write_block(loaded.cells[0], [0, 1], {"error": errors, "loss": errors}, **facts)
    return store.root


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, which Python imports from as it does beside a script."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("guide", "script"),
    [
        ("own_objective", "check_my_objective.py"),
        ("own_task", "check_rotated.py"),
        ("own_policy", "check_parallel.py"),
        ("own_optimizer", "check_sign.py"),
    ],
)
def test_what_a_reader_wrote_is_checked_as_the_guide_says(guide, script, folder):
    documents.write_files(GUIDES / f"{guide}.md", folder)
    runpy.run_path(script, run_name="__main__")


def test_the_losses_train_in_a_loop_of_ones_own(folder, capsys):
    documents.write_files(GUIDES / "own_trainer.md", folder)
    runpy.run_path("count_down.py", run_name="__main__")
    assert capsys.readouterr().out.endswith("of the answers are right\n")
    for code in documents.blocks(GUIDES / "own_trainer.md", "python")[1:]:
        exec(compile(code, "own_trainer.md", "exec"), {})


def test_a_language_model_trains_on_the_scorer_of_the_guide(folder, monkeypatch, capsys):
    documents.write_files(GUIDES / "language_models.md", folder)
    model = ROOT / "packages" / "tpo-models" / "tests" / "data" / "tiny_llama"
    monkeypatch.setattr(sys, "argv", ["own_model.py", str(model)])
    runpy.run_path("own_model.py", run_name="__main__")
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("step 20: 0.")


def test_the_figure_of_the_guide_is_drawn(small_store, folder, monkeypatch):
    documents.write_files(GUIDES / "own_figure.md", folder)
    monkeypatch.setattr(sys, "argv", ["spread.py", str(small_store)])
    runpy.run_path("spread.py", run_name="__main__")
    assert (folder / "figures" / "spread.png").read_bytes().startswith(b"\x89PNG")


def test_the_store_is_read_as_its_page_says(small_store, folder, capsys):
    documents.write_files(GUIDES / "results_store.md", folder)
    (folder / "results").mkdir()
    (folder / "results" / "bandit").symlink_to(small_store)
    runpy.run_path("read_store.py", run_name="__main__")
    assert capsys.readouterr().out.startswith("TPO {}")


def test_a_whole_run_takes_one_call(folder, capsys):
    documents.write_files(GUIDES / "results_store.md", folder)
    runpy.run_path("whole_run.py", run_name="__main__")
    assert capsys.readouterr().out.endswith("400\n")
    assert (folder / "results" / "from_python" / "figures" / "learning_curves.png").is_file()


def test_the_summary_is_read_as_its_page_says(small_store, folder, capsys):
    from tpo_runs._publish import write_summary

    documents.write_files(GUIDES / "results_store.md", folder)
    write_summary(small_store, folder / "results" / "bandit" / "figures" / "summary.json")
    runpy.run_path("read_summary.py", run_name="__main__")
    assert capsys.readouterr().out == "TPO 0.75 never ['never', 'never']\n"


def test_the_quickstart_reads_its_results(small_store, folder, capsys):
    (folder / "results").mkdir()
    (folder / "results" / "first_run").symlink_to(small_store)
    for code in documents.blocks(GUIDES / "quickstart.md", "python"):
        exec(compile(code, "quickstart.md", "exec"), {})
    assert capsys.readouterr().out == "TPO [0, 1] (2, 2)\n"


def test_what_the_questions_claim_holds():
    for code in documents.blocks(GUIDES / "faq.md", "python"):
        exec(compile(code, "faq.md", "exec"), {})


def test_the_page_of_the_store_names_every_file(small_store):
    page = (GUIDES / "results_store.md").read_text()
    files = {path.name for path in small_store.rglob("*") if path.is_file()} - {".lock"}
    assert {"run.json", "metrics.parquet", "SHA256SUMS"} <= files
    assert [name for name in sorted(files) if name not in page] == []


def rewards_printed(capsys):
    """What a guide's script prints at its end: the first reward and the last one."""
    *_, last = capsys.readouterr().out.splitlines()
    return [float(number) for number in re.findall(r"\d\.\d\d", last)]


@pytest.mark.adapters
@pytest.mark.filterwarnings("ignore")
def test_the_reward_rises_in_the_guide_to_trl(folder, monkeypatch, capsys):
    if "trl" not in REQUIRED:
        pytest.importorskip("trl")
    from tpo_objectives.trl import TargetPolicyConfig

    # The checks of the tests would refuse TRL's own defaults.
    monkeypatch.setattr(TargetPolicyConfig, "__init__", inspect.unwrap(TargetPolicyConfig.__init__))
    documents.write_files(GUIDES / "trl.md", folder)
    runpy.run_path("say_a.py", run_name="__main__")
    first, last = rewards_printed(capsys)
    assert first < 0.4
    assert last > 0.8
    *_, losses = documents.blocks(GUIDES / "trl.md", "python")
    exec(compile(losses, "trl.md", "exec"), {})


@pytest.mark.adapters
@pytest.mark.filterwarnings("ignore")
def test_the_reward_rises_in_the_guide_to_tunix(folder, capsys):
    if "tunix" not in REQUIRED:
        pytest.importorskip("tunix")
    documents.write_files(GUIDES / "tunix.md", folder)
    runpy.run_path("say_hello.py", run_name="__main__")
    first, last = rewards_printed(capsys)
    assert first < 0.1
    assert last > 0.8
    for code in documents.blocks(GUIDES / "tunix.md", "python")[:-1]:
        exec(compile(code, "tunix.md", "exec"), {})


@pytest.mark.adapters
def test_the_guide_to_verl_registers_estimators_under_their_names(folder, monkeypatch):
    if "torch" not in REQUIRED:
        pytest.importorskip("torch")
    registered = {}
    core = types.ModuleType("verl.trainer.ppo.core_algos")
    core.register_adv_est = lambda name: lambda function: registered.setdefault(name, function)
    for name in ("verl", "verl.trainer", "verl.trainer.ppo"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, core.__name__, core)
    documents.write_files(GUIDES / "verl.md", folder)
    runpy.run_path("tpo_for_verl.py", run_name="__main__")
    assert set(registered) == {"tpo", "tpo_colder"}


def test_the_derivation_of_the_guide_to_verl_holds():
    *_, check = documents.blocks(GUIDES / "verl.md", "python")
    exec(compile(check, "verl.md", "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("guide", ["own_objective", "own_task", "own_policy", "own_optimizer", "own_figure"])
def test_all_commands_of_a_guide_run(guide, folder):
    documents.write_files(GUIDES / f"{guide}.md", folder)
    programs = {"python": [sys.executable], "tpo-runs": [sys.executable, "-m", "tpo_runs"]}
    for program, *arguments in documents.commands(GUIDES / f"{guide}.md"):
        subprocess.run([*programs[program], *arguments], cwd=folder, check=True, timeout=600)
    assert list(folder.rglob("*.png"))


def test_the_notebook_of_one_experiment_has_ten_cells_and_installs_only_what_is_missing():
    notebook = json.loads((ROOT / "notebooks" / "experiment.ipynb").read_text())
    assert len(notebook["cells"]) == 10
    install = "".join(notebook["cells"][1]["source"])
    assert install.index("find_spec") < install.index("%pip install")
    assert not any(
        cell.get("outputs") for cell in notebook["cells"][:4]
    )  # nothing was installed when it was run
    assert any("image/png" in output.get("data", {}) for output in notebook["cells"][8]["outputs"])
