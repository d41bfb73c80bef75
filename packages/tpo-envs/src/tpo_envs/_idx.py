"""The IDX format of the MNIST files: a big-endian header, then unsigned bytes."""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ._image_dataset import DatasetError, one_line

_GZIP_MAGIC = b"\x1f\x8b"
_UINT8_CODE = 0x08


def read_idx(path: Path, ndim: int) -> UInt8[np.ndarray, "..."]:
    """Read an IDX file of unsigned bytes. Gzip is detected by content, not by name.

    The header is two zero bytes, the type code 8 (unsigned byte), the number of dimensions, then each
    dimension as a big-endian 32-bit integer. The rest is the data in row-major order.

    Args:
        path: the file.
        ndim: the required number of dimensions: 3 for images, 1 for labels.

    Returns:
        A read-only `uint8` array with `ndim` axes.

    Raises:
        DatasetError: if the file cannot be read or unpacked, or its header or length is wrong.
    """
    content = _read_bytes(path)
    header = 4 + 4 * ndim
    magic = bytes((0, 0, _UINT8_CODE, ndim))
    if content[:4] != magic:
        hint = "it looks like a web page, so" if content.lstrip()[:1] == b"<" else "if it is not an IDX file,"
        raise DatasetError(
            f"{path}: expected an IDX file that starts with {magic.hex()}, "
            f"found {content[:4].hex() or 'nothing'}; {hint} download it again"
        )
    if len(content) < header:
        raise DatasetError(f"{path}: truncated in its header; download it again")
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    expected = header + math.prod(shape)
    if len(content) != expected:
        problem = "truncated" if len(content) < expected else "too long"
        raise DatasetError(
            f"{path}: {problem}: its header {shape} requires {expected} bytes, found {len(content)}; "
            "download it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def idx_sha256(array: UInt8[np.ndarray, "..."]) -> str:
    """Return the SHA-256 of `array` as an uncompressed IDX file, as 64 hexadecimal digits.

    It depends only on the shape and the values, so one published hash covers gzipped, plain and parquet
    copies.

    Args:
        array: unsigned bytes of any shape.

    Returns:
        The hash as a string.

    Example:
        >>> import numpy as np
        >>> from tpo_envs._idx import idx_sha256
        >>> idx_sha256(np.zeros(3, np.uint8))[:16]
        'c51ace58717b2767'
    """
    header = struct.pack(f">4B{array.ndim}I", 0, 0, _UINT8_CODE, array.ndim, *array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path}: cannot be read, or is a damaged gzip file ({one_line(error)}); download it again"
        ) from error
