"""Draws the pictures of reports as SVG to stand in a page, the same bytes for the same numbers."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

INK, FAINT, GRID = "#1c2733", "#6b7785", "#e4e8ec"
COLOURS = ("#1f6f8b", "#e08e45", "#7a9e7e", "#b0486e", "#5b5ea6", "#c9a227", "#8fb8c9", "#8a8d91")
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp, and found by a search on the page
    "font.family": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
WIDTH, HEIGHT = 8.6, 3.1  # inches: the page's measure


def drawn(name: str, draw: Callable[[Any], None], *, height: float = HEIGHT) -> str:
    """The SVG that `draw` makes on axes; `name` keeps its ids apart from those of other plots on the page."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def lines(name: str, x: Sequence[Any], of: Mapping[str, Sequence[float]]) -> str:
    """A line for each name over days."""

    def draw(axes: Any) -> None:
        for colour, (label, values) in zip(COLOURS, of.items(), strict=False):
            axes.plot(x, values, label=label, color=colour)
        axes.grid(visible=False, axis="x")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        _days(axes)
        _thousands(axes.yaxis)
        if len(of) > 1:
            axes.legend(ncols=min(len(of), 6), loc="lower left", bbox_to_anchor=(0, 1))

    return drawn(name, draw)


def stacked(name: str, x: Sequence[Any], of: Mapping[str, Sequence[float]]) -> str:
    """The parts of each day on top of each other."""

    def draw(axes: Any) -> None:
        axes.stackplot(x, *of.values(), labels=list(of), colors=COLOURS[: len(of)], alpha=0.9, linewidth=0)
        axes.grid(visible=False, axis="x")
        axes.margins(x=0.01)
        _days(axes)
        _thousands(axes.yaxis)
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))

    return drawn(name, draw, height=HEIGHT + 0.3)


def bars(
    name: str, labels: Sequence[str], of: Mapping[str, Sequence[float]], *, as_share: bool = False
) -> str:
    """Horizontal bars, the first label on top; of several names below each other."""

    def draw(axes: Any) -> None:
        places = np.arange(len(labels))
        thick = 0.78 / max(len(of), 1)
        for number, (colour, (label, values)) in enumerate(zip(COLOURS, of.items(), strict=False)):
            at = places + (number - (len(of) - 1) / 2) * thick
            axes.barh(at, values, thick, label=label, color=colour)
        _labelled(axes, labels, of)
        (_percents if as_share else _thousands)(axes.xaxis)

    return drawn(name, draw, height=max(1.4, 0.55 + 0.27 * len(labels) * max(1.0, 0.7 * len(of))))


def parts(name: str, labels: Sequence[str], of: Mapping[str, Sequence[float]]) -> str:
    """Horizontal bars made of parts, the first label on top."""

    def draw(axes: Any) -> None:
        places, begins = np.arange(len(labels)), np.zeros(len(labels))
        for colour, (label, values) in zip(COLOURS, of.items(), strict=False):
            axes.barh(places, values, 0.78, left=begins, label=label, color=colour)
            begins += np.asarray(values, dtype=np.float64)
        _labelled(axes, labels, of)
        _thousands(axes.xaxis)

    return drawn(name, draw, height=max(1.4, 0.75 + 0.27 * len(labels)))


def _labelled(axes: Any, labels: Sequence[str], of: Mapping[str, object]) -> None:
    axes.set_yticks(range(len(labels)), [shortened(each) for each in labels], color=INK)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    if len(of) > 1:
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))


def columns(name: str, labels: Sequence[str], of: Mapping[str, Sequence[float]], *, below: str) -> str:
    """Parts on top of each other over a few places."""

    def draw(axes: Any) -> None:
        foot = np.zeros(len(labels))
        for colour, (label, values) in zip(COLOURS, of.items(), strict=False):
            axes.bar(labels, values, 0.74, bottom=foot, label=label, color=colour)
            foot += np.asarray(values, dtype=np.float64)
        axes.grid(visible=False, axis="x")
        axes.set_xlabel(below)
        _thousands(axes.yaxis)
        if len(of) > 1:
            axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))

    return drawn(name, draw)


def curve(name: str, x: Sequence[float], y: Sequence[float], *, below: str, beside: str) -> str:
    """A share over a share, with the line of equal shares."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="#aab4bd", linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
        axes.fill_between(x, y, color=COLOURS[0], alpha=0.12, linewidth=0)
        axes.plot(x, y, color=COLOURS[0])
        axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=below, ylabel=beside)
        _percents(axes.xaxis)
        _percents(axes.yaxis)

    return drawn(name, draw)


def by_place(name: str, places: Sequence[int], of: Mapping[str, Sequence[float | None]]) -> str:
    """Shares by place in a list."""

    def draw(axes: Any) -> None:
        for colour, (label, values) in zip(COLOURS, of.items(), strict=False):
            axes.plot(
                places,
                [np.nan if value is None else value for value in values],
                label=label,
                color=colour,
                marker="o",
                markersize=4,
            )
        axes.set_ylim(bottom=0)
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("place on the slate")
        axes.xaxis.get_major_locator().set_params(integer=True)
        _percents(axes.yaxis)
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))

    return drawn(name, draw)


def squares(name: str, rows: Sequence[str], cells: NDArray[np.float64]) -> str:
    """Shares as a map of squares, each with its number; NaN is a week that has not come."""

    def draw(axes: Any) -> None:
        from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - slow to import

        shades = LinearSegmentedColormap.from_list("shades", ["#f4f7f8", "#8fb8c9", "#1f6f8b", "#123f50"])
        axes.pcolormesh(
            np.ma.masked_invalid(cells), cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=2
        )
        axes.invert_yaxis()
        if cells.shape[1] <= 16:
            for (row, column), value in np.ndenumerate(cells):
                if not np.isnan(value):
                    ink = "white" if value > 0.45 else INK
                    axes.text(
                        column + 0.5,
                        row + 0.5,
                        f"{100 * value:.0f}",
                        ha="center",
                        va="center",
                        color=ink,
                        size=8.5,
                    )
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, color=INK)
        weeks = range(0, cells.shape[1], max(1, cells.shape[1] // 16))
        axes.set_xticks([week + 0.5 for week in weeks], [str(week) for week in weeks])
        axes.xaxis.tick_top()
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return drawn(name, draw, height=max(1.4, 0.6 + 0.29 * len(rows)))


def shortened(text: str, longest: int = 46) -> str:
    """
    >>> shortened("A Very Long Title of a Song That Has No End", 20)
    'A Very Long Title o…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _days(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - slow to import

    places = AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(places))


def _thousands(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.get_major_locator().set_params(integer=True)


def _percents(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
