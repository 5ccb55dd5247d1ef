"""What smipc costs besides its messages: importing, opening, memory, waiting, many channels."""

from __future__ import annotations

from .catalogue import KIB, MIB, Entry, Scenario, entry


def costs(label: str, kind: str, length: str = "section", **options: object) -> Entry:
    made = entry(label, "smipc_costs", kind, "smipc", **options)
    return Entry(made.label, made.program, made.arguments, made.role, length)


def python_costs(label: str, kind: str, length: str = "section", **options: object) -> Entry:
    made = entry(label, "own_costs.py", kind, "smipc", **options)
    return Entry(made.label, made.program, made.arguments, made.role, length)


def importing(module: str, role: str = "peer") -> Entry:
    return Entry(module, "cost_import.py", (module,), role, "pairs")


def scenarios() -> list[Scenario]:
    return [imports(), opening(), memory(), idle(), many_channels(), semaphores(), structures()]


def imports() -> Scenario:
    modules = ("multiprocessing.queues", "zmq", "posix_ipc", "faster_fifo", "iceoryx2")
    return Scenario(
        "cost.import",
        "Import, above starting a bare Python",
        "ms",
        (importing("smipc", "smipc"), *(importing(module) for module in modules)),
        rounds=3,
        placed=False,
    )


def opening() -> Scenario:
    room = 64 * KIB
    return Scenario(
        "cost.open",
        "Open + close of one end, 64 KiB",
        "us",
        (
            costs("C, first end: creates and removes", "openclose", capacity=room),
            costs("C, second end: attaches", "attach", capacity=room),
            python_costs("Python, first end: creates and removes", "openclose", capacity=room),
        ),
        placed=False,
    )


def memory() -> Scenario:
    sizes = ((20, "20 B"), (64 * KIB, "64 KiB"), (MIB, "1 MiB"))
    return Scenario(
        "cost.memory",
        "Memory of a channel with both ends open, beyond its capacity",
        "KiB",
        tuple(costs(f"capacity {name}", "memory", "fixed", capacity=size) for size, name in sizes),
        rounds=1,
        placed=False,
    )


def idle() -> Scenario:
    return Scenario(
        "cost.idle",
        "CPU of a reader that waits",
        "% of a core",
        (
            costs("C, default waiting", "idle", "idle"),
            costs("C, wait=block", "idle", "idle", wait="block"),
            costs(
                "C, smipc_wait on 10 channels", "idlewait", "idle", capacity=4 * KIB, channels=10
            ),
            costs(
                "C, smipc_wait on 300 channels", "idlewait", "idle", capacity=4 * KIB, channels=300
            ),
            python_costs("Python, default waiting", "idle", "idle"),
            python_costs("Python, a listener", "listener", "idle"),
            python_costs("Python, smipc.aio", "aio", "idle"),
        ),
        rounds=1,
        placed=False,
    )


def many_channels() -> Scenario:
    room = 4 * KIB
    return Scenario(
        "cost.many",
        "C++: round trip of 64 B with other channels open",
        "ns",
        tuple(
            costs(f"{count:,} more open", "many", "fixed", capacity=room, channels=count)
            for count in (0, 100, 10_000)
        ),
        ("cpp.roundtrip", "bare exchange"),
        rounds=3,
    )


def locks(label: str, program: str, kind: str, role: str = "smipc") -> Entry:
    made = entry(label, program, kind, role)
    return Entry(made.label, made.program, made.arguments, made.role, "section")


def semaphores() -> Scenario:
    return Scenario(
        "cost.semaphore",
        "Uncontended acquire + release of a semaphore",
        "ns",
        (
            locks("C++", "smipc_locks", "semaphore"),
            locks("C++, bare sem_t", "smipc_locks", "sem_t", "limit"),
            locks("Python", "own_locks.py", "semaphore"),
        ),
        ("cost.semaphore", "C++, bare sem_t"),
        rounds=3,
        placed=False,
    )


def structures() -> Scenario:
    return Scenario(
        "cost.structure",
        "Uncontended lock + unlock of a structure",
        "ns",
        (
            locks("C++, editor", "smipc_locks", "structure"),
            locks("C++, bare fcntl", "smipc_locks", "fcntl", "limit"),
            locks("Python, editor", "own_locks.py", "structure"),
            locks("Python, reader", "own_locks.py", "reader"),
        ),
        ("cost.structure", "C++, bare fcntl"),
        rounds=3,
        placed=False,
    )
