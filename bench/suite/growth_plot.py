"""The picture of a growth run: a panel for each thing that grows (two for the messages' size),
medians with their range, on logarithmic axes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from .growth_scenarios import TIME, Curve, Part, parts, time_label
from .growth_tables import curves_with_figures
from .summary import Figure, Summary

Curves = list[tuple[Curve, list[Figure | None]]]


@dataclass(frozen=True)
class Panel:
    title: str
    over: str  # the part that it shows
    left: tuple[str, ...]  # units of the curves on this axis
    right: tuple[str, ...] = ()


PANELS = (
    Panel("Time of a message, by its size", "message size", (TIME,)),
    Panel("GB/s, by the size of the messages", "message size", ("GB/s",)),
    Panel("By capacity", "capacity", ("M/s", "GB/s"), (TIME,)),
    Panel("By channels", "channels", (TIME,), ("KiB",)),
    Panel("Messages or items, M/s, by processes", "processes", ("M/s",)),
    Panel(
        "Round trip beyond the time of the answer", "time of the answer", (TIME,), ("% of a core",)
    ),
)
COLOURS = ("#d1495b", "#5b7fa6", "#6a994e", "#e09f3e", "#7d5ba6")


def positions(points: tuple[float, ...]) -> list[float]:
    """Where the points are on a logarithmic axis, which has no place for 0: it goes to the left of
    the least, at a quarter of it."""
    least = min(point for point in points if point > 0)
    return [point if point > 0 else least / 4 for point in points]


def legend_name(curve: Curve, title: str) -> str:
    return (
        curve.name if curve.unit == TIME or curve.unit in title else f"{curve.name}, {curve.unit}"
    )


def draw_curves(
    axes: Axes, curves: Curves, part: Part, panel: Panel, colours: list[str], style: str
) -> None:
    places = positions(part.points)
    for (curve, figures), colour in zip(curves, colours, strict=True):
        known = [(x, figure) for x, figure in zip(places, figures, strict=True) if figure]
        x = [at for at, _ in known]
        middle = [figure.median for _, figure in known]
        reach = (
            [figure.median - figure.low for _, figure in known],
            [figure.high - figure.median for _, figure in known],
        )
        axes.errorbar(
            x, middle, yerr=reach, color=colour, linestyle=style, linewidth=1.4, marker="o",
            markersize=3, capsize=2, elinewidth=0.8, label=legend_name(curve, panel.title),
        )  # fmt: skip


def highest(curves: Curves) -> float:
    return max(figure.high for _, figures in curves for figure in figures if figure)


def scale(axes: Axes, curves: Curves) -> None:
    """Logarithmic, except where 0 is a possible value: a share, or memory beyond the capacity."""
    units = {curve.unit for curve, _ in curves}
    if units & {"% of a core", "KiB"}:
        axes.set_ylim(0, 1.05 * max(highest(curves), 1))
    else:
        axes.set_yscale("log")
        bottom, top = axes.get_ylim()
        steps = (1,) if top / bottom > 1000 else (1, 2, 5)
        axes.yaxis.set_major_locator(LogLocator(subs=steps))
        axes.yaxis.set_minor_locator(NullLocator())
    label = time_label if units == {TIME} else "{:g}".format
    axes.yaxis.set_major_formatter(lambda value, _: label(value))
    axes.tick_params(axis="y", labelsize=8)
    axes.spines["top"].set_visible(False)


def draw_panel(axes: Axes, summary: Summary, panel: Panel) -> None:
    part = next(part for part in parts() if part.over == panel.over)
    found = curves_with_figures(summary, part)
    left = [pair for pair in found if pair[0].unit in panel.left]
    right = [pair for pair in found if pair[0].unit in panel.right]
    if not left and not right:
        axes.set_visible(False)
        return
    colours = COLOURS[: len(left)]
    drawn = [axes]
    draw_curves(axes, left, part, panel, list(colours), "-")
    scale(axes, left)
    if right:
        other = axes.twinx()
        # A curve for each on the left has the same colour; one that stands alone has its own.
        same = len(right) == len(left)
        own = colours if same else COLOURS[len(left) : len(left) + len(right)]
        draw_curves(other, right, part, panel, list(own), "--")
        scale(other, right)
        drawn.append(other)
    else:
        axes.spines["right"].set_visible(False)
    label_points(axes, part, min(curve.begins for curve, _ in left + right))
    axes.set_title(panel.title, fontsize=9)
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)
    add_legend(axes, drawn)


def label_points(axes: Axes, part: Part, begins: float) -> None:
    axes.set_xscale("log")
    pairs = zip(part.points, positions(part.points), part.labels, strict=True)
    ticks = [(place, label) for point, place, label in pairs if point >= begins]
    axes.set_xticks(*zip(*ticks, strict=True), fontsize=7, rotation=45)
    axes.xaxis.set_minor_locator(NullLocator())


def add_legend(axes: Axes, drawn: list[Axes]) -> None:
    """One for both axes, below the panel, where it hides no curve."""
    handles = [handle for one in drawn for handle in one.get_legend_handles_labels()[0]]
    names = [name for one in drawn for name in one.get_legend_handles_labels()[1]]
    axes.legend(
        handles, names, fontsize=7, frameon=False, loc="upper center",
        bbox_to_anchor=(0.5, -0.13), ncols=2,
    )  # fmt: skip


def draw(summary: Summary, caption: str, path: Path) -> None:
    figure, grid = plt.subplots(2, 3, figsize=(15, 9), constrained_layout=True)
    for axes, panel in zip(grid.flat, PANELS, strict=True):
        draw_panel(axes, summary, panel)
    figure.suptitle(caption, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
