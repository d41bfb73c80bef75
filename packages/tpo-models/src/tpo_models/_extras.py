"""Imports libraries of the extra `lm` on demand."""

import importlib
from typing import Any


def extra(module: str, purpose: str) -> Any:
    """The module, or an `ImportError` that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise ImportError(f"{purpose} needs the library {library}: pip install 'tpo-models[lm]'") from None
