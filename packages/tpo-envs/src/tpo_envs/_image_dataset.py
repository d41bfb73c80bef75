"""A labeled image data set in memory, and the error for one that cannot be loaded."""

import dataclasses

import numpy as np
from jaxtyping import Int32, UInt8


class DatasetError(Exception):
    """A data set is missing, damaged or not the published one. The message is one line with the fix."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageDataset:
    """Labeled images in two fixed splits, as NumPy arrays on the host.

    Attributes:
        train_images: pixels `[n, d]`, `uint8` from 0 to 255, one flattened image per row.
        train_labels: classes `[n]`, from 0 to `num_classes - 1`.
        test_images: pixels `[m, d]`.
        test_labels: classes `[m]`.
        num_classes: the number of classes.
        name: its name in `load_dataset`.
    """

    train_images: UInt8[np.ndarray, "n d"]
    train_labels: Int32[np.ndarray, " n"]
    test_images: UInt8[np.ndarray, "m d"]
    test_labels: Int32[np.ndarray, " m"]
    num_classes: int
    name: str


def one_line(error: BaseException) -> str:
    """Return the type and message of another library's error on one line of at most 200 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else text[:197] + "..."
