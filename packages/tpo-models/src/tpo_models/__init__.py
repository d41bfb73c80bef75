"""Equinox policies: a causal transformer with cached decoding, an MLP, a logit table."""

import importlib.metadata

from ._dense import Dense as Dense
from ._language_config import LanguageModelConfig as LanguageModelConfig
from ._language_model import LanguageModel as LanguageModel
from ._logit_table import LogitTable as LogitTable
from ._mlp import MLP as MLP
from ._transformer import CausalTransformer as CausalTransformer
from ._transformer import Prefill as Prefill

__version__ = importlib.metadata.version("tpo-models")
