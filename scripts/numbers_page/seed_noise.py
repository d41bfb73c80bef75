"""`docs/seed_noise.md`: what a mean over few seeds hides."""

from collections.abc import Sequence

from tpo_runs._paper import paper_numbers

from .coverage import RUNS, coverage_table
from .relapse_tables import relapse_table, relapse_words, two_kinds_table
from .repeated import repeated_table
from .runs import Run
from .subsample_tables import crossing_table, crossing_words, interval_table, interval_words, spread

PAPERS_THRESHOLD = 0.01
PICKED = ("atlas", "first_run")  # folders of runs whose settings were tuned, or picked for what they show
TEXT = """\
# Where the paper misleads

For each setting, the paper prints a mean over 10, 20 or 30 seeds, or the step at which such a mean crosses
1%, without an interval. This page shows what such numbers hide, using only the summaries of our own runs and
the paper's numbers. Runs whose settings were tuned, or picked for what they show, are left out ({picked}).
`python scripts/write_numbers.py` generates this page, as well as [all numbers](numbers.md).

## One setting, several numbers

The paper prints several numbers for each of these settings, and describes no difference between the runs.
The numbers differ because of noise in the means, or because of a setting that the paper does not name. A
difference between two methods means nothing unless it is larger.

{repeated}

## Seeds that relapse

A seed that was below 1% has solved the task, but may lose the solution again. The step at which a mean first
crosses 1% does not show this. For every run with steps to 1%, the table gives the number of seeds that were
ever below 1%, the number of these that were later above 10% and above 50%, the highest later error of any
seed, and the number of seeds that ended above 50%.

{back}

{back_words}

## The slowest seed decides when a mean crosses

The mean of `n` seeds is below 1% only when the sum of their errors is below `n`%. One late seed delays it,
and with more seeds, a late one is more likely. If seeds differ, as they do for transformers but not for
bandits, fewer seeds than the paper's are expected to give a smaller number. The table shows the same runs
with fewer seeds: the median crossing over all subsets of a size (200 random ones if there are more), with the
first and the last in brackets. `precision` is the bin width of the curves, in steps.

{crossings}

{crossings_words}

## How much an interval is worth

In simulated runs, the true value is known, and a 95% interval should contain it at least 95 times in 100. The
measured coverage, in percent ({runs} runs, 30 for steps, so to within a few points; exact for shares):

{coverage}

- **Errors** are between 0 and 100%. Gaffke's interval of their mean uses this: for the upper end, it adds one
  seed that ends at 100%. Its coverage was at least nominal for every distribution and number of seeds tried.
  For seeds that end at 0 or 100%, it is the interval of Clopper and Pearson. The price is width: without a
  failure among 4, 10 and 20 seeds, the mean may still be 60, 31 and 17%, because 2.5% of runs miss a kind of
  seed with that share. The same holds for paired differences, and for the interval that the paper's numbers
  are compared with, which is that of the mean of as many seeds as the paper has.
- **Student's intervals** are used for bands of curves, where wider ones would hide the curves, and for
    metrics
  without bounds, such as gradient norms. They are correct if all seeds behave alike, but do not allow for a
  kind of seed that is not among them: if one seed in ten fails, the interval of four seeds contains the mean
  in about a third of the runs. They are not drawn if all seeds are equal, and such runs are not counted here.
- **Steps to 1%**: the upper end is "never" for fewer than 367 seeds, because a rare kind of seed that never
    gets
  there, and that a smaller sample may miss, would keep the mean above 1%. Only the lower end is informative.
- **Shares of failed seeds** have the exact interval of Clopper and Pearson.

No narrower interval that we tried reaches 95% with few seeds. With four seeds, the BCa bootstrap contains the
mean in 80% of the runs if seeds behave alike and in 33% if one in ten fails. For equal seeds it is a point.

The next table shows the same for our own runs of at least 16 seeds of which some end above 1%: the mean width
of the interval over subsets of the seeds, in percentage points, and in brackets the share of subsets whose
interval contains the mean over all seeds. It uses 40 random subsets, or all if there are fewer.

{intervals}

![Width and coverage of intervals on MNIST by number of seeds](../figures/seed_noise/seed_noise.png)

{interval_words}

## Means of two groups of seeds

If final errors fall into two groups, more than 5 points apart, no seed is near the mean. The mean then
depends on how many seeds are in the worse group.

{kinds}
"""


def seed_noise_page(runs: Sequence[Run]) -> str:
    """The page in Markdown, without the runs of `PICKED`."""
    runs = [run for run in runs if run.folder not in PICKED]
    solved = [run for run in runs if run.metric == "error" and run.threshold == PAPERS_THRESHOLD]
    several = [run for run in solved if len(run.cell.seeds) >= 4]
    return TEXT.format(
        picked=", ".join(f"`{name}`" for name in PICKED),
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
