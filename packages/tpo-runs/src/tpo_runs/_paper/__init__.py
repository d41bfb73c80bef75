"""The paper's published numbers, and how a run compares with them."""

from .comparison import FEWEST_BESIDE_SEEDS as FEWEST_BESIDE_SEEDS
from .comparison import FEWEST_SEEDS as FEWEST_SEEDS
from .comparison import LEVEL as LEVEL
from .comparison import PaperComparison as PaperComparison
from .comparison import compare as compare
from .numbers import PaperNumber as PaperNumber
from .numbers import name_of as name_of
from .numbers import paper_numbers as paper_numbers
from .numbers import parse_paper_numbers as parse_paper_numbers
from .table import interval_words as interval_words
from .table import paper_table as paper_table
from .table import published_words as published_words
from .table import quantity_words as quantity_words
from .table import value_words as value_words
