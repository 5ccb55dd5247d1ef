"""The same as usual, in a container, on one core, and beside a Python thread that computes."""

from __future__ import annotations

from dataclasses import replace

from .catalogue import KIB, Entry, Scenario, entry

# Namespaces of its own for everything that matters here, and 64 MB of shared memory, as a container
# has them.
CONTAINER = (
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--net", "--uts"),
    *("--mount-proc", "sh", "-c"),
    'mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm && exec "$@"',
    "sh",
)


def conditions(program: str, kind: str, **options: object) -> tuple[Entry, ...]:
    def made(label: str, **more: object) -> Entry:
        return entry(label, program, kind, "smipc", **options, **more)

    found = [
        made("as usual"),
        replace(made("in a container"), wrapper=CONTAINER),
        made("on one core", responder_core=0),
    ]
    if program.endswith(".py"):
        found.append(made("beside a thread that computes", busy_threads=1))
    return tuple(found)


def scenarios() -> list[Scenario]:
    small = 64 * KIB
    return [
        Scenario(
            "under.cpp.roundtrip",
            "C++: round trip of 64 B, elsewhere",
            "us",
            conditions("smipc_channel", "roundtrip", capacity=small),
        ),
        Scenario(
            "under.cpp.oneway",
            "C++: 64 B messages, one a call, elsewhere",
            "M/s",
            conditions("smipc_channel", "oneway"),
        ),
        Scenario(
            "under.py.roundtrip",
            "Python: round trip of 64 B, elsewhere",
            "us",
            conditions("own_smipc.py", "roundtrip", capacity=small),
        ),
        Scenario(
            "under.py.oneway",
            "Python: 64 B messages, one a call, elsewhere",
            "M/s",
            conditions("own_smipc.py", "oneway"),
        ),
        Scenario(
            "under.py.batch",
            "Python: 64 B messages, lists of 128, elsewhere",
            "M/s",
            conditions("own_smipc.py", "batch", batch=128),
        ),
        Scenario(
            "under.py.asyncio",
            "asyncio: round trip of 64 B, elsewhere",
            "us",
            conditions("own_aio.py", "async", capacity=small),
        ),
    ]
