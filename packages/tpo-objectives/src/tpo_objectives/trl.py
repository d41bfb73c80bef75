"""TPO for TRL: `TargetPolicyTrainer`, a `GRPOTrainer` with the loss of Target Policy Optimization.

TRL's own `TPOTrainer` is Triple Preference Optimization, an unrelated method.
"""

from ._trl_config import TargetPolicyConfig as TargetPolicyConfig
from ._trl_trainer import TargetPolicyTrainer as TargetPolicyTrainer

__all__ = ["TargetPolicyConfig", "TargetPolicyTrainer"]
