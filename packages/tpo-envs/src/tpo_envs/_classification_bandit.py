"""A bandit made of labeled images."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, UInt8

from ._arrays import is_integer
from ._bandits import AbstractBandit, Contexts


class ClassificationBandit(AbstractBandit):
    """A contextual bandit of labeled images: see an image, name its class, learn only if the class was right.

    The policy reads `pixels / 255`, floats in [0, 1]. The images stay on the device as `uint8`, which takes a
    quarter of the memory; only those of a batch are converted. On MNIST, this is the task of arXiv
    2604.06159, figure 1a.

    Attributes:
        images: pixels `[n, d]`, 0 to 255.
        labels: the class of each image `[n]`.
        num_actions: the number of classes.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from tpo_envs import ClassificationBandit
        >>> images = np.array([[0, 255], [255, 0]], np.uint8)
        >>> task = ClassificationBandit(images, np.array([3, 1]), num_actions=10)
        >>> task.all_contexts().inputs.tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        >>> task.sample(jax.random.key(0), 8).inputs.shape
        (8, 2)
    """

    images: UInt8[Array, "n d"]
    labels: Int[Array, " n"]
    num_actions: int = eqx.field(static=True)

    def __init__(
        self,
        images: UInt8[np.ndarray, "n d"] | UInt8[Array, "n d"],
        labels: Integer[np.ndarray, " n"] | Integer[Array, " n"],
        num_actions: int,
    ):
        """Build the bandit, outside of `jax.jit`.

        Args:
            images: pixels `[n, d]`, `uint8` from 0 to 255; one row for each image.
            labels: the class of each image `[n]`, from 0 to `num_actions - 1`.
            num_actions: the number of classes.

        Raises:
            ValueError: if there are no images, the shapes do not match or a label is out of range.
            TypeError: if the images are not `uint8` or the labels are not integers.
        """
        if images.dtype != np.uint8:
            # In int8, pixels above 127 would be negative; floats may already be scaled.
            raise TypeError(f"images must be uint8, 0 to 255; got {images.dtype}. Convert them first.")
        classes = np.asarray(labels)
        if not is_integer(classes.dtype):
            raise TypeError(f"labels must be integers; got {classes.dtype}.")
        if images.ndim != 2 or classes.shape != images.shape[:1] or classes.size == 0:
            raise ValueError(
                "images must be [n, d] and labels [n], with n at least 1; "
                f"got {tuple(images.shape)} and {classes.shape}. Flatten each image to one row."
            )
        if classes.min() < 0 or classes.max() >= num_actions:
            raise ValueError(
                f"labels must be from 0 to num_actions - 1 = {num_actions - 1}; "
                f"got values from {classes.min()} to {classes.max()}."
            )
        self.images = jnp.asarray(images)
        self.labels = jnp.asarray(classes, jnp.int32)
        self.num_actions = num_actions

    def sample(self, key: PRNGKeyArray, batch: int) -> Contexts:
        """Draw `batch` images, uniformly and with replacement.

        Args:
            key: a JAX random key.
            batch: how many images to draw, at least 1. A static number under `jax.jit`.

        Returns:
            `Contexts` with `inputs` `[batch, d]` in [0, 1] and `labels` `[batch]`.
        """
        index = jr.randint(key, (batch,), 0, self.labels.shape[0], jnp.int32)
        return Contexts(_unit_pixels(self.images[index]), self.labels[index])

    def all_contexts(self) -> Contexts:
        """Return every image once, in the given order, as floats, which take four times the stored memory.

        Returns:
            `Contexts` with `inputs` `[n, d]` in [0, 1] and `labels` `[n]`.
        """
        return Contexts(_unit_pixels(self.images), self.labels)


def _unit_pixels(images: UInt8[Array, "b d"]) -> Float[Array, "b d"]:
    return images.astype(jnp.result_type(float)) / 255
