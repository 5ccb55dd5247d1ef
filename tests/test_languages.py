"""Every language against every other: what one writes, another reads, by every method that it has.

Each test is two processes that know only the name of the channel. The test works out by itself what
both have to report.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import channel_tool
import pytest
from programs import WATCHDOG_SECONDS, program, run_pair, unique_name

LANGUAGES = ("py", "c", "cpp")

STREAM_RECEIVERS = ("read", "read_some", "read_listen")
# By language, what is not the same in all of them.
SENDERS = {
    "py": ("send", "send_many", "reserve"),
    "c": ("send", "send_parts", "send_many", "reserve", "try_send"),
    "cpp": ("send", "send_parts", "send_many", "reserve", "try_send"),
}
RECEIVERS = {
    "py": ("recv", "recv_into", "recv_many", "peek", "wait", "fd", "listen"),
    "c": ("recv", "recv_parts", "recv_many", "peek", "next", "wait", "fd", "listen"),
    "cpp": ("recv", "recv_parts", "recv_many", "peek", "next", "wait", "fd", "listen"),
}

# Around the capacity, the header of a message and its alignment; far above; and many small ones.
CAPACITIES_AND_SIZES = {
    "1-byte-channel": (1, "0,1,2,3,50,1"),
    "20-byte-channel": (20, "64,0,20,19,21,1,1000,8,12,13"),
    "64-byte-channel": (64, "0,1,7,8,9,55,56,57,63,64,65,100,1000,0,5000,40x3"),
    "64-KiB-channel": (65536, "0,100000,65536,50x200,65537,300000,0"),
}
PAIRS = list(itertools.product(LANGUAGES, LANGUAGES))


def tool(language: str) -> list[str]:
    if language == "py":
        return [sys.executable, channel_tool.__file__]
    return [program("tests", f"channel_tool_{language}")]


def check(
    sender: tuple[str, str], receiver: tuple[str, str], case: str, receiver_first: bool
) -> None:
    """Runs (language, method) against (language, method) and compares both with what is right."""
    capacity, sizes_text = CAPACITIES_AND_SIZES[case]
    seed = 77
    arguments = [unique_name("languages"), str(capacity), str(seed), sizes_text]
    commands = [[*tool(language), method, *arguments] for language, method in (sender, receiver)]
    if receiver_first:
        heard, said = run_pair(commands[1], commands[0])
    else:
        said, heard = run_pair(*commands)

    right = str(channel_tool.expected(channel_tool.parse_sizes(sizes_text), seed))
    assert said.strip() == right
    if receiver[1] in ("read_some", "read_listen"):  # pieces of any size: only the bytes count
        assert heard.split()[1:] == right.split()[1:]
    else:
        assert heard.strip() == right


@pytest.mark.parametrize("case", CAPACITIES_AND_SIZES)
@pytest.mark.parametrize("method", STREAM_RECEIVERS)
@pytest.mark.parametrize(("sender", "receiver"), PAIRS)
def test_stream(sender: str, receiver: str, method: str, case: str) -> None:
    receiver_first = method != "read_some"
    check((sender, "write"), (receiver, method), case, receiver_first)


@pytest.mark.parametrize("case", CAPACITIES_AND_SIZES)
@pytest.mark.parametrize(("sender", "receiver"), PAIRS)
def test_messages(sender: str, receiver: str, case: str) -> None:
    check((sender, "send"), (receiver, "recv"), case, receiver_first=False)


@pytest.mark.parametrize(
    ("sender", "method", "receiver"),
    [(a, m, b) for a, b in PAIRS for m in SENDERS[a] if m != "send"],
)
def test_each_way_to_send(sender: str, method: str, receiver: str) -> None:
    check((sender, method), (receiver, "recv"), "64-byte-channel", receiver_first=True)


@pytest.mark.parametrize(
    ("sender", "receiver", "method"),
    [(a, b, m) for a, b in PAIRS for m in RECEIVERS[b] if m != "recv"],
)
def test_each_way_to_receive(sender: str, receiver: str, method: str) -> None:
    if method == "fd" and sys.platform == "win32":
        pytest.skip("there is no descriptor for a channel on Windows")
    check((sender, "send"), (receiver, method), "64-byte-channel", receiver_first=False)


@pytest.mark.parametrize("name", ["api_c", "api_cpp"])
def test_whole_api(name: str) -> None:
    done = subprocess.run(
        [program("tests", name), unique_name(name.replace("_", "-"))],
        capture_output=True,
        text=True,
        timeout=WATCHDOG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 50


def test_a_queue_in_cpp_keeps_its_timeout_while_rivals_take_large_messages() -> None:
    done = subprocess.run(
        [program("tests", "queue_timeout"), unique_name("queue-timeout")],
        capture_output=True,
        text=True,
        timeout=WATCHDOG_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_every_function_of_the_header_is_called_from_c() -> None:
    folder = Path(__file__).resolve().parent / "native_programs"
    header = (folder / "../../native/include/smipc.h").read_text()
    called = (folder / "api_c.c").read_text()
    declared = {
        line.split("(")[0].split()[-1].lstrip("*")
        for line in header.splitlines()
        if line.startswith("SMIPC_API")
    }
    assert len(declared) > 30
    assert {name for name in declared if f"{name}(" not in called} == set()
