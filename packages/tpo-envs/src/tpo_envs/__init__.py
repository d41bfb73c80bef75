"""Tasks that score sampled answers: token reversal and bandits."""

import importlib.metadata

from ._bandits import AbstractBandit as AbstractBandit
from ._bandits import Contexts as Contexts
from ._classification_bandit import ClassificationBandit as ClassificationBandit
from ._context_table import ContextTable as ContextTable
from ._context_table import symmetric_bandit as symmetric_bandit
from ._datasets import DATASETS as DATASETS
from ._datasets import load_dataset as load_dataset
from ._image_dataset import DatasetError as DatasetError
from ._image_dataset import ImageDataset as ImageDataset
from ._rewards import REWARDS as REWARDS
from ._targets import TARGETS as TARGETS
from ._tokens import TokenTask as TokenTask

__version__ = importlib.metadata.version("tpo-envs")
