"""How many instructions a call takes, as valgrind counts them: what docs/benchmarks.md says, within
a tenth. They repeat exactly, whatever else the machine does; another compiler gives others."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import program

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROW = re.compile(r"^\| `smipc_(\w+)` \| ([\d,]+) B \| (\d+) \|$", re.MULTILINE)
CALLS = {
    "channel_send": ("channel", False),
    "channel_recv": ("channel", True),
    "channel_send_many": ("lists", False),
    "channel_recv_many": ("lists", True),
    "message_queue_send": ("queue", False),
    "message_queue_receive": ("queue", True),
    "circular_buffer_push": ("circular", False),
    "circular_buffer_pop": ("circular", True),
}
MANY = 2000
FEW = 1000

pytestmark = [
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the figures are of x86-64"),
]


def documented() -> list[tuple[str, int, int]]:
    rows = ROW.findall(PAGE.read_text())
    return [(call, int(size.replace(",", "")), int(count)) for call, size, count in rows]


def instructions(tool: str, *arguments: object) -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", tool]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


def per_call(tool: str, call: str, size: int) -> float:
    name, takes = CALLS[call]
    if takes:
        more, less = (MANY, MANY, size), (MANY, FEW, size)
    else:
        more, less = (MANY, 0, size), (FEW, 0, size)
    return (instructions(tool, name, *more) - instructions(tool, name, *less)) / (MANY - FEW)


def test_every_call_is_documented() -> None:
    assert {call for call, _, _ in documented()} == set(CALLS)


@pytest.mark.parametrize(("call", "size", "count"), documented())
def test_a_call_takes_as_many_instructions_as_documented(call: str, size: int, count: int) -> None:
    tool = program("tests", "count_tool")
    if subprocess.run([tool, "compiler"], capture_output=True, text=True).stdout.strip() != "gcc":
        pytest.skip("the figures are of gcc")
    assert per_call(str(tool), call, size) == pytest.approx(count, rel=0.1)
