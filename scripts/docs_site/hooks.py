"""MkDocs hooks: what the site has besides the pages in docs/, from the one place where it is written down."""

import html
import logging
import re
from pathlib import Path

from latex2mathml.converter import convert
from links import copied, relinked, section, site_path
from made_pages import experiment_names, made_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
COPIED = ("figures/**/*.png", "scripts/**/*.py", "notebooks/*.ipynb", "LICENSE", "CITATION.cff")
SHOWN = ("CONTRIBUTING.md", "packages/*/README.md", "packages/*/CHANGELOG.md", "figures/**/*.md")
log = logging.getLogger("mkdocs.hooks.docs_site")

_INCLUDE = re.compile(r"^<!-- include: (?P<source>\S+), (?P<heading>.+) -->$", re.MULTILINE)
_MATH = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)

# The file that each page comes from, where that is not a page of docs/.
_sources: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> None:
    """Add the pages of the experiments to the navigation."""
    for entry in config.nav or []:
        if isinstance(entry, dict) and "Experiments" in entry:
            entry["Experiments"] += [f"experiments/{name}.md" for name in experiment_names(ROOT)]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add documents, figures and scripts that lie elsewhere, and the pages that are made from data."""
    _sources.clear()
    for pattern in (*COPIED, *SHOWN):
        for path in sorted(ROOT.glob(pattern)):
            source = path.relative_to(ROOT).as_posix()
            place = site_path(source)
            assert place is not None, source
            files.append(File.generated(config, place, abs_src_path=str(path)))
            _sources[place] = source
    for place, (source, markdown) in made_pages(ROOT).items():
        files.append(File.generated(config, place, content=markdown))
        _sources[place] = source


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put in the sections of other documents, and make all links fit the site."""
    place = page.file.src_uri
    source = _sources.get(place, f"docs/{place}")

    def included(match: re.Match[str]) -> str:
        text = section((ROOT / match["source"]).read_text(encoding="utf-8"), match["heading"])
        if not text:
            log.warning("%s: %s has no section %r", source, match["source"], match["heading"])
        return copied(text, match["source"], source)

    return relinked(_INCLUDE.sub(included, markdown), source, place, ROOT, log.warning)


def on_page_content(html_text: str, **_: object) -> str:
    """Formulas as MathML, which browsers show without any script."""

    def shown(match: re.Match[str]) -> str:
        tex = " ".join(html.unescape(match["tex"]).split())
        return convert(tex, display="block" if match["tag"] == "div" else "inline")

    return _MATH.sub(shown, html_text)
