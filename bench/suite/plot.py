"""The picture for the README: six panels, the best of each contestant, on logarithmic axes."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from .catalogue import Scenario
from .summary import Summary
from .tables import number

PANELS = (
    "cpp.roundtrip+cpp.roundtrip.asleep",
    "cpp.oneway.1M",
    "cpp.copy.1M",
    "py.roundtrip+py.roundtrip.asleep",
    "py.oneway",
    "py.array.1M",
)
TITLES = (
    "C++: round trip of 64 B, us",
    "C++: 64 B messages, one a call, M/s",
    "C++: 1 MiB messages, GB/s",
    "Python: round trip of 64 B, us",
    "Python: 64 B messages, one a call, M/s",
    "Python: 1 MiB float32 arrays, GB/s",
)
Bar = namedtuple("Bar", "label role figure factor")
COLOURS = {"limit": "#b8bcc4", "smipc": "#d1495b", "peer": "#5b7fa6"}


def bars_of(summary: Summary, scenario: Scenario, unit: str) -> list[Bar]:
    """The figures of one scenario in the panel's unit, and its limit when that is measured in
    another one."""
    state = summary.best_state(scenario)
    roles = {entry.label: entry.role for entry in scenario.entries}
    bars = [
        Bar(label, roles[label], figure, unit_factor(scenario.unit, unit))
        for label, figure in summary.ranked(scenario, state)
    ]
    if scenario.limit and scenario.limit[0] != scenario.key:
        limit, of_limit = summary.figure(*scenario.limit, state), summary.unit_of_limit(scenario)
        if limit:
            bars.append(
                Bar(f"{scenario.limit[1]}, C++", "limit", limit, unit_factor(of_limit, unit))
            )
    return bars


def unit_factor(unit: str, into: str) -> float:
    return {("ns", "us"): 1e-3, ("us", "ns"): 1e3}.get((unit, into), 1.0)


def draw_panel(axes: Axes, summary: Summary, panel: str, title: str) -> None:
    scenarios = [s for s in summary.scenarios if s.key in panel.split("+")]
    unit = title.rsplit(", ", 1)[1]
    bars = [bar for scenario in scenarios for bar in bars_of(summary, scenario, unit)]
    less_is_better = bool(scenarios) and scenarios[0].less_is_better
    if not bars:
        axes.set_visible(False)
        return
    bars.sort(key=lambda bar: bar.figure.median * bar.factor, reverse=not less_is_better)
    for row, (_, role, figure, factor) in enumerate(bars):
        middle = figure.median * factor
        reach = [[middle - figure.low * factor], [figure.high * factor - middle]]
        axes.barh(row, middle, color=COLOURS[role], height=0.7)
        axes.errorbar(middle, row, xerr=reach, color="#333333", linewidth=1, capsize=2)
        axes.annotate(
            number(middle),
            (max(middle, figure.high * factor), row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    ends = [end * bar.factor for bar in bars for end in (bar.figure.low, bar.figure.high)]
    axes.set_xlim(min(ends) / 3, max(ends) * 4)  # room for the shortest bar, and for the figures
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_title(f"{title} ({'less' if less_is_better else 'more'} is better)", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw(summary: Summary, caption: str, path: Path) -> None:
    figure, grid = plt.subplots(2, 3, figsize=(15, 8), constrained_layout=True)
    for axes, panel, title in zip(grid.flat, PANELS, TITLES, strict=True):
        draw_panel(axes, summary, panel, title)
    handles = [Patch(color=colour) for colour in COLOURS.values()]
    names = ["the machine's limit", "smipc", "others"]
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(caption, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
