"""The small digits data set that comes with scikit-learn."""

import os

import numpy as np

from ._image_dataset import DatasetError, ImageDataset

_TEST_SIZE = 360


def load_digits(directory: str | os.PathLike[str] | None = None, *, verify: bool = True) -> ImageDataset:
    """Return scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, ten classes, no download.

    The first 1,437 images are the training set and the last 360 the test set. The split is fixed, and each
    class has 33 to 37 test images. The images seem to be ordered by writer, so most test digits are by
    writers unseen in training, which is a little harder than a random split. Pixels are scaled from 0..16 to
    0..255, `round(x * 255 / 16)`, so that `pixels / 255` is in [0, 1] as for MNIST.

    Args:
        directory: must be None: the images come with scikit-learn.
        verify: has no effect, because the images come with the library.

    Returns:
        `ImageDataset` with 64 pixels per image.

    Raises:
        DatasetError: if scikit-learn is not installed, or a directory is given.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test part), UCI
    repository, 1998.
    """
    del verify
    if directory is not None:
        raise DatasetError("dataset 'digits' comes with scikit-learn, not from a directory; leave it out")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DatasetError(
            f"dataset 'digits' needs scikit-learn ({error}); run: pip install 'tpo-envs[digits]'"
        ) from error
    pixels, classes = datasets.load_digits(return_X_y=True)
    images = np.rint(pixels * (255 / 16)).astype(np.uint8)
    labels = np.asarray(classes, np.int32)
    train, test = slice(None, -_TEST_SIZE), slice(-_TEST_SIZE, None)
    return ImageDataset(images[train], labels[train], images[test], labels[test], 10, "digits")
