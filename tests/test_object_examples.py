"""The examples of semaphores, shared memory and structures, in mixed languages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import PYTHON_EXAMPLES, ROOT, Process, program

from smipc import Flags, NamedMessageQueue, NamedSemaphore, NamedSharedMemory, SharedCircularBuffer
from smipc.cli import main


def test_a_counter_counted_in_three_languages(text: str) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "shared_counter.py")]
    commands = [
        script,
        [program("c", "shared_counter")],
        [program("cpp", "shared_counter")],
        script,
    ]
    # On Windows both go with their last process.
    memory = NamedSharedMemory(text, 8, handle_existence=Flags.LINK_OR_CREATE)
    semaphore = NamedSemaphore(text, handle_existence=Flags.LINK_OR_CREATE)
    processes = [Process([*command, "2000", text]) for command in commands]
    try:
        for process in processes:
            assert process.finish().startswith("counted 2000, the counter is at ")
    finally:
        for process in processes:
            process.kill()
    assert memory.buf[:8].cast("q")[0] == 8000
    assert semaphore.value == 1


def test_the_counter_can_be_removed(text: str) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "shared_counter.py")]
    Process([*script, "1", text]).finish()
    Process([*script, "remove", text]).finish()


def test_a_robot_moved_in_three_languages(tmp_path: Path) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "structure.py")]
    assert Process([*script, "create", str(tmp_path)]).finish() == (
        "Robbie made 0 moves, to 0.0, 0.0\n"
    )
    commands = [
        [*script, "move", str(tmp_path), "500"],
        [program("c", "structure"), str(tmp_path), "500"],
        [program("cpp", "structure"), str(tmp_path), "500"],
    ]
    processes = [Process(command) for command in commands]
    try:
        for process in processes:
            process.finish()
    finally:
        for process in processes:
            process.kill()
    assert Process([*script, "show", str(tmp_path)]).finish() == (
        "Robbie made 1500 moves, to 750.0, -1500.0\n"
    )


def test_the_header_of_the_robot_is_in_step(capsys: pytest.CaptureFixture[str]) -> None:
    source = PYTHON_EXAMPLES / "robot_structs.py"
    assert main(["structs", str(source), "--header"]) == 0
    header = (ROOT / "examples" / "c" / "robot_structs.h").read_text()
    assert header == capsys.readouterr().out


def test_samples_read_in_three_languages(text: str) -> None:
    script = [sys.executable, str(PYTHON_EXAMPLES / "circular_buffer.py")]
    with SharedCircularBuffer(text, create=True, item_size=8, length=1024) as writer:
        for sample in range(1, 2001):
            writer.push(sample)
        for command in (
            [*script, "read"],
            [program("c", "circular_buffer")],
            [program("cpp", "circular_buffer")],
        ):
            printed = Process([*command, "2000", text]).finish()
            assert printed == "attached\ngot 1023, missed 0, the last was 2000\n"


@pytest.mark.parametrize("gives", ["python", "c", "cpp"])
@pytest.mark.parametrize("does", ["python", "c", "cpp"])
def test_jobs_given_and_done_in_two_languages(text: str, gives: str, does: str) -> None:
    commands = {
        "python": [sys.executable, str(PYTHON_EXAMPLES / "jobs.py")],
        "c": [program("c", "jobs")],
        "cpp": [program("cpp", "jobs")],
    }
    # On Windows the jobs are there while somebody has the queue open.
    kept = NamedMessageQueue(
        text, 1000, 256, handle_existence=Flags.LINK_OR_CREATE, unlink_on_delete=False
    )
    done = Process([*commands[does], "do", "2000", text])
    try:
        assert Process([*commands[gives], "give", "1000", text]).finish() == "gave 1000\n"
        assert Process([*commands[does], "give", "1000", text]).finish() == "gave 1000\n"
        assert done.finish() == "did 2000, 200 of them urgent\n"
    finally:
        done.kill()
        Process([*commands["python"], "remove", "0", text]).finish()
        kept.close()
