"""MNIST from IDX files: every layout gives the same arrays, and nothing damaged is ever returned.

The files are small and written here, byte by byte, so most tests turn the check of the published hashes off.
"""

import gzip
import hashlib
import os
import struct

import numpy as np
import pytest

from tpo_envs import DatasetError, load_dataset

REAL_DIRECTORY = os.environ.get("TPO_MNIST_DIR")
RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (6, 5, 4), np.uint8), np.array([5, 0, 4, 1, 9, 2], np.uint8)
TEST = RNG.integers(0, 256, (3, 5, 4), np.uint8), np.array([7, 2, 1], np.uint8)
TRAIN[0][0, 0] = (0, 127, 128, 255)


def idx(array):
    """An IDX file as the format's page describes it: images have magic 2051 and labels 2049, big-endian."""
    magic = {3: 2051, 1: 2049}[array.ndim]
    return struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes()


FILES = {
    "train-images-idx3-ubyte": idx(TRAIN[0]),
    "train-labels-idx1-ubyte": idx(TRAIN[1]),
    "t10k-images-idx3-ubyte": idx(TEST[0]),
    "t10k-labels-idx1-ubyte": idx(TEST[1]),
}
LAYOUTS = {
    "gzipped": lambda name, content: (f"{name}.gz", gzip.compress(content)),
    "plain": lambda name, content: (name, content),
    "plain with a dot": lambda name, content: (name.replace("-idx", ".idx"), content),
    "gzipped with a dot": lambda name, content: (
        name.replace("-idx", ".idx") + ".gz",
        gzip.compress(content),
    ),
    "named .gz but plain": lambda name, content: (f"{name}.gz", content),
}


def write(directory, layout="gzipped", files=FILES):
    for name, content in files.items():
        new_name, new_content = LAYOUTS[layout](name, content)
        (directory / new_name).write_bytes(new_content)
    return directory


def load(directory, **options):
    return load_dataset("mnist", directory=directory, **{"verify": False, **options})


def error_of(directory, **options):
    with pytest.raises(DatasetError) as caught:
        load(directory, **options)
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


def check_is_what_was_written(data):
    for (images, labels), found, found_labels in (
        (TRAIN, data.train_images, data.train_labels),
        (TEST, data.test_images, data.test_labels),
    ):
        assert found.dtype == np.uint8
        assert found_labels.dtype == np.int32
        np.testing.assert_array_equal(found, images.reshape(len(images), 20))
        np.testing.assert_array_equal(found_labels, labels)
    assert (data.num_classes, data.name) == (10, "mnist")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("TPO_MNIST_DIR", raising=False)


@pytest.fixture
def published(monkeypatch):
    """Declare the small files to be the published ones: their hashes are taken over the bytes written."""
    from tpo_envs import _mnist

    keys = [("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels")]
    hashes = [hashlib.sha256(content).hexdigest() for content in FILES.values()]
    monkeypatch.setattr(_mnist, "_CONTENT_SHA256", dict(zip(keys, hashes, strict=True)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_idx_files_in_every_layout(tmp_path, layout):
    check_is_what_was_written(load(write(tmp_path, layout)))


def test_bright_pixels_stay_bright(tmp_path):
    assert load(write(tmp_path)).train_images[0, :4].tolist() == [0, 127, 128, 255]


def test_the_environment_variable_names_the_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("TPO_MNIST_DIR", str(write(tmp_path)))
    check_is_what_was_written(load_dataset("mnist", verify=False))


def test_the_argument_comes_before_the_environment_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("TPO_MNIST_DIR", str(tmp_path / "not there"))
    check_is_what_was_written(load(write(tmp_path)))


def test_a_named_directory_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("TPO_MNIST_DIR", str(tmp_path / "not there"))
    with pytest.raises(DatasetError, match="not there does not exist; correct TPO_MNIST_DIR"):
        load_dataset("mnist")


def test_an_empty_directory_is_an_error_that_names_what_is_missing(tmp_path):
    message = error_of(tmp_path)
    assert str(tmp_path) in message
    assert all(name in message for name in FILES)


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(tmp_path, missing):
    write(tmp_path, files={name: content for name, content in FILES.items() if name != missing})
    message = error_of(tmp_path)
    assert [name for name in FILES if name in message] == [missing]


@pytest.mark.parametrize("layout", ["gzipped", "plain"])
def test_a_copy_with_the_published_content_passes_the_check(tmp_path, published, layout):
    check_is_what_was_written(load(write(tmp_path, layout), verify=True))


def test_a_copy_packed_again_passes_the_check(tmp_path, published):
    write(tmp_path)
    name = "train-images-idx3-ubyte"
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(FILES[name], compresslevel=1, mtime=1))
    check_is_what_was_written(load(tmp_path, verify=True))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("layout", ["gzipped", "plain"])
def test_other_content_fails_the_check(tmp_path, published, name, layout):
    other = bytearray(FILES[name])
    other[-1] ^= 1
    write(tmp_path, layout, {**FILES, name: bytes(other)})
    message = error_of(tmp_path, verify=True)
    assert str(tmp_path / name) in message
    assert hashlib.sha256(FILES[name]).hexdigest() in message
    assert hashlib.sha256(other).hexdigest() in message
    assert "verify=False" in message


def test_data_of_your_own_fails_the_check_and_loads_without(tmp_path):
    write(tmp_path)
    assert "verify=False" in error_of(tmp_path, verify=True)
    check_is_what_was_written(load(tmp_path, verify=False))


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
ZIPPED = gzip.compress(FILES[IMAGES])
# What is wrong, which file then holds what, and what the message says.
DAMAGES = [
    ("gzip cut short", f"{IMAGES}.gz", ZIPPED[:-20], "damaged gzip"),
    (
        "gzip with a flipped bit",
        f"{IMAGES}.gz",
        ZIPPED[:60] + bytes([ZIPPED[60] ^ 4]) + ZIPPED[61:],
        "damaged gzip",
    ),
    ("gzip cut to its first bytes", f"{IMAGES}.gz", ZIPPED[:3], "damaged gzip"),
    ("web page", f"{IMAGES}.gz", b"<!DOCTYPE html><html>Not found</html>", "it looks like a web page"),
    ("gzipped web page", f"{IMAGES}.gz", gzip.compress(b"\n<html></html>"), "it looks like a web page"),
    ("empty file", f"{IMAGES}.gz", b"", "found nothing"),
    ("plain file cut short", IMAGES, FILES[IMAGES][:-1], "truncated: .* requires 136 bytes, found 135"),
    ("plain file cut in its header", IMAGES, FILES[IMAGES][:10], "truncated in its header"),
    ("bytes after the end", IMAGES, FILES[IMAGES] + b"\0", "too long: .* requires 136 bytes, found 137"),
    ("labels for images", IMAGES, FILES[LABELS], "starts with 00000803, found 00000801"),
    ("images for labels", LABELS, FILES[IMAGES], "starts with 00000801, found 00000803"),
    ("signed bytes", LABELS, b"\0\0\x09\1" + FILES[LABELS][4:], "starts with 00000801, found 00000901"),
    ("little-endian count", LABELS, b"\0\0\x08\1\6\0\0\0" + FILES[LABELS][8:], "truncated"),
    ("too large a count", LABELS, b"\0\0\x08\1\0\0\0\7" + FILES[LABELS][8:], "truncated"),
    ("too few labels", LABELS, idx(TRAIN[1][:5]), "6 images of .* 5 labels"),
    ("no labels", LABELS, idx(TRAIN[1][:0]), "6 images of .* 0 labels"),
    ("label 10", LABELS, idx(np.array([5, 0, 4, 1, 10, 2], np.uint8)), "from 0 to 9, found 0 to 10"),
    ("label 255", LABELS, idx(np.array([5, 0, 4, 1, 255, 2], np.uint8)), "from 0 to 9, found 0 to 255"),
]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("name", "content", "message"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES]
)
def test_damage_is_found_and_the_file_is_named(tmp_path, published, name, content, message, verify):
    write(tmp_path, "gzipped" if name.endswith(".gz") else "plain")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path, verify=verify)
    assert str(tmp_path / name) in error_of(tmp_path, verify=verify)


def test_a_split_without_images_is_an_error(tmp_path):
    write(tmp_path, files={**FILES, IMAGES: idx(TRAIN[0][:0]), LABELS: idx(TRAIN[1][:0])})
    assert "0 images" in error_of(tmp_path)


def test_splits_of_different_image_sizes_are_an_error(tmp_path):
    write(tmp_path, files={**FILES, "t10k-images-idx3-ubyte": idx(TEST[0].reshape(3, 4, 5))})
    assert "(5, 4) pixels" in error_of(tmp_path)


def test_a_directory_in_place_of_a_file_is_missing(tmp_path):
    write(tmp_path)
    (tmp_path / f"{IMAGES}.gz").unlink()
    (tmp_path / f"{IMAGES}.gz").mkdir()
    assert f"lacks {IMAGES}.gz" in error_of(tmp_path)


@pytest.mark.skipif(not REAL_DIRECTORY, reason="TPO_MNIST_DIR names no copy of MNIST")
def test_the_real_data_set():
    data = load_dataset("mnist", directory=REAL_DIRECTORY)
    assert data.train_images.shape == (60_000, 784)
    assert data.test_images.shape == (10_000, 784)
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.train_labels).min() == 5421
    pixels = data.train_images.astype(np.float64) / 255
    assert pixels.mean() == pytest.approx(0.130660, abs=1e-6)
    assert pixels.std() == pytest.approx(0.308108, abs=1e-6)
