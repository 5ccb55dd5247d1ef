"""Python against Python: smipc, and what the standard library and PyPI offer."""

from __future__ import annotations

from typing import Any

from .catalogue import KIB, MIB, Entry, Scenario, entry
from .native_scenarios import EXCHANGE, RING

FUTEX = ("cpp.roundtrip.asleep", "bare futex")


def smipc(label: str, kind: str, **options: object) -> Entry:
    return entry(label, "own_smipc.py", kind, "smipc", **options)


PIPE = ("multiprocessing.Pipe", "peer_pipe.py")
QUEUE = ("multiprocessing.Queue", "peer_queue.py")
PYZMQ = ("pyzmq", "peer_pyzmq.py")
POSIX_IPC = ("posix_ipc", "peer_posix_ipc.py")
FASTER_FIFO = ("faster-fifo", "peer_faster_fifo.py")
ICEORYX2 = ("iceoryx2", "peer_iceoryx2.py")
ALL = (PIPE, QUEUE, PYZMQ, POSIX_IPC, FASTER_FIFO, ICEORYX2)


def scenarios() -> list[Scenario]:
    return [*round_trips(), one_way(), batches(), *arrays(), objects(), queue()]


def round_trips() -> list[Scenario]:
    awake = Scenario(
        "py.roundtrip",
        "Python: round trip of 64 B, both sides awake",
        "us",
        (
            smipc("smipc (spin)", "roundtrip", wait="spin", capacity=64 * KIB),
            smipc("smipc", "roundtrip", capacity=64 * KIB),
            entry("iceoryx2, polling", "peer_iceoryx2.py", "roundtrip", wait="spin"),
        ),
        EXCHANGE,
    )
    sleepers = [entry(*peer, "roundtrip") for peer in ALL if peer is not ICEORYX2]
    asleep = Scenario(
        "py.roundtrip.asleep",
        "Python: round trip of 64 B, both sides sleep",
        "us",
        (
            smipc("smipc (block)", "roundtrip", wait="block", capacity=64 * KIB),
            *sleepers,
            entry("iceoryx2, listener", "peer_iceoryx2.py", "roundtrip", wait="block"),
        ),
        FUTEX,
    )
    in_asyncio = Scenario(
        "py.asyncio",
        "asyncio: round trip of 64 B",
        "us",
        (
            entry("smipc.aio", "own_aio.py", "async", "smipc", capacity=64 * KIB),
            entry("streams over a socketpair", "peer_streams.py", "async"),
        ),
        EXCHANGE,
    )
    return [awake, asleep, in_asyncio]


def one_way() -> Scenario:
    return Scenario(
        "py.oneway",
        "Python: 64 B messages, one a call",
        "M/s",
        (smipc("smipc", "oneway"), *(entry(*peer, "oneway") for peer in ALL)),
        RING,
    )


def batches() -> Scenario:
    return Scenario(
        "py.batch",
        "Python: 64 B messages, lists of 128",
        "M/s",
        (
            smipc("smipc", "batch", batch=128),
            *(entry(*peer, "batch", batch=128) for peer in ALL),
        ),
        ("cpp.batch", "bare ring"),
    )


def arrays() -> list[Scenario]:
    found = []
    for name, size, arrays_of_room in (("1M", MIB, 4), ("16M", 16 * MIB, 1)):
        own: Any = {"size": size, "capacity": arrays_of_room * size + 4 * KIB}
        view: Any = {"size": size, "capacity": size + 4 * KIB, "target": "view"}
        room: Any = {"size": size, "capacity": 4 * size}
        found.append(
            Scenario(
                f"py.array.{name}",
                f"Python: float32 arrays of {size // MIB} MiB",
                "GB/s",
                (
                    smipc("smipc, into a given array", "array", **own),
                    smipc("smipc, into a new array", "array", target="new", **own),
                    smipc("smipc, read in place", "array", **view),
                    *(entry(*peer, "array", **room) for peer in ALL),
                    entry("iceoryx2, read in place", ICEORYX2[1], "array", target="view", **room),
                ),
                (f"cpp.copy.{name}", "two memcpy, in pieces"),
            )
        )
    return found


def objects() -> Scenario:
    return Scenario(
        "py.object",
        "Python: small dicts, pickled",
        "k/s",
        (smipc("smipc", "object"), *(entry(*peer, "object") for peer in ALL)),
    )


def queue() -> Scenario:
    return Scenario(
        "py.queue",
        "Python: message queue, 64 B, one sender and one receiver",
        "M/s",
        (
            entry("smipc", "own_queue.py", "oneway", "smipc"),
            *(entry(*peer, "oneway") for peer in (POSIX_IPC, FASTER_FIFO, QUEUE)),
        ),
        RING,
    )
