"""Benchmark tasks that score sampled answers: token tasks and bandits, for JAX, NumPy, Gymnasium and text."""

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._answer_base import AbstractAnswerTask as AbstractAnswerTask
    from ._argsort import ArgsortTask as ArgsortTask
    from ._bandits import AbstractBandit as AbstractBandit
    from ._bandits import Contexts as Contexts
    from ._brackets import BracketTask as BracketTask
    from ._classification_bandit import ClassificationBandit as ClassificationBandit
    from ._coloring import ColoringTask as ColoringTask
    from ._context_table import ContextTable as ContextTable
    from ._context_table import symmetric_bandit as symmetric_bandit
    from ._countdown import CountdownTask as CountdownTask
    from ._counting import CountingTask as CountingTask
    from ._datasets import DATASETS as DATASETS
    from ._datasets import load_dataset as load_dataset
    from ._few_shot_arithmetic import FewShotArithmetic as FewShotArithmetic
    from ._gsm8k import GSM8K as GSM8K
    from ._harness import run_suite as run_suite
    from ._image_dataset import DatasetError as DatasetError
    from ._image_dataset import ImageDataset as ImageDataset
    from ._intervals import Interval as Interval
    from ._length_ladder import LengthLadder as LengthLadder
    from ._multi_turn import MultiTurnTask as MultiTurnTask
    from ._noisy_verifier import NoisyVerifier as NoisyVerifier
    from ._numpy_answers import NumpyAnswerTask as NumpyAnswerTask
    from ._numpy_bandit import NumpyBandit as NumpyBandit
    from ._numpy_bandit import NumpyContexts as NumpyContexts
    from ._numpy_tokens import NumpyTokenTask as NumpyTokenTask
    from ._problem_suite import list_problems as list_problems
    from ._problem_suite import make_problems as make_problems
    from ._problems import AbstractProblems as AbstractProblems
    from ._problems import Problem as Problem
    from ._reasoning_gym import ReasoningGymProblems as ReasoningGymProblems
    from ._reference import reference_scores as reference_scores
    from ._rewards import REWARDS as REWARDS
    from ._scoring import Score as Score
    from ._scoring import evaluation_inputs as evaluation_inputs
    from ._scoring import score as score
    from ._suite import describe as describe
    from ._suite import list_tasks as list_tasks
    from ._suite import make as make
    from ._suite import make_numpy as make_numpy
    from ._suite_table import TAGS as TAGS
    from ._targets import TARGETS as TARGETS
    from ._text import TextTask as TextTask
    from ._text import text_tasks as text_tasks
    from ._text_data import text_dataset as text_dataset
    from ._text_data import text_reward as text_reward
    from ._token_base import AbstractTokenTask as AbstractTokenTask
    from ._tokens import TokenTask as TokenTask
    from ._variable_length import VariableLengthTask as VariableLengthTask

    __version__: str

# Names are imported on first use, so that NumPy users do not wait for JAX.
_MODULE_OF = {
    "AbstractAnswerTask": "_answer_base",
    "AbstractBandit": "_bandits",
    "AbstractProblems": "_problems",
    "AbstractTokenTask": "_token_base",
    "ArgsortTask": "_argsort",
    "BracketTask": "_brackets",
    "ClassificationBandit": "_classification_bandit",
    "ColoringTask": "_coloring",
    "ContextTable": "_context_table",
    "Contexts": "_bandits",
    "CountdownTask": "_countdown",
    "CountingTask": "_counting",
    "DATASETS": "_datasets",
    "DatasetError": "_image_dataset",
    "FewShotArithmetic": "_few_shot_arithmetic",
    "GSM8K": "_gsm8k",
    "ImageDataset": "_image_dataset",
    "Interval": "_intervals",
    "LengthLadder": "_length_ladder",
    "MultiTurnTask": "_multi_turn",
    "NoisyVerifier": "_noisy_verifier",
    "NumpyAnswerTask": "_numpy_answers",
    "NumpyBandit": "_numpy_bandit",
    "NumpyContexts": "_numpy_bandit",
    "NumpyTokenTask": "_numpy_tokens",
    "Problem": "_problems",
    "REWARDS": "_rewards",
    "ReasoningGymProblems": "_reasoning_gym",
    "Score": "_scoring",
    "TAGS": "_suite_table",
    "TARGETS": "_targets",
    "TextTask": "_text",
    "TokenTask": "_tokens",
    "VariableLengthTask": "_variable_length",
    "describe": "_suite",
    "evaluation_inputs": "_scoring",
    "list_problems": "_problem_suite",
    "list_tasks": "_suite",
    "load_dataset": "_datasets",
    "make": "_suite",
    "make_numpy": "_suite",
    "make_problems": "_problem_suite",
    "reference_scores": "_reference",
    "run_suite": "_harness",
    "score": "_scoring",
    "symmetric_bandit": "_context_table",
    "text_dataset": "_text_data",
    "text_reward": "_text_data",
    "text_tasks": "_text",
}
# These must be registered with JAX before they are used under `jax.jit`.
_PYTREES = {
    *("AbstractAnswerTask", "AbstractTokenTask", "ArgsortTask", "BracketTask", "ColoringTask"),
    *("CountdownTask", "CountingTask", "LengthLadder", "MultiTurnTask", "NoisyVerifier", "TokenTask"),
    "VariableLengthTask",
}
_NEED_JAX = {"_bandits", "_classification_bandit", "_context_table"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tpo-envs")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULE_OF[name]
    if name in _PYTREES or module in _NEED_JAX:
        try:
            importlib.import_module("._pytrees", __name__)
        except ImportError:
            if module in _NEED_JAX:
                raise ImportError(f"tpo_envs.{name} needs JAX: pip install 'tpo-envs[jax]'") from None
    return getattr(importlib.import_module(f".{module}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])


if sys.modules.get("gymnasium") is not None:
    # Registers the tasks, so that `import gymnasium, tpo_envs` is enough. The rest of the package works with
    # an older Gymnasium.
    with contextlib.suppress(ImportError):
        importlib.import_module(".gymnasium", __name__)
