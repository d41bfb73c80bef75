"""Flipped bits, strangers' files and foreign checkpoints: noticed and named, never used silently."""

import random
import re
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reliability import CONFIG

from tpo_runs._checkpoint import Checkpoint, Checkpoints
from tpo_runs._cli import main
from tpo_runs._config_error import ConfigError
from tpo_runs._integrity import damage
from tpo_runs._store import Store
from tpo_runs._stored_config import is_sealed

STATE = {"policy": jnp.arange(6.0).reshape(2, 3), "steps": jnp.array([3, 3]), "kind": "muon"}
IDENTITY = {"cell": {"task": "tokens"}, "seeds": [0, 1]}


def checkpoint(step):
    metrics = {"loss": np.arange(2 * step, dtype=np.float32).reshape(2, step)}
    return Checkpoint(step, jax.tree.map(lambda leaf: leaf, STATE), metrics, {"seconds": 1.0})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A finished run, with two checkpoints of another block beside it."""
    directory = tmp_path_factory.mktemp("run")
    config = directory / "small.toml"
    config.write_text(CONFIG.replace("steps = 6000", "steps = 20"))
    assert main([str(config), "--out", str(directory / "out"), "--quiet"]) == 0
    store = Store(directory / "out")
    saved = Checkpoints(checkpoints_of(store), IDENTITY)
    saved.save(checkpoint(4))
    saved.save(checkpoint(8))
    return store


def checkpoints_of(store):
    key = store.manifest()["cells"][0]["key"]
    return store.checkpoints(key, [2, 3])


def complaints(store):
    """What reading all of a store tells, and the step that its checkpoints go on from."""
    told = []
    for read in (store.manifest, store.results):
        try:
            read()
        except ConfigError as error:
            told += error.lines
    told += damage(store.figures)
    if not is_sealed((store.root / "config.toml").read_bytes()):
        told.append(f"{store.root / 'config.toml'}: damaged")
    found = Checkpoints(next(store.root.glob("cells/*/checkpoints/*")), IDENTITY).latest(STATE, told.append)
    return told, found


def test_an_intact_store_has_nothing_to_complain_about(store, tmp_path):
    copy = shutil.copytree(store.root, tmp_path / "copy")
    told, found = complaints(Store(copy))
    assert told == []
    assert found.step == 8
    np.testing.assert_array_equal(found.state["policy"], STATE["policy"])


def test_every_flipped_bit_is_noticed_and_named(store, tmp_path):
    moments = random.Random(0)
    files = sorted(path.relative_to(store.root) for path in store.root.rglob("*") if path.is_file())
    files = [name for name in files if name.name != ".lock"]
    for trial in range(200):
        name = files[trial % len(files)]
        copy = shutil.copytree(store.root, tmp_path / "copy")
        content = bytearray((copy / name).read_bytes())
        content[moments.randrange(len(content))] ^= 1 << moments.randrange(8)
        (copy / name).write_bytes(bytes(content))
        if "step-000000004" in name.parts:
            # It is read when the one after it is gone.
            shutil.rmtree(next(copy.rglob("step-000000008")))
        told, found = complaints(Store(copy))
        named = {str(copy / name), str(copy / name.parent)}
        assert any(path in line for line in told for path in named), f"{name}: {told}"
        # A damaged checkpoint is passed over for the one before it.
        if "step-000000004" in name.parts:
            assert found is None
        else:
            assert found.step == (4 if "step-000000008" in name.parts else 8)
        shutil.rmtree(copy)


def test_damaged_results_are_refused_by_the_program_and_trained_again_when_removed(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    config = store.root.parent / "small.toml"
    block = next(out.glob("cells/*/seeds-*"))
    intact = (block / "metrics.parquet").read_bytes()
    (block / "metrics.parquet").write_bytes(intact[:-1])
    assert main([str(config), "--out", str(out), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{block}/metrics.parquet: damaged" in line
    assert f"remove {block} to have its seeds trained again" in line
    shutil.rmtree(block)
    assert main([str(config), "--out", str(out), "--quiet"]) == 0
    assert (block / "metrics.parquet").read_bytes() == intact


def test_only_the_last_two_checkpoints_stay_and_unfinished_ones_are_removed(tmp_path):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    for step in (1, 2, 3):
        saved.save(checkpoint(step))
    (tmp_path / "seeds" / ".writing-x").mkdir()
    assert sorted(path.name for path in (tmp_path / "seeds").glob("step-*")) == [
        "step-000000002",
        "step-000000003",
    ]
    assert saved.latest(STATE, pytest.fail).step == 3
    Store(tmp_path).remove_unfinished()
    assert not list(tmp_path.rglob(".writing-*"))


def test_a_checkpoint_of_another_shape_or_block_is_told_and_not_used(tmp_path):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5))
    told = []
    larger = {**STATE, "policy": jnp.zeros((2, 4))}
    assert saved.latest(larger, told.append) is None
    saved.save(checkpoint(5))
    assert Checkpoints(saved.directory, {**IDENTITY, "seeds": [4]}).latest(STATE, told.append) is None
    assert "its arrays are not those of this policy and optimizer" in told[0]
    assert "it belongs to other seeds or another cell" in told[1]


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_what_a_run_that_was_killed_while_drawing_leaves_is_removed(ending, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from tpo_runs._figures import save_figure

    class Killed(BaseException):
        pass

    def killed(source, target):
        if str(target).endswith(ending):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)  # a killed process cleans up nothing
        with pytest.raises(Killed):
            save_figure(Figure(), tmp_path / "figures" / "curves")
    assert list((tmp_path / "figures").iterdir())
    Store(tmp_path).remove_unfinished()
    assert list((tmp_path / "figures").iterdir()) == []


class Hostile:
    """Unpickled, it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_strangers_checkpoint_runs_no_code(tmp_path):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5))
    target = next(saved.directory.glob("step-*"))
    trap = tmp_path / "trap"
    hostile = np.empty(1, object)
    hostile[0] = Hostile(trap)
    np.savez(target / "state.npz", **{"0": hostile, "1": hostile}, allow_pickle=True)
    # Even with hashes that fit.
    from tpo_runs._integrity import SUMS, sums

    (target / SUMS).write_text(sums(target, ["manifest.json", "metrics.npz", "state.npz"]))
    told = []
    assert saved.latest(STATE, told.append) is None
    assert "allow_pickle=False" in told[0]
    assert not trap.exists()


def test_a_strangers_manifest_leads_nowhere(store, tmp_path):
    other = Store(tmp_path)
    manifest = store.manifest()
    manifest["cells"][0]["key"] = "../../../etc"
    other.write_manifest(manifest)
    with pytest.raises(ConfigError, match="is not the key of a cell"):
        other.results()


def test_no_module_unpickles_or_evaluates_text():
    source = Path(__import__("tpo_runs").__file__).parent
    forbidden = re.compile(r"\b(pickle\.|import pickle|eval\(|exec\(|allow_pickle=True|marshal|shelve)")
    assert [path.name for path in source.glob("*.py") if forbidden.search(path.read_text())] == []
