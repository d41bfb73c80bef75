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
_ELSEWHERE = re.compile(r"^([a-z]+:|/)")


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

    def moved(target: str) -> str | None:
        if not target:  # `#place`, on the page itself
            return target
        path = _from_root(target, source)
        place = site_path(path) if (root / path).is_file() else None
        if place is None:
            warn(f"{source}: the link to {target!r} leads to no file that the site has")
            return None
        return posixpath.relpath(place, posixpath.dirname(page) or ".")

    return _with_targets(markdown, moved)


def copied(markdown: str, source: str, to: str) -> str:
    """Markdown of one document as a part of another: its links lead where they did.

    >>> copied("[a](b.md#c)", "docs/page.md", "configs/README.md")
    '[a](../docs/b.md#c)'
    """
    start = posixpath.dirname(to) or "."
    return _with_targets(markdown, lambda target: posixpath.relpath(_from_root(target, source), start))


def _from_root(target: str, source: str) -> str:
    """The path below the root of what a link in `source` leads to; `#place` leads to `source` itself."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target)) if target else source


def _with_targets(markdown: str, moved: Callable[[str], str | None]) -> str:
    """Markdown with another target for each link within the repository; None leaves a link as it is."""

    def replaced(match: re.Match[str]) -> str:
        target, mark, anchor = match["target"].partition("#")
        if _ELSEWHERE.match(match["target"]) or (found := moved(target)) is None:
            return match[0]
        return f"{match['before']}{found}{mark}{anchor}{match['after']}"

    lines, fenced = [], False
    for line in markdown.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        lines.append(line if fenced else _REFERENCE.sub(replaced, _INLINE.sub(replaced, line)))
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
