"""A counter in shared memory, and a semaphore so that nobody counts at the same time.

python shared_counter.py [turns] [name]     in as many terminals as you like, at the same time;
                                            shared_counter.c and .cpp count along

Whoever comes first creates both. Nothing is removed at the end, so that the count goes on the next
time; `python shared_counter.py remove [name]` removes it.
"""

import contextlib
import sys

from smipc import Flags, NamedSemaphore, NamedSharedMemory

SIZE = 8  # of the counter, an int64


def main() -> None:
    arguments = [*sys.argv[1:], "1000"][:1] + (sys.argv[2:] or ["example-counter"])
    what, name = arguments[:2]
    semaphore = NamedSemaphore(name, 1, Flags.LINK_OR_CREATE, unlink_on_delete=False)
    with NamedSharedMemory(
        name, SIZE, handle_existence=Flags.LINK_OR_CREATE, unlink_on_delete=False
    ) as memory:
        if what == "remove":
            for thing in (semaphore, memory):
                with contextlib.suppress(FileNotFoundError):
                    thing.unlink()
            return
        counter = memory.buf.cast("q")
        for _ in range(int(what)):
            with semaphore:
                counter[0] += 1
        print(f"counted {what}, the counter is at {counter[0]} or more")


main()
