"""The image data sets by name."""

import difflib
import os

from ._digits import load_digits
from ._image_dataset import DatasetError, ImageDataset
from ._mnist import load_mnist

DATASETS = {"mnist": load_mnist, "digits": load_digits}


def load_dataset(
    name: str, *, directory: str | os.PathLike[str] | None = None, verify: bool = True
) -> ImageDataset:
    """Load a labeled image data set by name.

    `"mnist"` is read from `directory`, or else from the directory in the environment variable
    `TPO_MNIST_DIR`, or else with the `datasets` library (`pip install 'tpo-envs[mnist]'`). `"digits"` is
    small, comes with scikit-learn (`pip install 'tpo-envs[digits]'`) and is never downloaded.

    Args:
        name: `"mnist"` or `"digits"`.
        directory: where the MNIST files are: four IDX files, or parquet as in `ylecun/mnist`. For `"mnist"`
            only.
        verify: compare MNIST with the published SHA-256. Disable this only for your own data in the same
            layout. Has no effect on the digits.

    Returns:
        `ImageDataset`: two splits of `uint8` pixels `[n, d]` and labels `[n]`.

    Raises:
        DatasetError: if the name is unknown, or the data is missing, damaged or different from the published
            one. The message is one line and says what to do.

    Example:
        >>> from tpo_envs import load_dataset
        >>> data = load_dataset("digits")
        >>> data.train_images.shape, data.test_images.shape, data.num_classes
        ((1437, 64), (360, 64), 10)
    """
    if name in DATASETS:
        return DATASETS[name](directory, verify=verify)
    near = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.4)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise DatasetError(f"unknown dataset '{name}': allowed: {', '.join(DATASETS)}{hint}")
