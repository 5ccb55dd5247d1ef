"""What all tests share: unique names, a watchdog, and a look at what a run leaves behind."""

from __future__ import annotations

import gc
import os
import signal
import statistics
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import Child
from lateness import PROMISED_SECONDS, Lateness, Report
from pairs import Pair, open_pair

SHARED_MEMORY = Path("/dev/shm")

# In the name of every channel of this run, so that runs which overlap do not meet.
RUN = f"t{uuid.uuid4().hex[:8]}"

# A test that hangs is ended, with the stacks of all threads, after so many seconds. It is no limit
# on how long a test may take: none comes near it.
WATCHDOG_SECONDS = 120


def pytest_configure(config: pytest.Config) -> None:
    # Children see it, too: what they leave has the name of this run.
    os.environ["SMIPC_TEST_RUN"] = RUN
    # A run in the background of a shell ignores Ctrl-C, and so would all children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(WATCHDOG_SECONDS, method="thread"))


def leftovers() -> set[str]:
    """What is in shared memory by the name of smipc, and of this run."""
    if not SHARED_MEMORY.is_dir():
        return set()
    return {entry.name for entry in SHARED_MEMORY.iterdir() if RUN in entry.name}


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_in_shared_memory() -> Iterator[None]:
    yield
    assert leftovers() == set(), "the tests have left these behind"


@pytest.fixture
def make_name(request: pytest.FixtureRequest) -> Iterator[Callable[[], bytes]]:
    """Makes channel names; afterwards nothing of those names may be left in shared memory."""
    names: list[str] = []

    def make() -> bytes:
        names.append(f"{RUN}-{uuid.uuid4().hex[:8]}")
        return names[-1].encode()

    yield make
    if SHARED_MEMORY.is_dir():
        stay = [
            entry.name
            for entry in SHARED_MEMORY.iterdir()
            if any(name in entry.name for name in names)
        ]
        assert stay == [], f"{request.node.name} has left these behind"


@pytest.fixture
def name(make_name: Callable[[], bytes]) -> bytes:
    return make_name()


@pytest.fixture
def text(name: bytes) -> Iterator[str]:
    """The name of an object of the operating system. What the test leaves open is let go."""
    from smipc._named import _let_all_go

    yield "/" + name.decode()
    gc.collect()
    _let_all_go()


@pytest.fixture
def pair(name: bytes) -> Iterator[Pair]:
    """The writer and the reader of a message channel of 64 KiB."""
    writer, reader = open_pair(name)
    yield writer, reader
    writer.close()
    reader.close()


@pytest.fixture
def stream(name: bytes) -> Iterator[Pair]:
    """The writer and the reader of a stream channel of 64 KiB."""
    writer, reader = open_pair(name, framing="stream")
    yield writer, reader
    writer.close()
    reader.close()


@pytest.fixture
def start_child() -> Iterator[Callable[..., Child]]:
    """Starts children that run a piece of Python; those still there afterwards are killed."""
    children: list[Child] = []

    def start(code: str, *arguments: object) -> Child:
        children.append(Child(code, *arguments))
        return children[-1]

    yield start
    for child in children:
        child.end()


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Iterator[Report]:
    """Takes when each end was killed and when that was told; prints and asserts the delays."""
    with Lateness() as lateness:

        def report(kills: list[tuple[float, float]]) -> None:
            delays = [1e3 * (told - killed) for killed, told in kills]
            with capsys.disabled():
                print(
                    f"\n    {request.node.name}: told after {statistics.median(delays):.1f} ms"
                    f" (median), {max(delays):.1f} ms (most), of {len(delays)}",
                    end="",
                )
            own = [told - killed - lateness.between(killed, told) for killed, told in kills]
            assert statistics.median(own) < PROMISED_SECONDS, kills
            assert sum(delay > PROMISED_SECONDS for delay in own) <= len(own) // 10, own

        yield report


def pytest_report_header() -> str:
    import smipc

    return f"smipc {smipc.__version__}, run {RUN}, Python {sys.version.split()[0]}"
