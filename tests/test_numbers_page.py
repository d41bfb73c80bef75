"""The paper's numbers beside ours: what the page chooses, counts and refuses, and that it is current."""

import doctest
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import write_numbers
from numbers_page import markdown, relapse_tables, subsamples
from numbers_page.evidence import Evidence, best, evidence_for
from numbers_page.notes import Note, check, read_notes
from numbers_page.page import Row, numbers_page
from numbers_page.power import power
from numbers_page.relapse_tables import relapse_table, two_kinds_table
from numbers_page.repeated import repeated
from numbers_page.runs import Run, all_runs
from numbers_page.subsamples import crossings, intervals, subsets

from tpo_runs import CellResult, ConfigError, read_summary
from tpo_runs._paper import PaperNumber, compare, paper_numbers
from tpo_runs._publish import summary_bytes
from tpo_runs._results import ExactFacts, mean_interval

ROOT = Path(__file__).parents[1]

SEED_FACTS = ("final", "first_below", "highest_since", "relapsed")
SUMMARY = read_summary(ROOT / "figures" / "tabular_single" / "summary.json")


def evidence(verdict, seeds=4, steps=1000, **facts):
    facts = {"folder": "somewhere", "seconds": 60.0, **facts}
    return Evidence("45", "[42, 48]", verdict, seeds, steps, **facts)


def number(source="Table 1", method="TPO", **facts):
    base = {"quantity": "steps_to_1_percent", "where": {}, "label": {}, "value": 58, "rounding": 1}
    return PaperNumber.model_validate({"source": source, "method": method, **base, **facts})


def run_of(errors, *, bin_width=1, highest_since=None):
    """A run with these binned curves, which end as the last bin does."""
    curves = np.array(errors)
    zeros = np.zeros(len(curves))
    highest = zeros if highest_since is None else np.array(highest_since)
    exact = ExactFacts("error", 0.01, curves[:, -1], zeros, highest, highest > 0.5, {})
    metrics = {"error": np.repeat(curves, bin_width, axis=1)}
    cell = CellResult("TPO", {}, {}, np.arange(len(curves)), metrics, {}, bin_width, exact)
    return Run("somewhere", "error", 0.01, cell)


def test_examples():
    for module in (markdown, subsamples, relapse_tables):
        assert doctest.testmod(module).failed == 0


# --- the page that is kept ---


@pytest.mark.parametrize("name", ["docs/numbers.md", "docs/seed_noise.md"])
def test_the_page_is_what_the_script_writes_now(name, made):
    assert made[name] == (ROOT / name).read_text(), "run python scripts/write_numbers.py"


@pytest.fixture(scope="module")
def made(runs, rows):
    return write_numbers.pages(runs, rows)


def test_every_published_number_has_a_row(rows, made):
    assert [row.number for row in rows] == list(paper_numbers())
    page = made["docs/numbers.md"]
    tables = [line for line in page.splitlines() if line.startswith("| ") and "](../figures/" in line]
    assert len(tables) == sum(row.evidence is not None for row in rows)


def test_the_counts_add_up(rows, made):
    head = made["docs/numbers.md"].partition("## ")[0]
    cells = [line.strip("| ").split(" | ") for line in head.splitlines() if line.startswith("| ")][2:]
    (_, every), *parts = cells
    assert int(every) == len(rows) == sum(int(count) for _, count in parts)
    assert int(parts[0][1]) == sum(row.verdict == "agrees" for row in rows)
    assert int(parts[1][1]) == sum(row.verdict == "differs" for row in rows)
    assert parts[2][0] == "run with too few seeds to be judged"
    assert int(parts[2][1]) == sum(row.verdict == "too few seeds" for row in rows)


def test_no_number_is_judged_by_fewer_than_ten_seeds_or_four_beside_the_authors(rows):
    judged = [row for row in rows if row.verdict in ("agrees", "differs")]
    assert judged
    for row in judged:
        assert row.evidence.seeds >= (4 if row.number.of_seeds else 10)
        assert ("p = " in row.evidence.interval) == bool(row.number.of_seeds)


def test_the_page_says_what_the_tests_of_seeds_can_find(rows, made):
    page = made["docs/numbers.md"]
    section = page.partition("## What few seeds beside the author's can find")[2]
    methods = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| ")][2:]
    assert methods == ["| TPO", "| TPO", "| GRPO", "| GRPO"]
    without = [row for row in rows if not row.number.of_seeds]
    notes = read_notes(ROOT / write_numbers.NOTES)
    kept = [note for note in notes if any(map(note.fits, (row.number for row in without if row.evidence)))]
    assert "can find\n" not in numbers_page(without, kept)


def test_power_is_the_share_of_runs_that_are_told_apart():
    theirs = number(quantity="final_error_percent", value=50, seeds=4, of_seeds=[40, 40, 60, 60])
    # Four seeds at 100% have p = 2 in 70 splits. Three, and one that is like theirs, have at least 6 in 70.
    assert power(theirs, 4, 1.0, 100.0) == 1.0
    assert power(theirs, 4, 0.9, 100.0, runs=400) == pytest.approx(0.9**4, abs=0.07)
    assert power(theirs, 2, 1.0, 100.0) == 0.0  # 1 in 15 splits


def test_runs_whose_setting_was_picked_are_not_evidence_of_seed_noise(runs, made):
    assert any(run.folder == "first_run" for run in runs)
    assert "figures/first_run" not in made["docs/seed_noise.md"]


# --- which run is taken ---


def test_what_can_be_judged_comes_first_then_seeds_then_steps():
    better_first = [
        evidence("differs", seeds=10, steps=1000),
        evidence("agrees", seeds=4, steps=2000),
        evidence("agrees", seeds=4, steps=1000),
        evidence("run too short", seeds=100),
        evidence("too few seeds", seeds=1, steps=5000),
    ]
    for order in itertools.permutations(better_first):
        assert best(order) == better_first[0]
    for worse in range(1, len(better_first)):
        assert best(reversed(better_first[worse:])) == better_first[worse]


def test_where_nothing_was_run_nothing_is_chosen():
    assert best([]) is None
    assert Row(number(), None).verdict == "not run"
    assert Row(number(unmatched="nobody knows"), None).verdict == "no run can be compared"


def test_a_run_speaks_for_the_numbers_of_its_own_setting_only(runs):
    for published in paper_numbers():
        fitting = [run for run in runs if published.matches(run.cell.spec)]
        expected = [run for run in fitting if not math.isnan(compare([run.cell], [published])[0].ours)]
        found = [(e.folder, e.seconds) for e in evidence_for(published, runs)]
        assert found == [(run.folder, run.cell.provenance["seconds"]) for run in expected]


def write_piece(root, folder, name, cells):
    path = root / "figures" / folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(summary_bytes(replace(SUMMARY, cells=cells)))


def test_pieces_of_a_run_count_as_one(tmp_path):
    for name, seeds in (("a", slice(0, 60)), ("b", slice(60, 100))):
        write_piece(tmp_path, name, f"summary_{name}", [cut(cell, seeds) for cell in SUMMARY.cells])
    runs = all_runs(tmp_path)
    assert {run.folder for run in runs} == {"a"}
    assert [run.final.tolist() for run in runs] == [cell.exact.final.tolist() for cell in SUMMARY.cells]


def test_the_folder_with_most_seeds_names_a_cell_and_has_the_last_word(tmp_path):
    cell = SUMMARY.cells[0]
    first = cut(cell, slice(0, 50))
    exact = replace(first.exact, final=np.full(50, 0.5))
    other = replace(first, point={"task.horizon": 9}, exact=exact)
    write_piece(tmp_path, "a", "summary", [other])
    write_piece(tmp_path, "b", "summary", [cut(cell, slice(0, 40))])
    write_piece(tmp_path, "b", "summary_2", [cut(cell, slice(40, 80))])
    (run,) = all_runs(tmp_path)
    assert (run.folder, run.cell.point) == ("b", cell.point)
    assert run.final.tolist() == cell.exact.final[:80].tolist()


def cut(cell, seeds):
    """The cell with some of its seeds."""
    rows = {name: getattr(cell.exact, name)[seeds] for name in SEED_FACTS}
    metrics = {name: values[seeds] for name, values in cell.metrics.items()}
    return replace(cell, seeds=cell.seeds[seeds], metrics=metrics, exact=replace(cell.exact, **rows))


# --- notes ---

FIRST = number(label={"task.vocab_size": 2})
SECOND = number(label={"task.vocab_size": 4}, method="DG")


def test_a_note_is_about_all_numbers_that_fit_it():
    check([Note(source="Table 1", text="why")], [FIRST, SECOND])
    narrow = [
        Note(source="Table 1", method=n.method, conditions=n.label, text="why") for n in (FIRST, SECOND)
    ]
    check(narrow, [FIRST, SECOND])
    check(narrow, [FIRST], others=[SECOND])


def test_missing_and_superfluous_notes_are_refused():
    about_first = Note(source="Table 1", method="TPO", text="why")
    with pytest.raises(ConfigError) as caught:
        check([about_first, Note(source="Table 9", text="why")], [FIRST, SECOND])
    missing, superfluous = caught.value.lines
    assert missing.startswith("Table 1, steps_to_1_percent, DG, vocabulary = 4: ")
    assert "no note" in missing
    assert superfluous.startswith("the note on Table 9: ")
    assert "remove the note" in superfluous
    with pytest.raises(ConfigError, match="2 notes"):
        check([about_first, Note(source="Table 1", text="why")], [FIRST])


def test_a_page_without_the_notes_that_it_needs_is_not_written():
    with pytest.raises(ConfigError, match="no note"):
        numbers_page([Row(FIRST, evidence("differs", seeds=20))], [])


def test_a_malformed_note_is_refused(tmp_path):
    path = tmp_path / "notes.toml"
    path.write_text('[[note]]\nsource = "Table 1"\ntext = "why"\n[[note]]\nsorce = "Table 1"\ntext = "why"\n')
    with pytest.raises(ConfigError, match=r"notes.toml: note 2: source: Field required"):
        read_notes(path)


# --- what means hide ---


def test_settings_that_the_paper_prints_twice_are_found():
    first = number(where={"a.b": 1}, steps=10)
    again = number(where={"a.b": 1}, steps=10, source="Table 2", value=96)
    others = [number(where={"a.b": 2}, steps=10, source="Table 3"), number(where={"a.b": 1}, steps=11)]
    assert repeated([first, *others, again]) == [[first, again]]
    groups = {tuple(n.value for n in group) for group in repeated(paper_numbers())}
    assert {(58.0, 55.0, 96.0), (6.9, 1.8), (904.0, 352.0)} <= groups


def test_subsets_are_all_or_random_ones():
    assert subsets(4, 2) == [list(pair) for pair in itertools.combinations(range(4), 2)]
    many = subsets(100, 3, most=50)
    assert len(many) == 50
    assert all(len(set(chosen)) == 3 for chosen in many)
    assert many == subsets(100, 3, most=50)


def test_crossings_of_subsets_are_those_of_their_means():
    errors = [[0.9, 0.005, 0.0, 0.0], [0.9, 0.9, 0.001, 0.0], [0.9, 0.9, 0.9, 0.9]]
    run = run_of(errors)
    assert crossings(run, 1) == (1, 2, math.inf)
    # Both of the solved seeds: step 2; every pair with the third never.
    assert crossings(run, 2) == (2, math.inf, math.inf)
    solved = run_of(errors[:2], bin_width=5)
    assert crossings(solved, 2) == (10, 10, 10)


def test_intervals_of_subsets_are_counted_when_they_hold_the_mean():
    final = [0.0, 0.1, 0.2, 0.9]
    found = intervals(np.array(final), 3)
    naive = [mean_interval(np.array(chosen)) for chosen in itertools.combinations(final, 3)]
    assert found.subsets == 4
    assert found.width == pytest.approx(np.mean([high - low for low, high in naive]))
    assert found.holding == sum(low <= 0.3 <= high for low, high in naive) / 4


def test_seeds_that_come_back_are_counted():
    run = run_of([[0.0], [0.0], [0.0], [0.9]], highest_since=[0.009, 0.2, 0.7, math.nan])
    row = relapse_table([run]).splitlines()[-1]
    assert row.split(" | ")[2:] == ["4", "3", "2", "1", "70.0", "1 |"]


def test_means_that_no_seed_is_near_are_listed():
    run = run_of([[0.04], [0.05], [0.13]])
    row = two_kinds_table([run, run_of([[0.04], [0.05], [0.06]])]).splitlines()[2:]
    assert [line.split(" | ")[2:] for line in row] == [
        ["7.3", "5.0", "2 at 4.0 to 5.0", "1 at 13.0 to 13.0 |"]
    ]
