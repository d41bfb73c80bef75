"""The command line."""

from .arguments import Arguments as Arguments
from .arguments import default_out as default_out
from .arguments import parse_arguments as parse_arguments
from .main import main as main
from .main import program as program
