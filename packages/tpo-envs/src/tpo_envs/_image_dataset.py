"""A labelled image data set in memory, and the error for one that cannot be had."""

import dataclasses

import numpy as np
from jaxtyping import Int32, UInt8


class DatasetError(Exception):
    """A data set is missing, damaged or not what its name says. The message is one line and names the fix."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageDataset:
    """Labelled images in two fixed splits, as NumPy arrays on the host.

    Attributes:
        train_images: pixels `[n, d]`, `uint8` from 0 to 255, one flattened image a row.
        train_labels: classes `[n]`, from 0 to `num_classes - 1`.
        test_images: pixels `[m, d]`.
        test_labels: classes `[m]`.
        num_classes: the number of classes.
        name: the name that `load_dataset` knows it by.
    """

    train_images: UInt8[np.ndarray, "n d"]
    train_labels: Int32[np.ndarray, " n"]
    test_images: UInt8[np.ndarray, "m d"]
    test_labels: Int32[np.ndarray, " m"]
    num_classes: int
    name: str


def one_line(error: BaseException) -> str:
    """Return the type and message of a foreign error on one line of at most 200 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else text[:197] + "..."
