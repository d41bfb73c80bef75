"""The command line."""

from .main import main as main
from .main import program as program
