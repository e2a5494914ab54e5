"""Alternative texts: what a figure shows, for those who do not see it, read from its own titles, axes and legends."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Screen readers and pages show a text of this many characters whole.
LONGEST = 400


def alternative_text(figure: Figure) -> str:
    """Return what a figure shows in one line: its title, and of every panel the title, the axes and the legend.

    At most LONGEST characters; a figure that was given a sentence as its label says that.
    """
    if figure.get_label():
        return str(figure.get_label())
    heading = figure.get_suptitle()
    panels = [words for axis in figure.axes if axis.get_visible() and (words := _panel(axis))]
    pictures = sum(bool(axis.images) for axis in figure.axes)
    kind = f"{pictures} pictures" if pictures > 1 else "A picture" if pictures else "A chart"
    parts = [part for part in (heading, *panels) if part]
    text = " ".join(f"{kind}: {'; '.join(parts)}".split()) if parts else f"{kind}."
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def show_alternative_texts() -> None:
    """Have every figure that a notebook shows carry its alternative text; outside of a notebook nothing happens."""
    from IPython.core.getipython import get_ipython
    from IPython.core.pylabtools import print_figure

    shell = get_ipython()
    if shell is None or "IPKernelApp" not in shell.config:
        return

    plt.close(plt.figure())  # loads the backend, which would replace what is registered before

    def shown(figure: Figure) -> tuple[bytes, dict[str, str]] | None:
        data = print_figure(figure, "png", base64=True)
        return data and (data, {"alt": alternative_text(figure)})

    shell.display_formatter.formatters["image/png"].for_type(Figure, shown)


def _panel(axis: Axes) -> str:
    """Return what one panel shows, empty for one without words."""
    legend = axis.get_legend()
    curves = ", ".join(text.get_text() for text in legend.get_texts()) if legend else ""
    axes = [f"{name} {label}" for name, label in (("x", axis.get_xlabel()), ("y", axis.get_ylabel())) if label]
    told = " ".join(filter(None, (axis.get_ylabel(), axis.get_xlabel()))) if axis.images else ", ".join(axes)
    words = ", ".join(filter(None, (axis.get_title(), told)))
    return f"{words} ({curves})" if curves else words
