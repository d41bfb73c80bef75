"""Where the files of the repository stand in the site, and links between them.

Documents link to each other as a code host shows them, for example `../configs/mnist.toml`. In the site a
config is the page of its experiment, a README the page of its package.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

_FENCE = re.compile(r"^ *(```|~~~)")
_INLINE = re.compile(r"(?P<before>\]\()(?P<target>[^)\s]+)(?P<after>\))")
_REFERENCE = re.compile(r"^(?P<before>\[[^\]]+\]: +)(?P<target>\S+)(?P<after>)$")
_ELSEWHERE = re.compile(r"^([a-z]+:|#|/)")


def site_path(path: str) -> str | None:
    """The place in the site of a file of the repository; None where it has none.

    >>> (
    ...     site_path("configs/mnist.toml"),
    ...     site_path("docs/promises.md"),
    ...     site_path("packages/tpo-envs/README.md"),
    ... )
    ('experiments/mnist.md', 'promises.md', 'packages/tpo-envs.md')
    """
    match PurePosixPath(path).parts:
        case ("docs", *rest):
            return "/".join(rest)
        case ("configs", name) if name.endswith(".toml"):
            return f"experiments/{name.removesuffix('.toml')}.md"
        case ("packages", package, "README.md"):
            return f"packages/{package}.md"
        case ("packages", package, "CHANGELOG.md"):
            return f"changelogs/{package}.md"
        case ("README.md",):
            return "index.md"
        case ("CONTRIBUTING.md",):
            return "contributing.md"
        case ("LICENSE",) | ("CITATION.cff",) | ("figures" | "scripts" | "notebooks", _, *_):
            return path
        case _:
            return None


def relinked(markdown: str, source: str, page: str, root: Path, warn: Callable[[str], None]) -> str:
    """Markdown whose links fit the site.

    Args:
        markdown: the text; code blocks in it are left as they are.
        source: the file that it comes from, below `root`.
        page: the page of the site that it becomes part of.
        root: the repository.
        warn: told about links to files that the site does not have.

    Returns:
        The text with every link to a file of the repository relative to `page`.
    """

    def moved(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if _ELSEWHERE.match(match["target"]):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = site_path(path) if (root / path).is_file() else None
        if place is None:
            warn(f"{source}: the link to {target!r} leads to no file that the site has")
            return match[0]
        relative = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"{match['before']}{relative}{'#' + anchor if anchor else ''}{match['after']}"

    lines, fenced = [], False
    for line in markdown.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        lines.append(line if fenced else _REFERENCE.sub(moved, _INLINE.sub(moved, line)))
    return "\n".join(lines)


def section(markdown: str, heading: str) -> str:
    """The text below a heading, up to the next one of its level or above; empty if there is none.

    >>> section("# A\\n## B\\ntext\\n## C", "B")
    'text'
    """
    start = re.search(rf"^(#+) {re.escape(heading)}$\n", markdown, flags=re.MULTILINE)
    if start is None:
        return ""
    rest = markdown[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, flags=re.MULTILINE)
    return rest[: end.start() if end else None].strip()
