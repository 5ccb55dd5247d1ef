"""Percentiles of round trips, from all of them, as `statistics.quantiles` has it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_PARTS = 10_000  # p99.99 is the last of the cuts between so many parts

# The cuts that are shown. All but the median are left out unless there are ten samples beyond.
SHOWN = {"p50": 5_000, "p90": 9_000, "p99": 9_900, "p99.9": 9_990, "p99.99": 9_999}
_FEWEST_BEYOND = 10

# The cuts of a plot, twenty for each factor of ten in what is beyond them.
_DRAWN = sorted({_PARTS - round(_PARTS * 10 ** (-step / 20)) for step in range(1, 81)} | {5_000})


@dataclass(frozen=True)
class Percentiles:
    """In microseconds."""

    samples: int
    shown: dict[str, float | None]  # by the names of SHOWN; None where there are too few samples
    curve: list[tuple[float, float]]  # shares below 1, and the time that so many took at most


def needed_for(name: str) -> int:
    """How many samples this percentile takes."""
    cut = SHOWN[name]
    return 2 if cut == 5_000 else _FEWEST_BEYOND * _PARTS // (_PARTS - cut)


def percentiles_of(nanoseconds: Sequence[int]) -> Percentiles:
    """Of two samples at least."""
    count = len(nanoseconds)
    cuts = statistics.quantiles(nanoseconds, n=_PARTS, method="inclusive")
    return Percentiles(
        samples=count,
        shown={
            name: cuts[cut - 1] / 1e3 if count >= needed_for(name) else None
            for name, cut in SHOWN.items()
        },
        curve=[
            (cut / _PARTS, cuts[cut - 1] / 1e3)
            for cut in _DRAWN
            if cut == 5_000 or count * (_PARTS - cut) >= _FEWEST_BEYOND * _PARTS
        ],
    )
