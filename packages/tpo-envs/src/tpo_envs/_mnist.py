"""MNIST from a directory or from the Hugging Face Hub, checked against the published files."""

import os
from pathlib import Path

import numpy as np

from ._idx import idx_sha256, read_idx
from ._image_dataset import DatasetError, ImageDataset
from ._mnist_hub import read_hub
from ._mnist_parquet import read_parquet
from ._mnist_split import Split

MNIST_DIR_VARIABLE = "TPO_MNIST_DIR"
_NUM_CLASSES = 10
_IDX_STEMS = {"train": "train", "test": "t10k"}

# SHA-256 of the four published files, uncompressed, so that recompressed and parquet copies match.
_CONTENT_SHA256 = {
    ("train", "images"): "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ("train", "labels"): "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ("test", "images"): "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ("test", "labels"): "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(directory: str | os.PathLike[str] | None = None, *, verify: bool = True) -> ImageDataset:
    """Load MNIST: 60,000 training and 10,000 test images of 28 x 28 pixels, ten classes.

    Reads `directory`, or else the directory in the environment variable `TPO_MNIST_DIR`, or else uses the
    `datasets` library, which downloads `ylecun/mnist` once and caches it. If a directory is given, it must
    contain the data; there is no fallback. A directory has either the four IDX files, gzipped or not, such as
    `train-images-idx3-ubyte.gz` or `t10k-labels.idx1-ubyte`, or parquet files `train-*.parquet` and
    `test-*.parquet` as in `ylecun/mnist`. IDX files are preferred.

    Args:
        directory: where the files are, or None.
        verify: compare the content with the published SHA-256. Disable this only to load your own data in
            this layout (ten classes, any number and size of images).

    Returns:
        `ImageDataset` with the images flattened row by row.

    Raises:
        DatasetError: if no copy is found, or it is damaged, inconsistent or not MNIST.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998.
    """
    named = directory or os.environ.get(MNIST_DIR_VARIABLE)
    splits = _read_directory(Path(named).expanduser()) if named else read_hub()
    for part, split in splits.items():
        split.check(_NUM_CLASSES)
        if verify:
            _verify(part, "images", split.images, split.images_from)
            _verify(part, "labels", split.labels.astype(np.uint8), split.labels_from)
    train, test = splits["train"], splits["test"]
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DatasetError(
            f"training images are {train.images.shape[1:]} pixels ({train.images_from}) but test images "
            f"{test.images.shape[1:]} ({test.images_from}); they must have the same size"
        )
    return ImageDataset(*train.flatten(), *test.flatten(), num_classes=_NUM_CLASSES, name="mnist")


def _read_directory(directory: Path) -> dict[str, Split]:
    if not directory.is_dir():
        raise DatasetError(
            f"MNIST directory {directory} does not exist; correct {MNIST_DIR_VARIABLE} or directory"
        )
    names = {(part, kind): _idx_names(part, kind) for part, kind in _CONTENT_SHA256}
    found = {key: path for key, options in names.items() if (path := _first_file(directory, options))}
    if not found and (splits := read_parquet(directory)):
        return splits
    if missing := [names[key][0] + ".gz" for key in names if key not in found]:
        raise DatasetError(
            f"MNIST directory {directory} lacks {', '.join(missing)}; it must contain the four IDX files "
            "(gzipped or not) or train-*.parquet and test-*.parquet"
        )
    return {part: _read_idx_split(found[part, "images"], found[part, "labels"]) for part in _IDX_STEMS}


def _idx_names(part: str, kind: str) -> tuple[str, str]:
    suffix = "idx3-ubyte" if kind == "images" else "idx1-ubyte"
    stem = f"{_IDX_STEMS[part]}-{kind}"
    return f"{stem}-{suffix}", f"{stem}.{suffix}"


def _first_file(directory: Path, names: tuple[str, ...]) -> Path | None:
    paths = (directory / (name + ending) for name in names for ending in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def _read_idx_split(images: Path, labels: Path) -> Split:
    return Split(read_idx(images, ndim=3), read_idx(labels, ndim=1), str(images), str(labels))


def _verify(part: str, kind: str, array: np.ndarray, where: str) -> None:
    expected, found = _CONTENT_SHA256[part, kind], idx_sha256(array)
    if found != expected:
        raise DatasetError(
            f"{where}: the {part} {kind} differ from MNIST: the SHA-256 of the uncompressed content is "
            f"{found}, expected {expected}; download it again, or pass verify=False to load your own data"
        )
