"""The plot of `smipc bench`: how long round trips took, up to which share of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from smipc.bench import BenchError, Options, SizeResult
from smipc.bench_machine import Machine

# Along the axis each nine takes as much room as the one before: drawn is 1 / (1 - share).
_TICKS = {2: "50 %", 10: "90 %", 100: "99 %", 1_000: "99.9 %", 10_000: "99.99 %"}


def check(file: str) -> None:
    """BenchError, if a plot cannot be made or written there: before anything is measured."""
    path = Path(file)
    if path.suffix.lower() != ".png":
        raise BenchError(f"--plot makes a PNG, and {file!r} does not end in .png")
    if not path.parent.is_dir():
        raise BenchError(f"--plot {file}: there is no folder {str(path.parent)!r}")
    if importlib.util.find_spec("matplotlib") is None:
        raise BenchError(
            "--plot needs matplotlib, which is not installed: pip install matplotlib "
            "(smipc's extra `bench` has it, too)"
        )


def draw(machine: Machine, options: Options, results: list[SizeResult], file: str) -> None:
    """matplotlib's own figure, and not pyplot: no window, no state that stays."""
    from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.ticker import LogLocator  # type: ignore[import-not-found, unused-ignore]

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot()
    for result in results:
        shares, times = zip(*result.round_trip.curve, strict=True)
        beyond = [1 / (1 - share) for share in shares]
        alone = "o" if len(times) == 1 else None
        axes.plot(beyond, times, label=f"{result.size:,} bytes", marker=alone)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, 10_000)
    axes.set_xticks(list(_TICKS), list(_TICKS.values()))
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel("share of the round trips")
    axes.set_ylabel("took at most, us")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    figure.suptitle(
        f"smipc, Python at both ends, wait={options.wait}, channels of {options.capacity:,} bytes\n"
        f"{machine.line()}",
        fontsize=9,
    )
    figure.savefig(file, format="png", dpi=110)
