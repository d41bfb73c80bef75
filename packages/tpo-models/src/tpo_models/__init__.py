"""Equinox policies: a causal transformer with cached decoding, an MLP, a logit table."""

import importlib.metadata

from ._dense import Dense as Dense
from ._language_config import LanguageModelConfig as LanguageModelConfig
from ._language_model import LanguageModel as LanguageModel
from ._load import load_language_model as load_language_model
from ._logit_table import LogitTable as LogitTable
from ._lora import merged as merged
from ._lora import trainable_lora as trainable_lora
from ._lora import with_lora as with_lora
from ._mlp import MLP as MLP
from ._save import save_adapter as save_adapter
from ._save import save_language_model as save_language_model
from ._tokenizer import Tokenizer as Tokenizer
from ._transformer import CausalTransformer as CausalTransformer
from ._transformer import Prefill as Prefill

__version__ = importlib.metadata.version("tpo-models")
