"""Every internal link of a folder of HTML, looked up: the file it names, and the place in it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page links to, and the places that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one tag's links and places."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def broken_links(site: Path) -> list[str]:
    """Return "page: link" of every internal link that leads nowhere, in order."""
    pages = {}
    for path in sorted(site.resolve().rglob("*.html")):
        if path.relative_to(site.resolve()).parts[0] == "_static":
            continue  # the theme's templates, which are no pages
        pages[path] = _Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    return [
        f"{path.relative_to(site.resolve())}: {link}"
        for path in pages
        for link in sorted(pages[path].links)
        if _is_broken(path, link, pages)
    ]


def _is_broken(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    """Tell whether a link of a page leads to no file, or to a place that its page does not have."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return True
    return bool(parts.fragment) and target in pages and unquote(parts.fragment) not in pages[target].places
