"""Flipped bits, strangers' files and foreign checkpoints: noticed and named, never used silently."""

import errno
import hashlib
import json
import os
import random
import re
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reliability import CONFIG, UNDRAWN, contents

from tpo_runs import ConfigError, Store, load_config
from tpo_runs._cli import main
from tpo_runs._config import is_sealed
from tpo_runs._files import damage
from tpo_runs._run import Checkpoint, CheckpointError, Checkpoints

STATE = {"policy": jnp.arange(6.0).reshape(2, 3), "steps": jnp.array([3, 3]), "kind": "muon"}
IDENTITY = {"cell": {"task": "tokens"}, "seeds": [0, 1]}


def checkpoint(step):
    metrics = {"loss": np.arange(2 * step, dtype=np.float32).reshape(2, step)}
    return Checkpoint(step, jax.tree.map(lambda leaf: leaf, STATE), metrics, {"seconds": 1.0})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A finished run without figures, with two checkpoints of another block beside it."""
    return finished(tmp_path_factory.mktemp("run"), UNDRAWN)


@pytest.fixture(scope="module")
def drawn_store(tmp_path_factory):
    """The same with figures."""
    return finished(tmp_path_factory.mktemp("drawn"), CONFIG)


def finished(directory, text):
    config = directory / "small.toml"
    config.write_text(text.replace("steps = 6000", "steps = 20"))
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


def test_an_intact_store_has_nothing_to_complain_about(drawn_store, tmp_path):
    copy = shutil.copytree(drawn_store.root, tmp_path / "copy")
    told, found = complaints(Store(copy))
    assert told == []
    assert found.step == 8
    np.testing.assert_array_equal(found.state["policy"], STATE["policy"])


def test_every_flipped_bit_is_noticed_and_named(drawn_store, tmp_path):
    moments = random.Random(0)
    files = sorted(
        path.relative_to(drawn_store.root) for path in drawn_store.root.rglob("*") if path.is_file()
    )
    files = [name for name in files if name.name != ".lock"]
    for trial in range(200):
        name = files[trial % len(files)]
        copy = shutil.copytree(drawn_store.root, tmp_path / "copy")
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
    saved = Checkpoints(tmp_path / "cells" / "seeds", IDENTITY)
    for step in (1, 2, 3):
        saved.save(checkpoint(step))
    (saved.directory / ".writing-x").mkdir()
    assert sorted(path.name for path in saved.directory.glob("step-*")) == [
        "step-000000002",
        "step-000000003",
    ]
    assert saved.latest(STATE, pytest.fail).step == 3
    Store(tmp_path).remove_unfinished()
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.parametrize(
    ("state", "identity", "words"),
    [
        (
            {**STATE, "policy": jnp.zeros((2, 4))},
            IDENTITY,
            "['policy'] is float32[2, 3] in the checkpoint, float32[2, 4] in this run",
        ),
        ({**STATE, "new": jnp.zeros(2)}, IDENTITY, "['new'] is missing in the checkpoint, float32[2]"),
        ({"policy": STATE["policy"]}, IDENTITY, "['steps'] is int32[2] in the checkpoint, missing"),
        (STATE, {**IDENTITY, "seeds": [4]}, "it belongs to other seeds or another cell"),
        (STATE, {**IDENTITY, "cell": {}}, "it belongs to other seeds or another cell"),
    ],
)
def test_an_intact_checkpoint_that_does_not_fit_is_refused_and_kept(state, identity, words, tmp_path):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5))
    before = contents(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        Checkpoints(saved.directory, identity).latest(state, pytest.fail)
    assert words in str(caught.value)
    assert f"remove {saved.directory}" in str(caught.value)
    assert contents(tmp_path) == before


def test_a_checkpoint_that_cannot_be_read_for_now_is_kept(tmp_path, monkeypatch):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5))
    before = contents(tmp_path)

    def refuse(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(CheckpointError, match="Input/output error; it is kept"):
            saved.latest(STATE, pytest.fail)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_checkpoint_whose_list_of_hashes_is_cut_off_is_not_used(kept, tmp_path):
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5))
    (sums,) = saved.directory.glob("*/SHA256SUMS")
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:kept]))
    told = []
    assert saved.latest(STATE, told.append) is None
    assert "missing in SHA256SUMS" in told[0]


@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_random_keys_in_a_state_come_back_from_a_checkpoint(kind, tmp_path):
    keys = jax.random.split(jax.random.key(3, impl=kind), 4)
    saved = Checkpoints(tmp_path / "seeds", IDENTITY)
    saved.save(checkpoint(5)._replace(state={**STATE, "keys": keys}))
    other = {**STATE, "keys": jax.random.split(jax.random.key(0, impl=kind), 4)}
    found = saved.latest(other, pytest.fail).state["keys"]
    assert found.dtype == keys.dtype
    np.testing.assert_array_equal(jax.random.key_data(found), jax.random.key_data(keys))
    with pytest.raises(CheckpointError, match="keys"):
        saved.latest({**STATE, "keys": jax.random.key_data(keys)}, pytest.fail)


def run(store, out, *words):
    """The exit code of the run that made the store, in a copy of it."""
    return main([str(store.root.parent / "small.toml"), "--out", str(out), "--quiet", *words])


def test_a_foreign_checkpoint_fails_its_cell_in_one_line_and_stays(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    key = Store(out).manifest()["cells"][0]["key"]
    shutil.rmtree(Store(out).block(key, [0, 1]).path)
    identity = {"cell": Store(out).spec(key), "seeds": [0, 1]}
    saved = Checkpoints(Store(out).checkpoints(key, [0, 1]), identity)
    saved.save(checkpoint(5))
    before = contents(saved.directory)
    assert run(store, out) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"failed: {saved.directory}/step-000000005: cannot resume" in line
    assert contents(saved.directory) == before
    shutil.rmtree(saved.directory)  # as the line says
    assert run(store, out) == 0
    assert Store(out).block(key, [0, 1]) is not None


def test_checkpoints_of_finished_seeds_are_removed_by_the_next_run(store, tmp_path):
    out = shutil.copytree(store.root, tmp_path / "out")
    key = Store(out).manifest()["cells"][0]["key"]
    for seeds in ([0, 1], [0]):
        Checkpoints(Store(out).checkpoints(key, seeds), IDENTITY).save(checkpoint(5))
    assert run(store, out) == 0
    assert [path.name for path in out.glob("cells/*/checkpoints/*")] == ["seeds-000002-000003"]


# Files in the place of others: intact, and not what their place says.


def swap(first, second):
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def without_cell(block):
    """A block as the first versions wrote it."""
    for name, fields in (("provenance.json", ("cell",)), ("timing.json", ("cell", "seeds", "sha256"))):
        value = json.loads((block / name).read_text())
        value = {key: x for key, x in value.items() if key not in fields}
        (block / name).write_bytes(seal(value) if name == "timing.json" else as_json(value))
    reseal(block)


def as_json(value):
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def seal(value):
    return as_json({**value, "sha256": hashlib.sha256(as_json(value)).hexdigest()})


def reseal(directory):
    names = sorted(
        path.name for path in directory.iterdir() if path.name not in ("timing.json", "SHA256SUMS")
    )
    lines = [f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (directory / "SHA256SUMS").write_text("".join(lines))


def swap_blocks(first, second):
    swap(first, second)


def swap_cells(first, second):
    swap(first.parent, second.parent)


def swap_timings(first, second):
    swap(first / "timing.json", second / "timing.json")


def swap_old_blocks(first, second):
    without_cell(first)
    without_cell(second)
    swap(first, second)


def swap_blocks_without_settings(first, second):
    swap(first, second)
    for block in (first, second):
        (block.parent / "spec.json").unlink()


def put_other_seeds_inside(first, second):
    table = pq.read_table(first / "metrics.parquet")
    other = table.set_column(0, "seed", pa.array(np.asarray(table["seed"]) + 1, pa.int32()))
    pq.write_table(other, first / "metrics.parquet", write_page_checksum=True)
    reseal(first)


def rename_a_key_of_the_provenance(first, second):
    path = first / "provenance.json"
    path.write_bytes(path.read_bytes().replace(b'"diverged"', b'"divergee"'))


def take_away_the_provenance(first, second):
    (first / "provenance.json").unlink()


SWAPS = (
    (swap_blocks, "belongs to the cell"),
    (swap_cells, "was called"),
    (swap_timings, "belongs to another block"),
    (swap_old_blocks, "does not train the cell"),
    (swap_blocks_without_settings, "spec.json: missing"),
    (put_other_seeds_inside, "does not hold every step"),
    (rename_a_key_of_the_provenance, "damaged, does not match its hash"),
    (take_away_the_provenance, "a file that it lists is missing"),
)


@pytest.mark.parametrize(("attack", "words"), SWAPS)
def test_what_belongs_elsewhere_is_refused_by_every_reader(attack, words, store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    first, second = out.glob("cells/*/seeds-*")
    attack(first, second)
    for command in ("draw", "report", "summarize"):
        assert main([command, str(out)]) == 2, command
        lines = capsys.readouterr().err.splitlines()
        assert lines
        assert all(words in line and str(out / "cells") in line for line in lines), lines


def test_swapped_blocks_are_also_refused_by_the_run_and_right_again_when_moved_back(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    first, second = out.glob("cells/*/seeds-*")
    swap(first, second)
    assert run(store, out) == 2
    assert "; move it back to " in capsys.readouterr().err
    swap(first, second)
    assert main(["summarize", str(out)]) == 0


def test_blocks_of_the_first_versions_are_read_as_their_config_tells_their_cell(store, tmp_path):
    out = shutil.copytree(store.root, tmp_path / "out")
    for block in out.glob("cells/*/seeds-*"):
        without_cell(block)
    before, after = Store(store.root).results(), Store(out).results()
    assert [result.method for result in after] == [result.method for result in before]
    for there, here in zip(before, after, strict=True):
        np.testing.assert_array_equal(there.metrics["error"], here.metrics["error"])


def test_seeds_that_two_blocks_hold_are_not_counted_twice(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    cell = load_config(store.root.parent / "small.toml").cells[0]
    values = {name: np.zeros((2, 20), np.float32) for name in ("error", "loss")}
    Store(out).write_block(cell, [1, 2], values, {"diverged": {}}, {"seconds": 1.0})
    for words in (["summarize", str(out)], ["report", str(out)], ["draw", str(out)]):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert all(fact in line for fact in ("seeds-000001-000002: ", "seeds-000000-000001", "remove one"))
    assert run(store, out) == 2
    shutil.rmtree(next(out.glob("cells/*/seeds-000001-000002")))
    assert main(["summarize", str(out)]) == 0


# Every way out that a line names is one.


@pytest.mark.parametrize("content", [b"", None])
def test_a_damaged_manifest_is_written_anew_when_it_is_removed(content, store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    whole = (out / "run.json").read_bytes()
    timing = next(out.glob("cells/*/*/timing.json")).read_bytes()  # sealed, but no manifest
    (out / "run.json").write_bytes(timing if content is None else content)
    for words in (["summarize", str(out)], [str(store.root.parent / "small.toml"), "--out", str(out)]):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{out}/run.json" in line
        assert "remove it, and run the config again" in line
    (out / "run.json").unlink()
    (out / "config.toml").write_text("# damaged, too")
    assert run(store, out) == 0
    assert (out / "run.json").read_bytes() == whole
    assert (out / "config.toml").read_bytes() == (store.root / "config.toml").read_bytes()


@pytest.mark.parametrize("content", [None, b"[1, 2]"])
def test_settings_of_a_cell_that_are_gone_are_written_anew(content, store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    spec = next(out.glob("cells/*/spec.json"))
    whole = spec.read_bytes()
    if content is not None:
        spec.write_bytes(content)
        assert run(store, out) == 2
        assert f"{spec}: damaged" in capsys.readouterr().err
    spec.unlink()
    assert main(["summarize", str(out)]) == 2
    assert f"{spec}: missing; run the config again" in capsys.readouterr().err
    assert run(store, out) == 0
    assert spec.read_bytes() == whole


@pytest.mark.parametrize("kind", ["edited", "of another run"])
def test_a_report_prints_no_config_that_would_train_something_else(kind, store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    path = out / "config.toml"
    content = path.read_bytes().replace(b"learning_rate = 0.01", b"learning_rate = 0.02")
    if kind == "of another run":
        text = content.partition(b"\n")[2]
        seal_line = content.partition(b"\n")[0].rpartition(b" ")[0]
        content = seal_line + b" " + hashlib.sha256(text).hexdigest().encode() + b"\n" + text
    path.write_bytes(content)
    assert main(["report", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: " in line
    assert "run the config again" in line
    assert "remove it" in line
    path.unlink()
    assert main(["report", str(out)]) == 0


def test_an_edited_config_in_the_store_is_kept_when_it_is_written_anew(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    whole = (out / "config.toml").read_bytes()
    (out / "config.toml").write_bytes(whole + b"# my notes\n")
    assert run(store, out) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "config.before.toml" in line
    assert (out / "config.before.toml").read_bytes() == whole + b"# my notes\n"
    assert (out / "config.toml").read_bytes() == whole


def test_a_store_of_a_newer_format_is_refused_with_both_versions(store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    value = json.loads((out / "run.json").read_text())
    del value["sha256"]
    (out / "run.json").write_bytes(seal({**value, "format": 2, "version": "9.1.0"}))
    for words in (["summarize", str(out)], [str(store.root.parent / "small.toml"), "--out", str(out)]):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{out}/run.json: written by tpo-runs 9.1.0 in format 2; this is tpo-runs 0." in line


@pytest.mark.parametrize("place", ["spec.json", "seeds-000000-000001/metrics.parquet", "seeds-000000-000001"])
def test_what_cannot_be_read_is_one_line(place, store, tmp_path, capsys):
    out = shutil.copytree(store.root, tmp_path / "out")
    path = next(out.glob("cells/*")) / place
    if path.is_dir():
        shutil.rmtree(path)
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()
    for command in ("draw", "report", "summarize"):
        assert main([command, str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(path.parent) in line


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_what_a_run_that_was_killed_while_drawing_leaves_is_removed(ending, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from tpo_runs import save_figure

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
    from tpo_runs._files import SUMS, sums

    (target / SUMS).write_text(sums(target, ["manifest.json", "metrics.npz", "state.npz"]))
    with pytest.raises(CheckpointError, match="allow_pickle=False"):
        saved.latest(STATE, pytest.fail)
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
