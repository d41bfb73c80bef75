"""Training for the published numbers that are missing: what comes next; nothing is lost or done twice."""

import time
from dataclasses import replace
from pathlib import Path

import missing_numbers
import pytest
from missing.plan import Candidate, Costs, candidates, next_piece, paper_cells, seeds_of
from missing.train import Training
from numbers_page.runs import all_runs

from tpo_runs import read_summary
from tpo_runs._paper import PaperNumber

ROOT = Path(__file__).parents[1]

CONFIG = """
title = "Two bandits"
paper = "Fig. 2"
figures = []

[task]
kind = "symmetric_bandit"

[policy]
kind = "logit_table"

[optimizer]
kind = "adam"
learning_rate = 0.1

[schedule]
steps = 20
block = 4

[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "exact_group", contexts = "all" }

[grid]
"schedule.steps" = [20, 40]
"""
AN_HOUR = {"seconds": 3600.0, "longest": 600.0}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "bandits.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def short_and_long(config):
    """Candidates of one number each, whose seeds take 20 and 40 steps."""
    cells = paper_cells([config], block=1)
    return [Candidate(path, cell, (a_number(),), goal=4, final=False) for path, cell in cells]


@pytest.fixture(scope="module")
def published(runs, rows):
    """Our runs, the rows of the page, and what there is to train."""
    return runs, rows, candidates(paper_cells(ROOT.glob("configs/*.toml"), block=1), rows)


def a_number(**facts):
    base = {"source": "Table 1", "quantity": "final_error_percent", "method": "TPO", "where": {}, "label": {}}
    return PaperNumber.model_validate({**base, "value": 1.0, "rounding": 0.1, **facts})


def other(candidate, **changes):
    numbers = tuple(a_number(label={"n": n}) for n in range(changes.pop("numbers", 1)))
    return replace(candidate, numbers=numbers, **changes)


def chosen(*arguments, **left):
    """The next piece, where there is one."""
    piece = next_piece(*arguments, **(left or AN_HOUR))
    assert piece is not None
    return piece


def priced(*measured):
    """Costs of the cells of candidates, of which a seed took some seconds."""
    costs = Costs()
    for candidate, seconds in measured:
        costs.measure(candidate.cell, seconds)
    return costs


def test_each_number_that_can_be_missing_is_the_goal_of_a_cell(published):
    _, rows, found = published
    aimed_at = {number.name for c in found if not c.final for number in c.numbers}
    missing = {
        row.number.name
        for row in rows
        if not row.number.unmatched and (row.evidence is None or not row.evidence.judged)
    }
    assert aimed_at == missing


def test_all_cells_train_as_many_seeds_together_as_one_says(config):
    assert {cell.schedule.block for _, cell in paper_cells([config], block=2)} == {2}


def test_the_cell_with_the_most_numbers_per_second_is_next(short_and_long):
    short, long = short_and_long
    costs = priced((short, 10.0), (long, 30.0))
    assert chosen(short_and_long, {}, costs).candidate is short
    richer = [short, other(long, numbers=4)]
    assert chosen(richer, {}, costs).candidate is richer[1]


def test_numbers_without_a_comparison_come_before_those_with_few_seeds(short_and_long):
    short, long = short_and_long
    costs = priced((short, 10.0), (long, 3000.0))
    found = [other(short, numbers=5, final=True), long]
    assert chosen(found, {}, costs).candidate is long


def test_only_missing_seeds_are_trained_up_to_the_first_gap(short_and_long):
    short, _ = short_and_long
    costs = priced((short, 10.0))
    piece = chosen([short], {short.owner: {0, 3}}, costs)
    assert (piece.seeds, piece.seconds) == (range(1, 3), 20.0)
    assert next_piece([short], {short.owner: {0, 1, 2, 3}}, costs, **AN_HOUR) is None


def test_a_piece_ends_in_time(short_and_long):
    short, _ = short_and_long
    costs = priced((short, 10.0))
    assert chosen([short], {}, costs, seconds=25.0, longest=600.0).seeds == range(2)
    assert chosen([short], {}, costs, seconds=3600.0, longest=15.0).seeds == range(1)
    assert next_piece([short], {}, costs, seconds=9.0, longest=600.0) is None


def test_a_number_that_one_cell_serves_is_not_trained_by_another(short_and_long):
    short, long = short_and_long
    served = {short.owner: set(range(4))}
    assert next_piece([short, long], served, Costs(), **AN_HOUR) is None
    assert chosen([short, other(long, numbers=2)], served, Costs()).numbers == 2


def test_a_seed_that_was_not_measured_costs_in_proportion_to_its_steps(short_and_long):
    short, long = short_and_long
    costs = priced((short, 10.0))
    assert costs.of_seed(long.cell) == pytest.approx(20.0)
    costs.measure(long.cell, 12.0)
    assert costs.of_seed(long.cell) == 12.0


def trained(found, to, store, *, minutes=5.0):
    """The lines of a training, and the seeds of all summaries after it."""
    lines: list[str] = []
    taken = seeds_of(all_runs(to / "none", to))
    end = time.monotonic() + 60 * minutes
    Training(found, taken, store=store, to=to, end=end, longest=600.0, say=lines.append).run([frozenset()])
    return lines, seeds_of(all_runs(to / "none", to))


def test_another_machine_goes_on_from_the_summaries_alone(short_and_long, tmp_path):
    short, _ = short_and_long
    to = tmp_path / "numbers"
    lines, seeds = trained([replace(short, goal=2)], to, tmp_path / "one")
    assert seeds == {short.owner: {0, 1}}
    assert lines[0].startswith("bandits, TPO, steps = 20, seeds 0 to 1: for 1 number, about")
    lines, seeds = trained([short], to, tmp_path / "another")
    assert seeds == {short.owner: {0, 1, 2, 3}}
    assert "seeds 2 to 3" in lines[0]
    assert trained([short], to, tmp_path / "third") == ([], seeds)
    assert [path.name for path in to.iterdir()] == ["bandits.json"]
    summary = read_summary(to / "bandits.json")
    assert (summary.title, summary.paper) == ("Two bandits", "Fig. 2")
    assert [dict(cell.point) for cell in summary.cells] == [{"schedule.steps": 20}]


def test_the_same_machine_goes_on_in_its_stores(short_and_long, tmp_path):
    short, _ = short_and_long
    to, store = tmp_path / "numbers", tmp_path / "stores"
    trained([replace(short, goal=1)], to, store)
    lines, seeds = trained([short], to, store)
    assert seeds == {short.owner: {0, 1, 2, 3}}
    assert "seeds 1 to 3: 3 complete" in lines[1]


def test_nothing_starts_when_the_time_is_over(short_and_long, tmp_path):
    assert trained(short_and_long, tmp_path / "to", tmp_path / "store", minutes=0.1) == ([], {})


def test_training_that_fails_names_its_messages(config, tmp_path):
    (path, cell), _ = paper_cells([config], block=1)
    store = tmp_path / "store"
    blocked = store / f"bandits-{cell.key}-0"
    blocked.mkdir(parents=True)
    (blocked / "mine.txt").write_text("not a store")
    candidate = Candidate(path, cell, (a_number(),), goal=1, final=False)
    with pytest.raises(RuntimeError, match="training failed; the messages are in"):
        trained([candidate], tmp_path / "to", store)
    assert str(blocked) in (store / f"bandits-{cell.key}-0.log").read_text()


def test_the_plan_serves_every_missing_number_once(published, capsys):
    runs, rows, found = published
    missing_numbers.print_plan(found, seeds_of(runs))
    counted = [int(line.split(": for ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()]
    few = sum(row.evidence is not None and row.evidence.seeds < row.number.seeds for row in rows)
    missing = len({number.name for c in found if not c.final for number in c.numbers})
    assert missing <= sum(counted) <= missing + few


@pytest.mark.parametrize("flag", ["--minutes", "--block", "--longest"])
def test_a_time_that_is_not_positive_is_refused(flag, capsys):
    with pytest.raises(SystemExit):
        missing_numbers.parse([flag, "0"])
    assert f"{flag}: expected a positive number, got 0" in capsys.readouterr().err
