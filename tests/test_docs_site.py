"""What the documentation site makes of the repository; building it is `nox -s docs`."""

import doctest
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "docs_site"))

import check_site  # noqa: E402
import links  # noqa: E402
import made_pages  # noqa: E402

PAGES = made_pages.made_pages(ROOT)
FOLDERS = sorted(ROOT.glob("figures/*/"))
OF_CONFIGS = [folder for folder in FOLDERS if made_pages.owner(ROOT, folder.name)]
OF_SCRIPTS = [folder for folder in FOLDERS if folder not in OF_CONFIGS]
CONFIGS = sorted(path.stem for path in ROOT.glob("configs/*.toml"))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_has_a_page_with_its_command_time_and_settings(name):
    _, page = PAGES[f"experiments/{name}.md"]
    text = (ROOT / "configs" / f"{name}.toml").read_text()
    assert page.startswith(f"# {tomllib.loads(text)['title']}\n")
    assert f"\ntpo-runs configs/{name}.toml\n" in page
    assert re.search(r"\| time on 2 CPU cores \| \S", page)
    assert re.search(r"\| time on a GPU \| \S", page)
    assert text.rstrip() in page


@pytest.mark.parametrize("folder", OF_CONFIGS, ids=lambda path: path.name)
def test_every_folder_of_figures_is_shown_on_the_page_of_its_config(folder):
    _, page = PAGES[f"experiments/{made_pages.owner(ROOT, folder.name)}.md"]
    own_results = page.partition(f"(../figures/{folder.name}/summary.md)")[0].rpartition("## Results")[2]
    assert all(f"../figures/{folder.name}/{picture.name})" in own_results for picture in folder.glob("*.png"))
    beside = made_pages.BESIDE in (folder / "summary.md").read_text()
    assert ("### Ours beside the paper's" in own_results) == beside


@pytest.mark.parametrize("name", sorted({made_pages.owner(ROOT, folder.name) for folder in OF_CONFIGS}))
def test_each_run_of_a_config_has_a_heading_of_its_own_that_says_what_it_is(name):
    _, page = PAGES[f"experiments/{name}.md"]
    headings = [line for line in page.splitlines() if line.startswith("## Results")]
    folders = [folder for folder in OF_CONFIGS if made_pages.owner(ROOT, folder.name) == name]
    assert len(headings) == len(set(headings)) == len(folders)
    readme = (ROOT / "figures/README.md").read_text()
    assert all(f"({heading.removeprefix('## Results: ')}) | `" in readme for heading in headings)


@pytest.mark.parametrize("folder", OF_SCRIPTS, ids=lambda path: path.name)
def test_every_picture_that_a_script_drew_is_shown_in_a_document(folder):
    documents = "".join(path.read_text() for path in ROOT.glob("docs/**/*.md"))
    assert all(f"../figures/{folder.name}/{picture.name})" in documents for picture in folder.glob("*.png"))


def test_a_folder_belongs_to_the_longest_name_that_it_begins_with():
    assert made_pages.owner(ROOT, "transformer_rlvr_h7") == "transformer_rlvr"
    assert made_pages.owner(ROOT, "dg_epochs_variations") == "dg_epochs_variations"
    assert made_pages.owner(ROOT, "another") == ""


def test_every_public_name_is_in_the_api():
    import tpo_envs
    import tpo_objectives

    for module in (tpo_envs, tpo_objectives):
        page = PAGES[f"api/{module.__name__}.md"][1]
        names = {name for name in dir(module) if name[0] != "_" and callable(getattr(module, name))}
        assert [name for name in names - {"import_module", "Any"} if f'"{name}"' not in page] == []


def test_every_document_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    shown = set(re.findall(r"\S+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"])))
    documents = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    assert documents <= shown


def test_links_lead_where_the_site_has_their_targets():
    told = []

    def moved(text):
        return links.relinked(text, "docs/experiments.md", "experiments.md", ROOT, told.append)

    assert moved("[a](../configs/mnist.toml)") == "[a](experiments/mnist.md)"
    assert moved("[a]: ../configs/mnist.toml") == "[a]: experiments/mnist.md"
    assert moved("[a](tasks/README.md#scores)") == "[a](tasks/README.md#scores)"
    assert moved("[a](https://a.b) [c](#d)") == "[a](https://a.b) [c](#d)"
    assert moved("```\n[a](../configs/mnist.toml)\n```") == "```\n[a](../configs/mnist.toml)\n```"
    assert told == []
    moved("[a](nowhere.md)")
    assert told == ["docs/experiments.md: the link to 'nowhere.md' leads to no file that the site has"]
    assert doctest.testmod(links).failed == 0


@pytest.mark.parametrize("place", PAGES)
def test_every_link_of_a_made_page_leads_to_a_file_of_the_site(place):
    source, page = PAGES[place]
    told = []
    links.relinked(page, source, place, ROOT, told.append)
    assert told == []


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("performance.md#on-a-gpu", "../docs/performance.md#on-a-gpu"),
        ("../figures/mnist/summary.md", "../figures/mnist/summary.md"),
        ("#memory", "../docs/experiments.md#memory"),
        ("https://a.b", "https://a.b"),
    ],
)
def test_a_link_that_is_copied_to_another_document_leads_where_it_did(link, there):
    assert links.copied(f"[a]({link})", "docs/experiments.md", "configs/README.md") == f"[a]({there})"
    assert links.copied(f"[a]: {link}", "docs/experiments.md", "configs/README.md") == f"[a]: {there}"


def test_the_docs_are_built_in_ci_with_warnings_that_count():
    assert re.search(r"^nox -s .*\bdocs\b", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert "docs" in workflow["jobs"]["session"]["strategy"]["matrix"]["session"]
    (build,) = re.findall(r'session\.run\("mkdocs", "build".*\)', (ROOT / "noxfile.py").read_text())
    assert "--strict" in build
    assert "--quiet" not in build  # warnings that MkDocs does not print are no errors to --strict


def test_a_site_that_is_broken_is_told(tmp_path):
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="#top">a</a><a href="#nowhere">b</a><a href="missing/">c</a>'
        '<a href="https://elsewhere.org">d</a><script src="https://elsewhere.org/x.js"></script>'
        '<img src="a.png"><img src="data:image/png;base64," alt="a picture">'
    )
    (tmp_path / "a.css").write_text("@import 'b.css'")
    found = [line.partition(": ")[2] for line in check_site.problems(tmp_path)]
    assert found == [
        "a picture without words: a.png",
        "no such place: #nowhere",
        "leads nowhere: missing/",
        "fetched from elsewhere: https://elsewhere.org/x.js",
        "leads nowhere: a.png",
        "fetches from elsewhere",
    ]


def test_the_reference_has_every_kind_and_key():
    from tpo_runs._config import FIGURES, KINDS, PROBES, config_schema

    _, page = PAGES["reference.md"]
    for kinds in (*KINDS.values(), FIGURES):
        for kind, model in kinds.items():
            _, heading, rest = page.partition(f'\n### `kind = "{kind}"`\n')
            assert heading, kind
            section = rest.partition("\n#")[0]
            keys = set(model.model_fields) - {"kind"}
            assert all(f"\n| `{key}` | " in section for key in keys), kind
    assert all(f"`{name}`" in page for name in PROBES)
    assert all(f"\n| `{key}` | " in page for key in config_schema()["properties"])
