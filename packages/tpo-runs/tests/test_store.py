"""The results store: what goes in comes out, and half-written or damaged blocks do not."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tpo_runs import ConfigError, Store, load_config

CONFIG = """
[task]
kind = "tokens"
target = "copy"
reward = "terminal"
horizon = 2
vocab_size = 2
[policy]
kind = "transformer"
[optimizer]
kind = "muon"
learning_rate = 1e-3
[schedule]
steps = 3
[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 4, candidates = 2 }
"""


@pytest.fixture
def cell(tmp_path):
    (tmp_path / "a.toml").write_text(CONFIG)
    return load_config(tmp_path / "a.toml").cells[0]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out")


def metrics(seeds, steps=3):
    rng = np.random.default_rng(sum(seeds))
    return {name: rng.random((len(seeds), steps), dtype=np.float32) for name in ("error", "loss")}


def manifest(cell, seeds):
    entry = {"method": "TPO", "point": {"task.horizon": 2}, "key": cell.key, "seeds": list(seeds)}
    return {"title": "A title", "cells": [entry]}


def test_blocks_come_back_as_one_cell_in_the_order_of_seeds(store, cell):
    later, earlier = metrics([2, 3]), metrics([0, 1])
    store.write_block(cell, [2, 3], later, {"python": "3"}, {"seconds": 2.0})
    store.write_block(cell, [0, 1], earlier, {"python": "3"}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, range(4)))
    assert store.finished_seeds(cell.key) == {0, 1, 2, 3}
    (result,) = store.results()
    assert (result.method, result.point, result.spec) == ("TPO", {"task.horizon": 2}, cell.identity())
    assert result.seeds.tolist() == [0, 1, 2, 3]
    for name in ("error", "loss"):
        np.testing.assert_array_equal(result.metrics[name], np.concatenate([earlier[name], later[name]]))
    assert result.provenance["seconds"] == 3.0


def test_the_frame_has_every_wanted_row_with_its_method_and_point(store, cell):
    other = cell.model_copy(update={"probes": ("gradient_norm",)})
    values, more = metrics([0, 1]), {**metrics([5]), "gradient_norm": np.ones((1, 3), np.float32)}
    store.write_block(cell, [0, 1], values, {}, {"seconds": 1.0})
    store.write_block(other, [5], more, {}, {"seconds": 1.0})
    (entry,) = manifest(cell, [1])["cells"]
    named = {**entry, "method": "probed", "point": {"task.horizon": 3}, "key": other.key, "seeds": [5]}
    store.write_manifest({"title": "", "cells": [entry, named]})
    frame = store.frame()
    assert frame.column_names == ["method", "task.horizon", "seed", "step", "error", "loss", "gradient_norm"]
    assert frame["method"].to_pylist() == 3 * ["TPO"] + 3 * ["probed"]
    assert frame["task.horizon"].to_pylist() == 3 * [2] + 3 * [3]
    assert frame["seed"].to_pylist() == 3 * [1] + 3 * [5]
    assert frame["step"].to_pylist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(frame["error"], [*values["error"][1], *more["error"][0]])
    assert frame["gradient_norm"].to_pylist() == 3 * [None] + 3 * [1.0]


def test_the_frame_of_a_run_without_results_is_empty(store, cell):
    store.write_manifest(manifest(cell, [0]))
    assert store.frame().num_rows == 0


def test_seeds_that_the_run_does_not_want_are_left_out(store, cell):
    values = metrics([0, 1, 2])
    store.write_block(cell, [0, 1, 2], values, {}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, [1, 7]))
    (result,) = store.results()
    assert result.seeds.tolist() == [1]
    np.testing.assert_array_equal(result.metrics["error"], values["error"][1:2])


def test_a_cell_without_finished_seeds_has_no_result(store, cell):
    store.write_manifest(manifest(cell, [0]))
    assert store.results() == []
    assert store.finished_seeds(cell.key) == set()


def test_metrics_are_a_parquet_table_with_one_row_for_each_seed_and_step(store, cell):
    store.write_block(cell, [5, 6], metrics([5, 6]), {}, {"seconds": 1.0})
    (path,) = store.root.glob("cells/*/seeds-000005-000006/metrics.parquet")
    table = pq.read_table(path)
    assert table.column_names == ["seed", "step", "error", "loss"]
    assert table["seed"].to_pylist() == [5, 5, 5, 6, 6, 6]
    assert table["step"].to_pylist() == [0, 1, 2, 0, 1, 2]


def test_the_same_metrics_give_the_same_bytes(tmp_path, cell):
    files = []
    for name in ("a", "b"):
        store = Store(tmp_path / name)
        store.write_block(cell, [0, 1], metrics([0, 1]), {}, {"seconds": 1.0})
        files.append(next(store.root.glob("cells/*/*/metrics.parquet")).read_bytes())
    assert files[0] == files[1]


def test_a_block_is_there_only_when_it_is_whole(store, cell):
    with pytest.raises(TypeError):  # the provenance, written last, cannot be stored
        store.write_block(cell, [0], metrics([0]), {"python": object()}, {"seconds": 1.0})
    assert not list(store.root.glob("cells/*/seeds-*"))
    assert store.finished_seeds(cell.key) == set()


def test_a_flipped_bit_in_the_metrics_is_noticed(store, cell):
    store.write_block(cell, [0], metrics([0], steps=200), {}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, [0]))
    (path,) = store.root.glob("cells/*/*/metrics.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ConfigError, match=r"metrics\.parquet: damaged.*remove .*seeds-000000-000000 to have"):
        store.results()


def test_a_cell_can_be_removed(store, cell):
    store.write_block(cell, [0], metrics([0]), {}, {"seconds": 1.0})
    store.remove_cell(cell.key)
    assert store.finished_seeds(cell.key) == set()


def test_a_directory_without_a_run_is_named(store):
    with pytest.raises(ConfigError, match=r"run\.json: not found; expected the output directory of a run"):
        store.manifest()


def test_a_damaged_manifest_is_named(store, cell):
    store.write_block(cell, [0], metrics([0]), {}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, [0]))
    (store.root / "run.json").write_text("{")
    with pytest.raises(ConfigError, match=r"run\.json: damaged, .*remove it, and run the config again"):
        store.manifest()


def test_the_manifest_is_plain_json(store, cell):
    store.write_manifest(manifest(cell, [0]))
    assert json.loads((store.root / "run.json").read_text())["title"] == "A title"


def test_what_is_finished_is_told_by_names_and_no_block_is_read(store, cell):
    for seeds in ([4, 5], [0, 1, 2]):
        store.write_block(cell, seeds, metrics(seeds), {}, {"seconds": 1.0})
    for path in store.root.glob("cells/*/seeds-*/*"):
        path.unlink()
    assert store.finished_seeds(cell.key) == {0, 1, 2, 4, 5}
    assert [block.seeds for block in store.blocks(cell.key)] == [range(3), range(4, 6)]


def test_every_damaged_file_of_a_cell_is_named_at_once(store, cell):
    for seed in (0, 1):
        store.write_block(cell, [seed], metrics([seed]), {}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, [0, 1]))
    for path in store.root.glob("cells/*/*/metrics.parquet"):
        path.unlink()
    with pytest.raises(ConfigError) as caught:
        store.results()
    first, second = caught.value.lines
    assert "seeds-000000-000000" in first
    assert "seeds-000001-000001" in second


def test_a_block_under_another_name_is_refused(store, cell):
    store.write_block(cell, [0], metrics([0]), {}, {"seconds": 1.0})
    store.write_manifest(manifest(cell, [0, 1]))
    (path,) = store.root.glob("cells/*/seeds-*")
    path.rename(path.with_name("seeds-000001-000001"))
    with pytest.raises(ConfigError, match=r"seeds-000001-000001: holds the seeds \[0\]; "):
        store.results()
