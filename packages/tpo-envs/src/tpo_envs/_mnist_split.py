"""One split of an image data set, with its origin for error messages."""

from typing import NamedTuple

import numpy as np

from ._image_dataset import DatasetError


class Split(NamedTuple):
    """Images `[n, rows, columns]` (uint8) and labels `[n]` (any integers), and where each was read from."""

    images: np.ndarray
    labels: np.ndarray
    images_from: str
    labels_from: str

    def check(self, num_classes: int) -> None:
        """Raise `DatasetError` unless each image has a label that is a known class."""
        if len(self.images) != len(self.labels) or not self.images.size:
            raise DatasetError(
                f"{self.images_from} has {len(self.images)} images of {self.images.shape[1:]} pixels, and "
                f"{self.labels_from} has {len(self.labels)} labels; expected one label for each image, and "
                "at least one image"
            )
        if self.labels.min() < 0 or self.labels.max() >= num_classes:
            raise DatasetError(
                f"{self.labels_from}: labels must be from 0 to {num_classes - 1}, "
                f"found {self.labels.min()} to {self.labels.max()}"
            )

    def flatten(self) -> tuple[np.ndarray, np.ndarray]:
        """Return images `[n, rows * columns]` and labels as `int32`."""
        return self.images.reshape(len(self.images), -1), self.labels.astype(np.int32)
