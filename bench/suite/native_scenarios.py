"""C++ against C++: smipc through its C ABI, the machine's limits, and the native peers."""

from __future__ import annotations

from typing import Any

from .catalogue import KIB, MIB, Entry, Scenario, entry

EXCHANGE = ("cpp.roundtrip", "bare exchange")
RING = ("cpp.oneway.1M", "bare ring")


def smipc(label: str, kind: str, **options: object) -> Entry:
    return entry(label, "smipc_channel", kind, "smipc", **options)


def scenarios() -> list[Scenario]:
    return [
        *round_trips(), *late_answers(), *one_way(), batches(), *copies(), stream(), *queues(),
    ]  # fmt: skip


def round_trips() -> list[Scenario]:
    spinning = Scenario(
        "cpp.roundtrip",
        "C++: round trip of 64 B, both sides awake",
        "ns",
        (
            entry("bare exchange", "limit_exchange", "roundtrip", "limit"),
            smipc("smipc (spin)", "roundtrip", wait="spin", capacity=64 * KIB),
            smipc("smipc", "roundtrip", capacity=64 * KIB),
            entry("Boost message_queue, polling", "boost_queue", "roundtrip", wait="spin"),
        ),
        EXCHANGE,
    )
    sleeping = Scenario(
        "cpp.roundtrip.asleep",
        "C++: round trip of 64 B, both sides sleep",
        "us",
        (
            entry("bare futex", "limit_futex", "roundtrip", "limit"),
            smipc("smipc (block)", "roundtrip", wait="block", capacity=64 * KIB),
            entry("pipe", "pipe", "roundtrip"),
            entry("seqpacket socket", "seqpacket", "roundtrip"),
            entry("POSIX mq", "posix_mq", "roundtrip"),
            entry("Boost message_queue", "boost_queue", "roundtrip"),
            entry("ZeroMQ ipc", "zmq_ipc", "roundtrip"),
        ),
        ("cpp.roundtrip.asleep", "bare futex"),
    )
    return [spinning, sleeping]


def late_answers() -> list[Scenario]:
    """What the default waiting adds when the answer takes its time."""
    found = []
    for delay_us in (5, 20, 100):
        key = f"cpp.late.{delay_us}us"
        delay = {"delay_ns": delay_us * 1000}
        found.append(
            Scenario(
                key,
                f"C++: round trip of 64 B, answered after {delay_us} us: what comes on top",
                "us",
                (
                    entry("bare exchange", "limit_exchange", "roundtrip", "limit", **delay),
                    smipc("smipc", "roundtrip", **delay),
                    smipc("smipc (block)", "roundtrip", wait="block", **delay),
                ),
                (key, "bare exchange"),
            )
        )
    return found


def one_way() -> list[Scenario]:
    found = []
    for name, capacity in (("64K", 64 * KIB), ("1M", MIB), ("4M", 4 * MIB)):
        key = f"cpp.oneway.{name}"
        entries = [
            entry("bare ring", "limit_ring", "oneway", "limit", capacity=capacity),
            smipc("smipc", "oneway", capacity=capacity),
        ]
        if capacity == MIB:
            entries += [
                entry("bare slots with numbers", "limit_exchange", "oneway", "limit"),
                smipc("smipc (spin)", "oneway", wait="spin"),
                smipc("smipc, prepared messages", "oneway", payload="prepared"),
                entry("pipe", "pipe", "oneway"),
                entry("seqpacket socket", "seqpacket", "oneway"),
                entry("POSIX mq", "posix_mq", "oneway"),
                entry("Boost message_queue", "boost_queue", "oneway"),
                entry("ZeroMQ ipc", "zmq_ipc", "oneway"),
            ]
        title = f"C++: 64 B messages, one a call, {name[:-1]} {name[-1]}iB ring"
        found.append(Scenario(key, title, "M/s", tuple(entries), (key, "bare ring")))
    for size in (8, 256):
        found.append(
            Scenario(
                f"cpp.oneway.{size}B",
                f"C++: {size} B messages, one a call, 1 MiB ring",
                "M/s",
                (
                    smipc("smipc", "oneway", size=size),
                    entry("pipe", "pipe", "oneway", size=size),
                    entry("Boost message_queue", "boost_queue", "oneway", size=size),
                    entry("ZeroMQ ipc", "zmq_ipc", "oneway", size=size),
                ),
                RING,
            )
        )
    return found


def batches() -> Scenario:
    return Scenario(
        "cpp.batch",
        "C++: 64 B messages, 32 a call, 1 MiB ring",
        "M/s",
        (
            entry("bare ring", "limit_ring", "batch", "limit", batch=32),
            smipc("smipc", "batch", batch=32),
        ),
        ("cpp.batch", "bare ring"),
    )


def copies() -> list[Scenario]:
    """Large messages, copied in and out. The rings are those that suit each contestant."""
    found = []
    sizes = (("64K", 64 * KIB, 4 * MIB), ("1M", MIB, 4 * MIB), ("16M", 16 * MIB, MIB))
    for name, size, ring in sizes:
        key = f"cpp.copy.{name}"
        room: Any = {"size": size, "capacity": max(4 * size, MIB)}
        pieces = {"size": size, "piece": 64 * KIB, "capacity": 512 * KIB}
        found.append(
            Scenario(
                key,
                f"C++: messages of {name[:-1]} {name[-1]}iB, copied in and out",
                "GB/s",
                (
                    entry("two memcpy, in pieces", "limit_copy", "oneway", "limit", **pieces),
                    entry(
                        "two memcpy, whole", "limit_copy", "oneway", "limit", size=size,
                        capacity=2 * size,
                    ),
                    smipc("smipc", "oneway", size=size, capacity=ring),
                    entry("pipe", "pipe", "oneway", **room),
                    entry("seqpacket socket", "seqpacket", "oneway", **room),
                    entry("Boost message_queue", "boost_queue", "oneway", **room),
                    entry("ZeroMQ ipc", "zmq_ipc", "oneway", **room),
                ),
                (key, "two memcpy, in pieces"),
            )
        )  # fmt: skip
    return found


def stream() -> Scenario:
    size = 64 * KIB
    return Scenario(
        "cpp.stream",
        "C++: a stream of bytes, 64 KiB a call",
        "GB/s",
        (
            smipc("smipc", "oneway", size=size, framing="stream"),
            entry("pipe", "pipe", "oneway", size=size),
        ),
        ("cpp.copy.64K", "two memcpy, in pieces"),
    )


def queues() -> list[Scenario]:
    """Queues with priorities, which any number of processes may share."""
    pair = Scenario(
        "cpp.queue",
        "C++: message queue, 64 B, one sender and one receiver",
        "M/s",
        (
            entry("smipc", "smipc_queue", "oneway", "smipc"),
            entry("Boost message_queue", "boost_queue", "oneway"),
            entry("POSIX mq", "posix_mq", "oneway"),
        ),
        RING,
    )
    crowd = Scenario(
        "cpp.queue.crowd",
        "C++: message queue, 64 B, four senders and four receivers on two cores",
        "M/s",
        (
            entry("smipc", "queue_crowd", "smipc", "smipc"),
            entry("Boost message_queue", "queue_crowd", "boost"),
        ),
        placed=False,
    )
    return [pair, crowd]
