"""Objectives for policies trained on groups of scored samples: TPO and its baselines."""

import importlib.metadata

from . import advantages as advantages
from . import aggregates as aggregates
from . import corrections as corrections
from . import kl as kl
from . import surrogates as surrogates
from ._asymre import asymre as asymre
from ._awr import awr as awr
from ._batch import batch_mean as batch_mean
from ._batch import logp_gradient as logp_gradient
from ._cispo import cispo as cispo
from ._cross_entropy import cross_entropy as cross_entropy
from ._dapo import dapo as dapo
from ._dg import dg as dg
from ._dmpo import dmpo as dmpo
from ._dppo import dppo as dppo
from ._dr_grpo import dr_grpo as dr_grpo
from ._dro import dro as dro
from ._gdpo import gdpo as gdpo
from ._gmpo import gmpo as gmpo
from ._gpg import gpg as gpg
from ._group_pg import group_pg as group_pg
from ._grpo import grpo as grpo
from ._gspo import gspo as gspo
from ._gvpo import gvpo as gvpo
from ._lpo import lpo as lpo
from ._masking import informative_only as informative_only
from ._maxrl import maxrl as maxrl
from ._mdpo import mdpo as mdpo
from ._mpo import mpo as mpo
from ._opmd import opmd as opmd
from ._opo import opo as opo
from ._pmpo import pmpo as pmpo
from ._policy_gradient import policy_gradient as policy_gradient
from ._ppo import ppo as ppo
from ._rebel import rebel as rebel
from ._reinforce import reinforce as reinforce
from ._reinforce_pp import reinforce_pp as reinforce_pp
from ._remax import remax as remax
from ._rloo import rloo as rloo
from ._sapo import sapo as sapo
from ._sequences import over_tokens as over_tokens
from ._standardize import standardize as standardize
from ._token_grpo import token_grpo as token_grpo
from ._topr import topr as topr
from ._tpo import tpo as tpo
from ._tpo import tpo_policy as tpo_policy
from ._tpo_target import tpo_target as tpo_target
from ._v_mpo import v_mpo as v_mpo

__version__ = importlib.metadata.version("tpo-objectives")
