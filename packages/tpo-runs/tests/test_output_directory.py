"""Output directories that are not a run's, links in stores of strangers, and files that the user names."""

import errno
import json
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
from reliability import UNDRAWN, contents
from report_store import UNDRAWN as UNDRAWN_STORE
from report_store import make_store

from tpo_runs import Store
from tpo_runs._cli import main
from tpo_runs._store import locked

# Its first method only.
SHORT = "[[method]]".join(UNDRAWN.replace("steps = 6000", "steps = 20").split("[[method]]")[:2])


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A complete store, and the config that it is of."""
    root = tmp_path_factory.mktemp("made")
    config = UNDRAWN_STORE.replace("figures = []", 'figures = ["learning_curves"]')
    made = make_store(root, points=1, seeds=2, steps=20, complete=True, config=config)
    return made, root / "made_up.toml"


@pytest.fixture
def out(made, tmp_path):
    """A copy of it, drawn."""
    out = shutil.copytree(made[0].root, tmp_path / "out")
    (out / "figures").mkdir()
    (out / "figures" / "summary.md").write_text("drawn")
    return out


def commands(config, out):
    return (
        [str(config), "--out", str(out), "--quiet"],
        [str(config), "--out", str(out), "--quiet", "--overwrite"],
        ["draw", str(out)],
        ["report", str(out)],
        ["summarize", str(out)],
    )


def tree(root):
    """What is below a directory: contents of files, targets of links, and names of directories."""
    found = {}
    for path in sorted(root.rglob("*")):
        kind = "link" if path.is_symlink() else "file" if path.is_file() else "other"
        found[str(path)] = (
            os.readlink(path) if kind == "link" else path.read_bytes() if kind == "file" else kind
        )
    return found


# Directories that are not a run's.


def fill_with_notes(root):
    (root / "notes.txt").write_text("mine")


def fill_with_dotfiles(root):
    (root / ".git").mkdir()


def fill_with_our_names(root):
    for name in ("jobs", "errors", "figures"):
        (root / name).mkdir()
        (root / name / "summary.md").write_text("mine")
    (root / "config.toml").write_text("mine")


def fill_with_another_programs_manifest(root):
    (root / "run.json").write_text('{"cells": 3}')
    (root / "mine").write_text("mine")


def fill_with_a_lock_of_others(root):
    (root / ".lock").write_text("mine")


def fill_with_unreadable_names(root):
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe"))).write_text("mine")


STRANGE = [
    fill_with_notes,
    fill_with_dotfiles,
    fill_with_our_names,
    fill_with_another_programs_manifest,
    fill_with_a_lock_of_others,
    fill_with_unreadable_names,
]


@pytest.mark.parametrize("fill", STRANGE)
@pytest.mark.parametrize("words", [[], ["--overwrite"]])
def test_a_directory_that_holds_something_else_is_refused_and_nothing_is_touched(
    fill, words, config, tmp_path, capsys
):
    root = tmp_path / "theirs"
    root.mkdir()
    fill(root)
    before = tree(tmp_path)
    assert main([str(config), "--out", str(root), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(root) in line
    assert "choose another --out" in line
    assert tree(tmp_path) == before


def test_the_working_directory_with_the_users_files_is_refused(config, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = config.rename(tmp_path / "config.toml")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "thesis.tex").write_text("mine")
    before = tree(tmp_path)
    assert main(["config.toml", "--out", "."]) == 2
    assert "holds" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_a_link_that_leads_nowhere_is_refused(config, tmp_path, capsys):
    (tmp_path / "out").symlink_to(tmp_path / "unmounted")
    assert main([str(config), "--out", str(tmp_path / "out")]) == 2
    assert "is a link to" in capsys.readouterr().err
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["small.toml", "--out", ""],
        ["small.toml", "--out="],
        ["small.toml", "--out", " "],
        ["report", ""],
        ["draw", ""],
        ["draw", "summary.json", ""],
        ["draw", "summary.json", "--to", ""],
        ["draw", "summary.json", "--figures", ""],
        ["summarize", ""],
        ["summarize", "out", "--to", ""],
        ["report", "out", "--to", ""],
        [""],
        ["check", ""],
    ],
)
def test_an_empty_argument_is_not_the_working_directory(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a path, found ''" in line
    assert list(tmp_path.iterdir()) == []


def test_a_run_takes_what_a_killed_start_has_left_and_removes_only_what_is_its_own(config, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / ".lock").touch()
    (disk / "lock.json").write_text("{")
    (disk / ".writing-abc").write_text("half")
    out = tmp_path / "results"
    out.symlink_to(disk)  # a directory of results may be a link to a larger disk
    assert main([str(config), "--out", str(out), "--quiet"]) == 0
    assert not (disk / ".writing-abc").exists()
    key = Store(out).manifest()["cells"][0]["key"]
    theirs = [
        *("errors/notes.txt", f"errors/{key}.txt.gz", "jobs/notes.txt", "notes/.writing-mine"),
        *(f"cells/{key}/notes.txt", "cells/.writing/notes.txt", "tensorboard/notes.txt"),
    ]
    for name in theirs:
        (disk / name).parent.mkdir(exist_ok=True)
        (disk / name).write_text("mine")
    ours = contents(disk / "cells")
    assert main([str(config), "--out", str(out), "--quiet", "--overwrite"]) == 0
    assert [name for name in theirs if not (disk / name).exists()] == []
    assert contents(disk / "cells") == ours


# Links.

PLACES = [
    *("run.json", "config.toml", ".lock", "lock.json", "report.html", "figures/summary.md"),
    *(
        "cells",
        "figures",
        "errors",
        "jobs",
        "tensorboard",
        "figures/summary.json",
        "errors/0123456789abcdef.txt",
    ),
    *("cells/KEY", "cells/KEY/spec.json", "cells/KEY/checkpoints", "cells/KEY/tracking"),
    *("cells/KEY/seeds-000000-000001", "cells/KEY/seeds-000000-000001/metrics.parquet"),
    *(
        "cells/KEY/seeds-000000-000001/timing.json",
        "cells/KEY/checkpoints/seeds-000002-000003/step-000000001",
    ),
]


@pytest.mark.parametrize("place", PLACES)
def test_no_link_in_a_store_is_followed(place, made, out, tmp_path, capsys):
    key = Store(out).manifest()["cells"][0]["key"]
    path = out / place.replace("KEY", key)
    path.parent.mkdir(parents=True, exist_ok=True)
    # What it leads to is what would be there, so that nothing but the link tells it apart.
    outside = tmp_path / "outside"
    if path.exists():
        path.rename(outside)
    elif path.suffix:
        outside.write_text("mine")
    else:
        outside.mkdir()
        (outside / "thesis.tex").write_text("mine")
    path.symlink_to(outside)
    before = tree(tmp_path)
    for words in commands(made[1], out):
        assert main(words) == 2, words
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{path}: is a link to {outside}" in line
        assert tree(tmp_path) == before, words


@pytest.mark.parametrize("place", [".probe", "cells/.probe", "figures/.probe", "notes"])
def test_a_link_under_another_name_is_left_alone(place, out, tmp_path):
    outside = tmp_path / "bashrc"
    outside.write_text("mine")
    (out / place).symlink_to(outside)
    code = main(["summarize", str(out), "--to", str(out / "s.json")])
    assert code == (0 if place.count("/") == 0 else 2)  # in our directories, any link is refused
    assert outside.read_text() == "mine"
    assert (out / place).is_symlink()


@pytest.mark.usefixtures("unrendered")
def test_a_second_name_of_the_users_file_in_a_store_is_not_written_through(made, out, tmp_path):
    names = ["config.toml", "figures/summary.md", "figures/learning_curves.png", "lock.json"]
    for number, name in enumerate(names):
        outside = tmp_path / f"outside-{number}"
        outside.write_text("mine")
        (out / name).unlink(missing_ok=True)
        os.link(outside, out / name)
    assert main([str(made[1]), "--out", str(out), "--quiet"]) == 0
    assert [(tmp_path / f"outside-{number}").read_text() for number in range(len(names))] == ["mine"] * 4
    outside = tmp_path / "profile"
    outside.write_text("mine")
    (out / ".lock").unlink()
    os.link(outside, out / ".lock")
    assert main([str(made[1]), "--out", str(out), "--quiet"]) == 2
    assert outside.read_text() == "mine"


SHAPED = [".lock", "run.json", "config.toml", "cells", "figures", "errors", "jobs"]


@pytest.mark.parametrize("place", [*SHAPED, "cells/KEY", "cells/KEY/checkpoints", "cells/KEY/tracking"])
def test_a_file_in_the_place_of_a_directory_or_the_other_way_round_is_one_line(
    place, made, out, tmp_path, capsys
):
    path = out / place.replace("KEY", Store(out).manifest()["cells"][0]["key"])
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("mine")
    elif path.exists():
        path.unlink()
        path.mkdir()
    elif place == ".lock":
        path.mkdir()
    else:
        os.mkfifo(path)
    for words in commands(made[1], out):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(path) in line


def test_names_that_are_no_text_are_left_alone(out, capsys):
    odd = b"\xff\xfe"
    for directory in (out, out / "cells", next(out.glob("cells/*")), out / "figures"):
        (Path(os.fsdecode(os.fsencode(directory) + b"/" + odd))).write_text("mine")
    assert main(["summarize", str(out)]) == 0


def test_a_directory_that_cannot_be_read_is_one_line(made, out, monkeypatch, capsys):
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "cells":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for words in commands(made[1], out):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{out}/cells: cannot be read: Permission denied" in line


@pytest.mark.parametrize("command", ["draw", "report", "summarize"])
def test_the_manifest_of_another_run_is_named(command, made, out, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    other = make_store(tmp_path / "other", points=1, seeds=1, steps=10, complete=True)
    shutil.copy(other.root / "run.json", out)
    assert main([command, str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{out}/run.json: belongs to another run" in line
    assert "remove it, and run the config again" in line


@pytest.mark.parametrize("content", ["[1]", "1", "null", '"text"', "", "{}"])
def test_a_summary_that_is_none_is_one_line(content, tmp_path, capsys):
    (tmp_path / "s.json").write_text(content)
    assert main(["draw", str(tmp_path / "s.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}/s.json: damaged" in line


# What refuses a run with --overwrite leaves the old results.


def no_space(patch, out, config):
    usage = shutil.disk_usage(out)._replace(free=1000)
    patch.setattr(shutil, "disk_usage", lambda _: usage)
    return "too little space"


def no_locks(patch, out, config):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    patch.setattr("fcntl.flock", refuse)
    return "its file system has no locks"


def no_writing(patch, out, config):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr("tempfile.TemporaryFile", refuse)
    return "No space left on device"


def no_manifest(patch, out, config):
    (out / "run.json").write_text("{")
    return "run.json: damaged"


def no_objective(patch, out, config):
    text = config.read_text() + '[[method]]\nname = "Own"\nobjective = { kind = "missing_module:f" }\n'
    config.write_text(text + 'rollout = { kind = "sequence_group", prompts = 4, candidates = 2 }\n')
    return "missing_module"


@pytest.mark.parametrize("refusal", [no_space, no_locks, no_writing, no_manifest, no_objective])
def test_old_results_stay_when_a_run_that_would_replace_them_is_refused(
    refusal, made, out, tmp_path, monkeypatch, capsys
):
    config = Path(shutil.copy(made[1], tmp_path))
    with monkeypatch.context() as patch:
        words = refusal(patch, out, config)
        before = contents(out)
        assert main([str(config), "--out", str(out), "--overwrite", "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert contents(out) == before


def test_old_results_stay_while_another_run_holds_the_directory(made, out, capsys):
    before = contents(out)
    with locked(out):
        assert main([str(made[1]), "--out", str(out), "--overwrite", "--quiet"]) == 2
    assert "in use by process" in capsys.readouterr().err
    assert contents(out) == before


# Files that the user names.


def summarize(out, to):
    return main(["summarize", str(out), "--to", str(to)])


def test_a_pipe_and_a_device_are_written_to_and_stay_what_they_are(out, tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    assert summarize(out, pipe) == 0
    reader.join(60)
    assert json.loads(received[0])["title"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "null").symlink_to("/dev/null")
    for path in ("/dev/null", tmp_path / "null"):
        assert summarize(out, path) == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert (tmp_path / "null").is_symlink()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_on_standard_output_stands_the_file_and_nothing_else(name, out, capfd):
    assert summarize(out, name) == 0
    assert json.loads(capfd.readouterr().out)["title"]


def test_a_link_that_the_user_names_is_followed_and_stays(out, tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to("target.json")
    for _ in range(2):  # at first it leads to nothing
        assert summarize(out, link) == 0
        assert link.is_symlink()
        assert json.loads(target.read_text())["title"]


def test_permissions_stay_and_new_files_have_those_that_the_umask_leaves(out, tmp_path):
    kept, new = tmp_path / "kept.json", tmp_path / "folder" / "new.json"
    kept.write_text("old")
    kept.chmod(0o640)
    before = os.umask(0o077)
    try:
        assert summarize(out, kept) == 0
        assert summarize(out, new) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["title"]


def test_a_tilde_is_the_home_directory(out, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert main(["summarize", str(out), "--to=~/s.json"]) == 0
    assert (tmp_path / "home" / "s.json").exists()


@pytest.mark.parametrize("command", ["summarize", "report"])
def test_a_place_that_cannot_be_written_is_one_line_that_names_the_option(command, out, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([command, str(out), "--to", str(tmp_path / "file" / "page")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}/file/page: cannot be written: Not a directory" in line
    assert "--to" in line


@pytest.mark.parametrize("command", ["draw", "report", "summarize"])
def test_of_a_store_that_cannot_be_written_one_line_says_how_to_write_elsewhere(
    command, out, monkeypatch, capsys
):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    before = contents(out)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert main([command, str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written: Read-only file system; the results are intact" in line
    assert "--to" in line
    assert contents(out) == before


@pytest.mark.usefixtures("unrendered")
def test_figures_of_summaries_follow_the_users_links(out, tmp_path):
    assert summarize(out, tmp_path / "s.json") == 0
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "summary.md").symlink_to(tmp_path / "paper.md")
    assert main(["draw", str(tmp_path / "s.json"), "--to", str(tmp_path / "figures")]) == 0
    assert (tmp_path / "figures" / "summary.md").is_symlink()
    assert "TPO" in (tmp_path / "paper.md").read_text()
