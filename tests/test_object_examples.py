"""The examples of semaphores, shared memory and structures, in mixed languages."""

from __future__ import annotations

import sys

from programs import PYTHON_EXAMPLES, Process, program

from smipc import NamedSemaphore, NamedSharedMemory


def test_a_counter_counted_in_three_languages(text: str) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "shared_counter.py")]
    commands = [
        script,
        [program("c", "shared_counter")],
        [program("cpp", "shared_counter")],
        script,
    ]
    processes = [Process([*command, "2000", text]) for command in commands]
    try:
        for process in processes:
            assert process.finish().startswith("counted 2000, the counter is at ")
    finally:
        for process in processes:
            process.kill()
    memory = NamedSharedMemory(text, unlink_on_delete=True)
    semaphore = NamedSemaphore(text, unlink_on_delete=True)
    assert memory.buf.cast("q")[0] == 8000
    assert semaphore.value == 1


def test_the_counter_can_be_removed(text: str) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "shared_counter.py")]
    Process([*script, "1", text]).finish()
    Process([*script, "remove", text]).finish()
