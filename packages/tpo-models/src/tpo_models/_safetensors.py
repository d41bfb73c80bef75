"""Tensors of a folder of safetensors files."""

import json
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ._extras import extra

INDEX = "model.safetensors.index.json"


def tensor_reader(folder: Path) -> Callable[[str], np.ndarray]:
    """A function that reads a tensor by name.

    **Raises:** `FileNotFoundError` if there are no safetensors files or one is missing. `ValueError` if a
    file is damaged. The function raises `ValueError` if there is no such tensor or it does not hold floats.
    """
    tensors = {name: found for file in _files(folder) for name, found in _tensors(file).items()}

    def read(name: str) -> np.ndarray:
        if name not in tensors:
            raise ValueError(
                f"{folder}: tensor {name!r} is missing from the safetensors files; download them again"
            )
        file, dtype, shape, start = tensors[name]
        if dtype not in ("F64", "F32", "F16", "BF16"):
            raise ValueError(
                f"{file}: tensor {name!r} is stored as {dtype}; expected F32, F16 or BF16, not quantized"
            )
        numpy_dtype = np.dtype(jnp.bfloat16) if dtype == "BF16" else np.dtype(f"<f{int(dtype[1:]) // 8}")
        return np.memmap(file, numpy_dtype, "r", start, tuple(shape)) if shape else np.zeros((), numpy_dtype)

    return read


def _files(folder):
    index = folder / INDEX
    if index.is_file():
        files = sorted({folder / file for file in json.loads(index.read_text())["weight_map"].values()})
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise FileNotFoundError(
                f"{folder}: {INDEX} names {', '.join(missing)}, which is not there; download it"
            )
        return files
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return files
    if pickles := sorted(folder.glob("*.bin")):
        raise FileNotFoundError(
            f"{folder} has weights only as {pickles[0].name}, which is a pickle and could run any program; "
            "save the model as safetensors with `model.save_pretrained(folder, safe_serialization=True)`"
        )
    raise FileNotFoundError(f"{folder} has no *.safetensors file; download the weights of the model")


def _tensors(file):
    """The location of the tensors in a file; the library checks that all of them exist."""
    safetensors = extra("safetensors", "loading a language model")
    try:
        with safetensors.safe_open(file, framework="np"):
            pass
    except safetensors.SafetensorError as error:
        raise ValueError(f"{file} is damaged or incomplete ({error}); download it again") from None
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    start = 8 + length
    return {
        name: (file, entry["dtype"], entry["shape"], start + entry["data_offsets"][0])
        for name, entry in header.items()
    }
