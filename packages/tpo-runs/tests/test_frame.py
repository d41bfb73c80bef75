"""All metrics of a run as one Parquet file, which other programs read in one call."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from report_store import UNDRAWN, make_store

from tpo_runs import Store
from tpo_runs._cli import main


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A run whose last cell is missing."""
    root = tmp_path_factory.mktemp("run")
    return make_store(root, points=2, seeds=3, steps=20, config=UNDRAWN)


def test_the_program_writes_every_row_of_a_partial_run(store, capsys):
    assert main(["frame", str(store.root)]) == 0
    path = store.root / "metrics.parquet"
    assert capsys.readouterr().out == f"{path}\n"
    table = pq.read_table(path)
    assert table.column_names[:4] == ["method", "task.horizon", "seed", "step"]
    assert table.num_rows == sum(result.metrics["error"].size for result in store.results()) == 5 * 3 * 20
    assert str(table.to_pydict()) == str(store.frame().to_pydict())


def test_pandas_reads_it_in_one_call(store, tmp_path):
    pandas = pytest.importorskip("pandas")
    assert main(["frame", str(store.root), "--to", str(tmp_path / "all.parquet")]) == 0
    frame = pandas.read_parquet(tmp_path / "all.parquet")
    last = frame[frame.step == 19].groupby(["method", "task.horizon"]).error.mean()
    for result in store.results():
        expected = np.nanmean(result.metrics["error"][:, -1])
        assert last[result.method, result.point["task.horizon"]] == pytest.approx(expected, rel=1e-6)


def test_a_run_without_results_has_its_columns(store, tmp_path):
    empty = Store(tmp_path / "out")
    empty.root.mkdir()
    empty.write_manifest(store.manifest())
    frame = empty.frame()
    assert frame.column_names == ["method", "task.horizon", "seed", "step"]
    assert frame.num_rows == 0


def test_values_of_an_axis_without_a_common_type_are_json(store):
    manifest = store.manifest()
    entries = (manifest["cells"][0], manifest["cells"][2])
    cells = [
        {**entry, "point": {"optimizer.decay": value}}
        for entry, value in zip(entries, (0.5, "linear"), strict=True)
    ]
    store.write_manifest({**manifest, "cells": cells})
    try:
        assert set(store.frame()["optimizer.decay"].to_pylist()) == {"0.5", '"linear"'}
    finally:
        store.write_manifest(manifest)


def test_a_damaged_block_is_named_and_no_file_written(tmp_path, capsys):
    store = make_store(tmp_path, points=1, seeds=2, steps=20, config=UNDRAWN)
    path = next(store.root.glob("cells/*/seeds-*/metrics.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["frame", str(store.root)]) == 2
    assert str(path) in capsys.readouterr().err
    assert not (store.root / "metrics.parquet").exists()
