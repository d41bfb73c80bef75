"""MNIST from parquet files, as the repository `ylecun/mnist` has them.

The files are small and written here, so most tests turn the check of the published hashes off.
"""

import hashlib
import io
import struct

import numpy as np
import pytest

from tpo_envs import DatasetError, load_dataset

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (6, 5, 4), np.uint8), np.array([5, 0, 4, 1, 9, 2], np.uint8)
TEST = RNG.integers(0, 256, (3, 5, 4), np.uint8), np.array([7, 2, 1], np.uint8)


def load(directory, **options):
    return load_dataset("mnist", directory=directory, **{"verify": False, **options})


def error_of(directory, **options):
    with pytest.raises(DatasetError) as caught:
        load(directory, **options)
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


def check_is_what_was_written(data):
    np.testing.assert_array_equal(data.train_images, TRAIN[0].reshape(6, 20))
    np.testing.assert_array_equal(data.test_images, TEST[0].reshape(3, 20))
    assert data.train_images.dtype == data.test_images.dtype == np.uint8
    assert data.train_labels.tolist() == TRAIN[1].tolist()
    assert data.test_labels.tolist() == TEST[1].tolist()
    assert data.train_labels.dtype == data.test_labels.dtype == np.int32


def write_parquet(directory, *, train=TRAIN, test=TEST, mode="L", image_column="image"):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    image_module = pytest.importorskip("PIL.Image")

    def png(image):
        buffer = io.BytesIO()
        image_module.fromarray(image).convert(mode).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    directory.mkdir(exist_ok=True)
    for part, (images, labels) in (("train", train), ("test", test)):
        encoded = pyarrow.array(
            [png(image) for image in images],
            pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
        )
        table = pyarrow.table({image_column: encoded, "label": labels.astype(np.int64)})
        parquet.write_table(table, directory / f"{part}-00000-of-00001.parquet")
    return directory


def test_parquet_files(tmp_path):
    check_is_what_was_written(load(write_parquet(tmp_path)))


def test_parquet_files_in_a_clone_of_the_repository(tmp_path):
    write_parquet(tmp_path / "mnist")
    check_is_what_was_written(load(tmp_path))


def test_the_content_is_checked_against_the_hash_of_the_idx_files(tmp_path, monkeypatch):
    from tpo_envs import _mnist

    def published(array, magic):
        return hashlib.sha256(
            struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes()
        ).hexdigest()

    hashes = {
        (part, kind): published(array, magic)
        for part, split in (("train", TRAIN), ("test", TEST))
        for kind, array, magic in zip(("images", "labels"), split, (2051, 2049), strict=True)
    }
    write_parquet(tmp_path)
    assert "verify=False" in error_of(tmp_path, verify=True)
    monkeypatch.setattr(_mnist, "_CONTENT_SHA256", hashes)
    check_is_what_was_written(load(tmp_path, verify=True))


def test_one_parquet_file_is_not_enough(tmp_path):
    write_parquet(tmp_path)
    (tmp_path / "test-00000-of-00001.parquet").unlink()
    assert "lacks test-*.parquet" in error_of(tmp_path)


def test_a_parquet_pointer_is_an_error(tmp_path):
    write_parquet(tmp_path)
    path = tmp_path / "train-00000-of-00001.parquet"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    message = error_of(tmp_path)
    assert str(path) in message
    assert "not a readable parquet file" in message


def test_a_parquet_file_cut_short_is_an_error(tmp_path):
    write_parquet(tmp_path)
    path = tmp_path / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    assert "not a readable parquet file" in error_of(tmp_path)


def test_a_damaged_picture_in_parquet_is_named(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(tmp_path)
    path = tmp_path / "train-00000-of-00001.parquet"
    table = parquet.read_table(path)
    rows = table.column("image").to_pylist()
    rows[2]["bytes"] = rows[2]["bytes"][:40]
    damaged = table.set_column(0, "image", pyarrow.array(rows, table.schema.field("image").type))
    parquet.write_table(damaged, path)
    assert f"{path}, image 2: not a readable PNG" in error_of(tmp_path)


def test_color_pictures_are_an_error(tmp_path):
    assert "expected 8-bit gray pixels, found uint8 in shape (5, 4, 3)" in error_of(
        write_parquet(tmp_path, mode="RGB")
    )


def test_pictures_of_several_sizes_are_an_error(tmp_path):
    mixed = [*TRAIN[0][:5], TRAIN[0][5, :3]]
    assert "must have the same size" in error_of(write_parquet(tmp_path, train=(mixed, TRAIN[1])))


def test_a_parquet_file_with_other_columns_is_an_error(tmp_path):
    message = error_of(write_parquet(tmp_path, image_column="picture"))
    assert "expected the columns image" in message
    assert "picture: struct" in message


def test_parquet_labels_that_are_no_class_are_an_error(tmp_path):
    # As an unsigned byte, 256 would be the label 0.
    labels = np.array([5, 0, 4, 1, 256, 2])
    assert "found 0 to 256" in error_of(write_parquet(tmp_path, train=(TRAIN[0], labels)))
