"""Objectives for policies that are sampled in groups and scored: TPO and its baselines."""

import importlib.metadata

from ._cross_entropy import cross_entropy as cross_entropy
from ._dg import dg as dg
from ._group_pg import group_pg as group_pg
from ._grpo import grpo as grpo
from ._masking import informative_only as informative_only
from ._ppo import ppo as ppo
from ._reinforce import reinforce as reinforce
from ._standardize import standardize as standardize
from ._tpo import tpo as tpo
from ._tpo import tpo_target as tpo_target

__version__ = importlib.metadata.version("tpo-objectives")
