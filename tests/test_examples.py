"""The examples run as they are written: any sender with any receiver, whoever comes first."""

from __future__ import annotations

import itertools
import re
import sys

import pytest
from programs import PYTHON_EXAMPLES, ROOT, program, run_pair, unique_name

import smipc

LANGUAGES = ("py", "c", "cpp")
KINDS = ("", "_async")
PROGRAMS = list(itertools.product(LANGUAGES, KINDS))


def example(language: str, name: str) -> list[str]:
    if language == "py":
        return [sys.executable, str(PYTHON_EXAMPLES / f"{name}.py")]
    return [program(language, name)]


def assert_gone(name: str) -> None:
    """Neither end is open any more, so that the channel must not exist either."""
    with pytest.raises(FileNotFoundError):
        smipc.unlink(name)


@pytest.mark.parametrize("first", ["sender", "receiver"])
@pytest.mark.parametrize("receiver", PROGRAMS, ids="".join)
@pytest.mark.parametrize("sender", PROGRAMS, ids="".join)
def test_64_random_bytes_through_20(
    sender: tuple[str, str], receiver: tuple[str, str], first: str
) -> None:
    name = unique_name("example")
    send = [*example(sender[0], f"sender{sender[1]}"), name]
    receive = [*example(receiver[0], f"receiver{receiver[1]}"), name]
    if first == "sender":
        said, heard = run_pair(send, receive)
    else:
        heard, said = run_pair(receive, send)
    assert re.fullmatch("sent [0-9a-f]{128}\n", said)
    assert heard == said.replace("sent", "received")
    assert_gone(name)


def run_roles(command: list[str], first: str) -> tuple[str, str]:
    """Runs an example that is told its role, and returns what sender and receiver printed."""
    name = unique_name("example")
    second = "receive" if first == "send" else "send"
    outputs = run_pair([*command, first, name], [*command, second, name])
    assert_gone(name)
    return outputs if first == "send" else (outputs[1], outputs[0])


@pytest.mark.parametrize("first", ["send", "receive"])
def test_messages(first: str) -> None:
    said, heard = run_roles(example("py", "messages"), first)
    sent = [line.removeprefix("sent ") for line in said.splitlines()]
    received = [line.removeprefix("received ") for line in heard.splitlines()]
    assert [line.split()[0] for line in sent] == ["5", "0", "100000"]
    assert received[:3] == sent
    assert [line.split()[0] for line in received[3:6]] == ["4", "2", "4"]
    assert received[6:] == ["the sender has closed, and everything was read"]


@pytest.mark.parametrize("first", ["send", "receive"])
def test_arrays(first: str) -> None:
    pytest.importorskip("numpy")
    said, heard = run_roles(example("py", "arrays"), first)
    received = heard.splitlines()
    assert received[0] == "received int16 (3, 4) [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]"
    assert received[1] == said.strip().replace("sent", "received")
    assert float(received[1].split()[-1]) == pytest.approx(480 * 640 / 2)


@pytest.mark.parametrize("first", ["send", "receive"])
def test_asyncio_messages(first: str) -> None:
    said, heard = run_roles(example("py", "asyncio_messages"), first)
    assert said.splitlines() == [f"sent message {number}" for number in range(5)]
    assert heard == said.replace("sent", "received")


@pytest.mark.parametrize("first", ["send", "receive"])
def test_zero_copy(first: str) -> None:
    said, heard = run_roles(example("cpp", "zero_copy"), first)
    assert said.splitlines()[9] == "sent frame 9, last pixel 307208"
    assert heard == said.replace("sent", "received")


def test_readme_lists_every_example() -> None:
    readme = (ROOT / "examples" / "README.md").read_text()
    examples = ROOT / "examples"
    files = [path for pattern in ("*.py", "*.c", "*.cpp") for path in examples.rglob(pattern)]
    assert len(files) > 10
    assert [path.name for path in files if path.name not in readme] == []
