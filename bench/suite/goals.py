"""What smipc must reach, and what it aims at. A run says of each whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from .summary import Summary


@dataclass(frozen=True)
class Goal:
    measure: str
    scenario: str
    label: str
    must: float | None
    aim: float | None
    state: str = "near"  # "any" where placement does not matter
    of_limit: bool = False  # the figures are multiples of the machine's limit, in the same state


@dataclass(frozen=True)
class Verdict:
    goal: Goal
    measured: float
    unit: str
    count: int
    meets_must: bool | None
    meets_aim: bool | None


def goals() -> list[Goal]:
    spin, plain = "smipc (spin)", "smipc"
    given, new = "smipc, into a given array", "smipc, into a new array"
    creating = "first end: creates and removes"
    return [
        Goal("C++ round trip 64 B, spinning", "cpp.roundtrip", spin, 150, None),
        Goal("C++ round trip 64 B, default waiting", "cpp.roundtrip", plain, 150, None),
        Goal("C++ round trip 64 B, spinning", "cpp.roundtrip", spin, None, 1.1, of_limit=True),
        Goal(
            "C++ round trip 64 B, spinning, far",
            "cpp.roundtrip",
            spin,
            None,
            1.1,
            "far",
            of_limit=True,
        ),
        Goal("C++ 64 B a call, 64 KiB ring", "cpp.oneway.64K", plain, 80, 200),
        Goal("C++ 64 B a call, 1 MiB ring", "cpp.oneway.1M", plain, 80, 280),
        Goal("C++ 64 B a call, 4 MiB ring", "cpp.oneway.4M", plain, 80, 290),
        Goal("C++ 64 B a call, 1 MiB ring, far", "cpp.oneway.1M", plain, None, 45, "far"),
        Goal("C++ 8 B a call", "cpp.oneway.8B", plain, None, 380),
        Goal("C++ 256 B a call", "cpp.oneway.256B", plain, None, 110),
        Goal("C++ 64 B, 32 a call", "cpp.batch", plain, None, 300),
        Goal("C++ 64 KiB copied in and out", "cpp.copy.64K", plain, None, 57),
        Goal("C++ 1 MiB copied in and out", "cpp.copy.1M", plain, None, 56),
        Goal("C++ 64 KiB copied in and out, far", "cpp.copy.64K", plain, None, 33, "far"),
        Goal("C++ 1 MiB copied in and out, far", "cpp.copy.1M", plain, None, 33, "far"),
        Goal("C++ 16 MiB copied in and out", "cpp.copy.16M", plain, None, 20),
        Goal(
            "C++ round trip, both asleep",
            "cpp.roundtrip.asleep",
            "smipc (block)",
            None,
            1.05,
            of_limit=True,
        ),
        Goal("C++ answer after 5 us, on top", "cpp.late.5us", plain, None, 0.2),
        Goal("C++ answer after 20 us, on top", "cpp.late.20us", plain, None, 0.2),
        Goal("Python round trip 64 B, spinning", "py.roundtrip", spin, 1.0, 0.82),
        Goal("Python round trip 64 B, spinning, far", "py.roundtrip", spin, None, 1.25, "far"),
        Goal("Python 64 B a call", "py.oneway", plain, 3.5, 4.9),
        Goal("Python 64 B in lists", "py.batch", plain, 20, 45),
        Goal("Python float32 1 MiB, into a given array", "py.array.1M", given, 40, 46),
        Goal("Python float32 1 MiB, into a new array", "py.array.1M", new, None, 36),
        Goal("Python small dicts", "py.object", plain, None, 1400),
        Goal("C++ message queue, 64 B", "cpp.queue", plain, 8, None),
        Goal("C++ message queue, four and four", "cpp.queue.crowd", plain, 4, None, "any"),
        Goal("Python message queue, 64 B", "py.queue", plain, 1.5, None),
        Goal("asyncio round trip 64 B", "py.asyncio", "smipc.aio", None, 0.9),
        Goal("C++ circular buffer, pushes", "cpp.circular", "one a call, 1 reader", 50, None),
        Goal("Python circular buffer, pushes", "py.circular", "smipc, 1 reader", 3, None),
        Goal(
            "Python circular buffer, items of arrays",
            "py.circular.arrays",
            "smipc, 1 reader",
            100,
            None,
        ),
        Goal("import smipc, above a bare Python", "cost.import", "smipc", 5, None, "any"),
        Goal("open + close, C", "cost.open", f"C, {creating}", 200, None, "any"),
        Goal(
            "open + close, Python",
            "cost.open",
            f"Python, {creating}",
            200,
            None,
            "any",
        ),
        Goal("C++ semaphore, acquire + release", "cost.semaphore", "C++", 60, None, "any"),
        Goal("Python, lock + unlock", "cost.structure", "Python, editor", 3000, None, "any"),
        Goal("memory beyond the capacity", "cost.memory", "capacity 64 KiB", 16, None, "any"),
        Goal("CPU of an idle reader, C", "cost.idle", "C, default waiting", 0.2, None, "any"),
        Goal(
            "CPU of an idle reader, Python",
            "cost.idle",
            "Python, default waiting",
            0.2,
            None,
            "any",
        ),
    ]


def judge(summary: Summary) -> list[Verdict]:
    """Only the goals that the run has figures for, in the state that they are set for."""
    found = []
    by_key = {scenario.key: scenario for scenario in summary.scenarios}
    for goal in goals():
        scenario = by_key.get(goal.scenario)
        figure = summary.figure(goal.scenario, goal.label, goal.state)
        if scenario is None or figure is None:
            continue
        measured: float | None = figure.median
        if goal.of_limit:
            measured = summary.of_limit(scenario, goal.label, goal.state)
        if measured is None:
            continue
        less = goal.of_limit or scenario.less_is_better

        def meets(bound: float | None, at: float = measured, less: bool = less) -> bool | None:
            return None if bound is None else at <= bound if less else at >= bound

        unit = "x the limit" if goal.of_limit else scenario.unit
        found.append(Verdict(goal, measured, unit, figure.count, meets(goal.must), meets(goal.aim)))
    return found
