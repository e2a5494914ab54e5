"""Sphinx's settings of the site; it reads this file by its name."""

from reproduction.site.api import to_rst

project = "harmlib"
html_title = "harmlib: image harmonization, reproduced"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton"]
html_theme = "sphinx_book_theme"
html_theme_options: dict[str, list[str]] = {"navbar_persistent": []}  # the sidebar searches already

nb_execution_mode = "off"
nb_custom_formats = {".py": "reproduction.site.staging.read_script"}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
# Notebooks end sections where they like, and widgets of a kernel that is gone are not drawn.
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type", "mystnb.mime_priority", "misc.highlighting_failure", "toc.not_included"]

autodoc_member_order = "bysource"


def _to_rst(app, what, name, obj, options, lines) -> None:  # type: ignore[no-untyped-def]
    """Put a docstring in Sphinx's words."""
    lines[:] = to_rst(lines)


def setup(app) -> None:  # type: ignore[no-untyped-def]
    """Register what is done to docstrings."""
    app.connect("autodoc-process-docstring", _to_rst)
