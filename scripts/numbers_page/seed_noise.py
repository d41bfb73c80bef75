"""`docs/seed_noise.md`: what a mean over few seeds hides, from the numbers of our runs and of the paper."""

from collections.abc import Sequence

from tpo_runs._paper import paper_numbers

from .coverage import RUNS, coverage_table
from .relapse_tables import relapse_table, relapse_words, two_kinds_table
from .repeated import repeated_table
from .runs import Run
from .subsample_tables import crossing_table, crossing_words, interval_table, interval_words, spread

PAPERS_THRESHOLD = 0.01
TEXT = """\
# Where the paper misleads

The paper prints a mean over 10, 20 or 30 seeds for each setting, or the step at which such a mean crosses
1%, and no interval. Here is what such a number hides, from the summaries of our own runs and from the
paper's numbers alone. This page is written by `python scripts/write_numbers.py`; [all numbers](numbers.md)
are on a page of their own.

## One setting, several numbers

These settings stand in the paper more than once, alike in all that it says of them. What differs between
their numbers is the noise of its own means, or a setting that it does not name. A difference between two
methods that is not larger says nothing.

{repeated}

## Seeds that come back up

A seed that was below 1% has solved the task, and may lose it again. The step at which a mean first crosses
1% says nothing of that. Of every run with steps to 1%: how many of the seeds were ever below it, how many
of these were later above 10% and above 50%, how high the worst one came, and how many ended above 50%.

{back}

{back_words}

## The slowest seed decides when a mean crosses

The mean of `n` seeds is below 1% only when the sum of their errors is below `n`%. One seed that is late
holds it up, and the more seeds, the more likely there is one. A number from fewer seeds than the paper's is
expected to be smaller where seeds differ, as those of the transformers do and those of the bandits do not.
The same runs, with fewer of their seeds: the middle crossing of all subsets of one size (200 random ones
where there are more), and in brackets the first and the last. `precision` is the bin of the curves, in steps.

{crossings}

{crossings_words}

## How much an interval is worth

In simulated runs it is known what an interval should hold, and a 95% interval should hold it 95 times in 100
at least. Measured, in percent ({runs} runs, 30 for steps, so to within a few points; exact for shares):

{coverage}

- **Errors** are between 0 and 100%, and the interval of their mean, Gaffke's, uses that: at its upper end
  counts one more seed, which ends at 100%. It holds nominally or more for every distribution and number of
  seeds that was tried; for seeds that end at 0 or 100% it is that of Clopper and Pearson. The price is width:
  without a failed seed among 4, 10 and 20, the mean may still be 60, 31 and 17%, since a kind of seed that
  makes up that share is missed by 2.5% of runs. So do paired differences, and the interval that a number of
  the paper is compared with, which is of the mean of as many seeds as the paper's.
- **Student's intervals** are those of bands of curves, which would hide the curves otherwise, and of metrics
  without bounds, such as gradient norms. They hold for seeds that are alike, and know nothing of a kind that
  none of the seeds is of: where one in ten fails, four seeds hold the mean in about a third of the runs. They
  are not drawn where all seeds are equal, and such runs are not counted here.
- **Steps to 1%**: the upper end is "never" for fewer than 367 seeds, since a kind of seed that never gets
  there, and that none of fewer shows, would hold the mean above 1%. The lower end is what they tell.
- **Shares of failed seeds** have the exact interval of Clopper and Pearson.

No narrower interval that was tried reaches 95% with few seeds. With four seeds the BCa bootstrap holds the
mean in 80% of the runs where seeds are alike and in 33% where one in ten fails, and for equal seeds it is a
point.

The same from our own runs: the mean width of the interval over subsets of the seeds, in percentage points,
and in brackets the share of the subsets whose interval holds the mean over all seeds; 40 random subsets, or
all where there are fewer. Of every run of 16 seeds or more of which some end above 1%.

{intervals}

![Width of intervals on MNIST and how often they hold, by seeds](../figures/seed_noise/seed_noise.png)

{interval_words}

## Means of two kinds of seeds

Where the final errors of seeds fall into two groups, with more than 5 points between them, no seed is near
the mean, and the mean counts how many seeds are in the worse group.

{kinds}
"""


def seed_noise_page(runs: Sequence[Run]) -> str:
    """The page in Markdown."""
    solved = [run for run in runs if run.metric == "error" and run.threshold == PAPERS_THRESHOLD]
    several = [run for run in solved if len(run.cell.seeds) >= 4]
    return TEXT.format(
        repeated=repeated_table(paper_numbers()),
        back=relapse_table(solved),
        back_words=relapse_words(solved),
        crossings=crossing_table(several),
        crossings_words=crossing_words(several),
        runs=RUNS,
        coverage=coverage_table(),
        intervals=interval_table(spread(runs)),
        interval_words=interval_words(spread(runs)),
        kinds=two_kinds_table(runs),
    )
