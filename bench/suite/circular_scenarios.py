"""Circular buffers: how fast one writer pushes while nobody, one and several look on."""

from __future__ import annotations

from .catalogue import KIB, MIB, Entry, Scenario, entry

READERS = ((0, "no reader"), (1, "1 reader"), (4, "4 readers"))


def native(label: str, size: int = 8, capacity: int = 64 * KIB, **options: object) -> Entry:
    return entry(label, "smipc_circular", "push", "smipc", size=size, capacity=capacity, **options)


def python(label: str, kind: str, **options: object) -> Entry:
    return entry(label, "own_circular.py", kind, "smipc", capacity=64 * KIB, **options)


def scenarios() -> list[Scenario]:
    return [
        Scenario(
            "cpp.circular",
            "C++: items of 8 B into a circular buffer of 64 KiB",
            "M/s",
            (
                *(native(f"one a call, {name}", batch=1, readers=n) for n, name in READERS),
                *(native(f"64 a call, {name}", batch=64, readers=n) for n, name in READERS),
            ),
        ),
        Scenario(
            "cpp.circular.large",
            "C++: items of 64 KiB into a circular buffer of 4 MiB, one a call",
            "GB/s",
            tuple(
                native(name, size=64 * KIB, capacity=4 * MIB, batch=1, readers=n)
                for n, name in READERS
            ),
        ),
        Scenario(
            "py.circular",
            "Python: integers of 8 B into a circular buffer of 64 KiB, one a call",
            "M/s",
            (
                *(python(f"smipc, {name}", "push", readers=n) for n, name in READERS),
                entry("iceoryx2, overflowing, 1 reader", "peer_iceoryx2_newest.py", "push"),
            ),
        ),
        Scenario(
            "py.circular.arrays",
            "Python: numpy arrays of 1,024 items of 8 B into a circular buffer of 64 KiB",
            "M/s",
            tuple(python(f"smipc, {name}", "arrays", batch=1024, readers=n) for n, name in READERS),
        ),
    ]
