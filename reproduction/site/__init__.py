"""The site: notebooks as executed, documents and API pages as static HTML, by Sphinx and MyST-NB (``make site``).

staging     the pages laid out as in the repository, so that their links hold
api         one page per room of the library, its docstrings put into reStructuredText
links       every internal link of the HTML, looked up
conf        what Sphinx reads
"""

from reproduction.site.building import build_site

__all__ = ["build_site"]
