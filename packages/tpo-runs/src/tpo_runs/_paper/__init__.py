"""The numbers that the paper prints, and ours beside them."""

from .compare import CROSSINGS as CROSSINGS
from .compare import PaperComparison as PaperComparison
from .compare import compare as compare
from .compare import crossing as crossing
from .compare import judge as judge
from .compare import mean_and_interval as mean_and_interval
from .compare import read_steps as read_steps
from .numbers import PaperNumber as PaperNumber
from .numbers import name_of as name_of
from .numbers import paper_numbers as paper_numbers
from .numbers import parse_paper_numbers as parse_paper_numbers
from .table import interval_words as interval_words
from .table import paper_table as paper_table
from .table import published_words as published_words
from .table import quantity_words as quantity_words
from .table import value_words as value_words
