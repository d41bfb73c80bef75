"""Trained language models in the formats of other libraries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._config import LanguageModelSpec
from .._errors import ConfigError, as_storage_error
from .policies import load_trained


def export_model(
    out: Path,
    to: Path,
    *,
    method: str | None,
    seed: int | None,
    point: Mapping[str, Any],
    adapter: bool = False,
) -> str:
    """Write a trained language model to a new or empty folder, which `transformers` loads.

    `method`, `seed` and `point` choose it as in `load_policy`. With `adapter`, only the adapters are written,
    for PEFT; else they are added to the model. Returns what was written, in words.
    """
    trained = load_trained(out, method, seed=seed, point=point)
    spec = trained.cell.policy
    if not isinstance(spec, LanguageModelSpec) or spec.model == "random":
        kind = "a random model of bytes" if isinstance(spec, LanguageModelSpec) else f"policy {spec.kind!r}"
        fix = "load it in Python with tpo_runs.load_policy"
        raise ConfigError([f"{out}: {kind} has no format that other libraries read; {fix}"])
    if adapter and spec.lora is None:
        raise ConfigError([f"{out}: the model was trained without policy.lora; export without --adapter"])
    from tpo_models import save_adapter, save_language_model

    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError([f"{to}: is not empty; --to needs a new or empty folder"])
    with as_storage_error(to, "--to names another folder"):
        if adapter:
            save_adapter(to, trained.policy, base=spec.model)
        else:
            save_language_model(to, trained.policy, spec.tokenizer())
    what = "adapters" if adapter else "model"
    return f"{what} of {trained.cell.label}, seed {trained.seed}: {to}"
