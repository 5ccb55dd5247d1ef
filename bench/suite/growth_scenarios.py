"""How cost grows: with the size of the messages, the capacity, the number of channels and of
processes, and the time that an answer takes. Not in the normal run; `run.py --growth` takes these
alone.

A curve is a scenario whose entries are its points, in order. A part of the report has several
curves over the same points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .catalogue import KIB, MIB, Entry, Scenario, entry

GIB = 1 << 30
TIME = "time"  # shown with the unit that fits each figure

SIZES = (0, 8, 64, 256, *(KIB * 4**step for step in range(10)))  # to 256 MiB
CAPACITIES = tuple(4 * KIB * 4**step for step in range(10))  # to 1 GiB
CHANNELS = (1, 10, 100, 1000, 10_000)
PROCESSES = (2, 4, 8, 16, 32)
DELAYS_NS = (0, 1e3, 5e3, 20e3, 50e3, 100e3, 500e3, 1e6, 10e6, 100e6, 1e9)
WAITS = (("hybrid", "default waiting"), ("spin", "spin"), ("block", "block"))

LARGE_IN_PYTHON = 64 * KIB  # from here on each message is compared, before it one in 256
SLOW_FROM_NS = 1e6  # answers this late leave no time for 16 of them before what is timed


@dataclass(frozen=True)
class Curve:
    """What is measured, and what of it is shown."""

    scenario: Scenario
    name: str  # in the legend, and at the head of the column
    unit: str  # shown: the scenario's, or TIME or GB/s made of the rate of messages
    also: str = ""  # the figure of that name in the results' "also", instead of the value
    begins: float = 0  # at this point: what is before it is not shown

    @property
    def key(self) -> str:
        return f"{self.scenario.key}.{self.also}" if self.also else self.scenario.key


@dataclass(frozen=True)
class Part:
    over: str  # what grows
    points: tuple[float, ...]
    labels: tuple[str, ...]  # of the points, and of the scenarios' entries
    curves: tuple[Curve, ...]


def bytes_label(size: float) -> str:
    for factor, unit in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= factor:
            return f"{size / factor:g} {unit}"
    return f"{size:g} B"


def time_label(time_ns: float) -> str:
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if time_ns >= factor:
            return f"{time_ns / factor:g} {unit}"
    return f"{time_ns:g} ns"


def curve_scenario(
    key: str,
    title: str,
    unit: str,
    points: tuple[float, ...],
    labels: tuple[str, ...],
    make: Callable[[str, float], Entry],
    placed: bool = True,
) -> Scenario:
    entries = tuple(make(label, point) for label, point in zip(labels, points, strict=True))
    return Scenario(f"growth.{key}", title, unit, entries, placed=placed)


def parts() -> list[Part]:
    return [message_size(), capacity(), channels(), processes(), waiting_time()]


def scenarios() -> list[Scenario]:
    """Each once, although two curves may come from the same samples."""
    curves = (curve for part in parts() for curve in part.curves)
    return list({curve.scenario.key: curve.scenario for curve in curves}.values())


def message_size() -> Part:
    labels = tuple(bytes_label(size) for size in SIZES)

    def native(kind: str) -> Callable[[str, float], Entry]:
        def make(label: str, size: float) -> Entry:
            first = 16 if size <= MIB else 2
            return entry(label, "smipc_channel", kind, "smipc", size=size, first=first)

        return make

    def python(label: str, size: float) -> Entry:
        kind = "large" if size >= LARGE_IN_PYTHON else "oneway"
        return entry(label, "own_smipc.py", kind, "smipc", size=size)

    one_way = curve_scenario(
        "size.oneway", "C++: messages one way, by size", "M/s", SIZES, labels, native("oneway")
    )
    round_trip = curve_scenario(
        "size.roundtrip", "C++: round trip, by size", "ns", SIZES, labels, native("roundtrip")
    )
    in_python = curve_scenario(
        "size.python", "Python: messages one way, by size", "M/s", SIZES, labels, python
    )
    return Part(
        "message size",
        SIZES,
        labels,
        (
            Curve(one_way, "C++ one way", TIME),
            Curve(round_trip, "C++ round trip", TIME),
            Curve(in_python, "Python one way", TIME),
            Curve(one_way, "C++", "GB/s", begins=KIB),
            Curve(in_python, "Python", "GB/s", begins=KIB),
        ),
    )


def capacity() -> Part:
    labels = tuple(bytes_label(size) for size in CAPACITIES)

    def sending(size: int, first: int) -> Callable[[str, float], Entry]:
        # Twice through the ring before it counts: the kernel's first look at each page is no part
        # of it.
        def make(label: str, room: float) -> Entry:
            return entry(
                label, "smipc_channel", "oneway", "smipc",
                size=size, capacity=room, first=first, warm_up=2 * room,
            )  # fmt: skip

        return make

    def opening(label: str, room: float) -> Entry:
        return entry(label, "smipc_costs", "openclose", "smipc", capacity=room)

    small = curve_scenario(
        "capacity.small", "C++: 64 B messages, one a call, by capacity", "M/s",
        CAPACITIES, labels, sending(64, 16),
    )  # fmt: skip
    large = curve_scenario(
        "capacity.large", "C++: messages of 1 MiB, by capacity", "GB/s",
        CAPACITIES, labels, sending(MIB, 2),
    )  # fmt: skip
    opened = curve_scenario(
        "capacity.open", "C: open + close of the first end, by capacity", "us",
        CAPACITIES, labels, opening, placed=False,
    )  # fmt: skip
    return Part(
        "capacity",
        CAPACITIES,
        labels,
        (
            Curve(small, "64 B messages", "M/s"),
            Curve(large, "1 MiB messages", "GB/s"),
            Curve(opened, "open + close", TIME),
        ),
    )


def channels() -> Part:
    labels = tuple(f"{count:,}" for count in CHANNELS)
    room = 4 * KIB

    def beside(label: str, count: float) -> Entry:
        others = count - 1
        made = entry(label, "smipc_costs", "many", "smipc", capacity=room, channels=others)
        return replace(made, length="fixed")

    def among(kind: str, length: str = "section") -> Callable[[str, float], Entry]:
        def make(label: str, count: float) -> Entry:
            made = entry(label, "smipc_many", kind, "smipc", capacity=room, channels=count)
            return replace(made, length=length)

        return make

    round_trip = curve_scenario(
        "channels.roundtrip", "C++: round trip of 64 B on one of several channels", "ns",
        CHANNELS, labels, beside,
    )  # fmt: skip
    wait = curve_scenario(
        "channels.wait", "C: round trip of 8 B through smipc_wait on several channels", "ns",
        CHANNELS, labels, among("wait"),
    )  # fmt: skip
    opened = curve_scenario(
        "channels.open", "C: open + close of the last of several channels", "us",
        CHANNELS, labels, among("openclose"), placed=False,
    )  # fmt: skip
    memory = curve_scenario(
        "channels.memory", "Shared memory of each of several channels, beyond its capacity", "KiB",
        CHANNELS, labels, among("memory", "fixed"), placed=False,
    )  # fmt: skip
    return Part(
        "channels",
        CHANNELS,
        labels,
        (
            Curve(round_trip, "round trip on one", TIME),
            Curve(wait, "round trip, smipc_wait on all", TIME),
            Curve(opened, "open + close of one", TIME),
            Curve(replace(memory, rounds=1), "memory of each", "KiB"),
        ),
    )


def processes() -> Part:
    labels = tuple(str(count) for count in PROCESSES)

    def crowd(label: str, count: float) -> Entry:
        return entry(label, "queue_crowd", "smipc", "smipc", processes=count)

    def readers(label: str, count: float) -> Entry:
        return entry(
            label, "smipc_circular", "push", "smipc",
            size=8, capacity=64 * KIB, batch=1, readers=count - 1,
        )  # fmt: skip

    queue = curve_scenario(
        "processes.queue", "C++: message queue, 64 B, by processes, half of them senders", "M/s",
        PROCESSES, labels, crowd, placed=False,
    )  # fmt: skip
    circular = curve_scenario(
        "processes.circular", "C++: circular buffer, 8 B, by processes, one of them the writer",
        "M/s", PROCESSES, labels, readers,
    )  # fmt: skip
    return Part(
        "processes",
        PROCESSES,
        labels,
        (
            Curve(queue, "queue: messages", "M/s"),
            Curve(circular, "circular buffer: pushes", "M/s"),
            Curve(circular, "circular buffer: pops, all readers", "M/s", also="pops"),
        ),
    )


def waiting_time() -> Part:
    labels = tuple(time_label(delay) for delay in DELAYS_NS)

    def answered(wait: str) -> Callable[[str, float], Entry]:
        def make(label: str, delay: float) -> Entry:
            first = 1 if delay >= SLOW_FROM_NS else 16
            return entry(
                label, "smipc_channel", "roundtrip", "smipc",
                delay_ns=int(delay), wait=wait, first=first,
            )  # fmt: skip

        return make

    made = [
        (curve_scenario(
            f"waiting.{wait}", f"C++: round trip of 64 B beyond the time of its answer, {name}",
            "us", DELAYS_NS, labels, answered(wait),
        ), name)
        for wait, name in WAITS
    ]  # fmt: skip
    return Part(
        "time of the answer",
        DELAYS_NS,
        labels,
        (
            *(Curve(scenario, name, TIME) for scenario, name in made),
            *(
                Curve(scenario, f"CPU, {name}", "% of a core", also="cpu")
                for scenario, name in made
            ),
        ),
    )
