"""Check a built site as a reader without a connection would: python scripts/docs_site/check_site.py site

Every page, script, style and picture comes from the site itself, every link within it leads to a page that is
there and, if it names a place, to that place; every picture says in words what it shows.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

# What a browser fetches by itself; a link to a page elsewhere is fetched when somebody clicks.
FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "srcset", "video": "src", "link": "href"}
BASE = "https://site.invalid/"


class Page(HTMLParser):
    """The links, fetches, anchors and pictures without words of one page."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = {""}
        self.silent: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag refers to."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if target := values.get(FETCHED.get(tag, ""), ""):
            self.fetched.append(target)
        if tag == "img" and not values.get("alt"):
            self.silent.append(values.get("src", ""))


def problems(site: Path) -> Iterator[str]:
    """One line for each thing that is wrong."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if site / "index.html" not in pages:
        yield f"{site}: there is no index.html; build the site first: nox -s docs"
    for path, page in pages.items():
        # The page of missing pages is shown at any address, so its links start from the root.
        here = "" if path.name == "404.html" else path.relative_to(site).as_posix()
        yield from (f"{path}: a picture without words: {source[:80]}" for source in page.silent)
        for target in [*page.links, *page.fetched]:
            address, anchor = urldefrag(urljoin(BASE + here, target))
            if urlparse(target).scheme in ("data", "mailto"):
                continue
            if not address.startswith(BASE):
                if target in page.fetched:
                    yield f"{path}: fetched from elsewhere: {target}"
                continue
            file = site / unquote(urlparse(address).path).lstrip("/")
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file():
                yield f"{path}: leads nowhere: {target}"
            elif file in pages and unquote(anchor) not in pages[file].anchors:
                yield f"{path}: no such place: {target}"
    for style in sorted(site.rglob("*.css")):
        if "url(http" in (text := style.read_text(encoding="utf-8")) or "@import" in text:
            yield f"{style}: fetches from elsewhere"


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    found = list(dict.fromkeys(problems(Path(sys.argv[1]))))
    print(
        "\n".join(found) or f"{sys.argv[1]}: all links lead somewhere, and nothing is fetched from elsewhere"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
