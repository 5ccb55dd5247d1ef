"""`smipc bench`: what it shows, what it refuses, and what a killed process makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from children import Child
from commands import modules_of_the_bare_command, shown_on_a_terminal
from programs import WATCHDOG_SECONDS, unique_name

import smipc
from smipc import (
    bench,
    bench_machine,
    bench_messages,
    bench_percentiles,
    bench_plot,
    bench_sections,
    bench_view,
    cli,
    cli_children,
)

COMMAND = [sys.executable, "-m", "smipc", "bench"]
LONG = "600"  # seconds: it does not end by itself


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=WATCHDOG_SECONDS
    )


def json_of(*arguments: str) -> dict:
    done = run("--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def left_behind_by(pid: int) -> list[str]:
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir():
        return []
    mine = f"smipc-bench-{pid}-"
    return [entry.name for entry in shared_memory.iterdir() if mine in entry.name]


def second_pid(readline: Callable[[], str]) -> int:
    """Reads until it measures; the second process's pid."""
    for line in iter(readline, ""):
        if line.startswith("measuring"):
            return int(line.split()[-1])
    raise AssertionError("it has ended before it measured")


def options(*sizes: int, seconds: float = 0.1, wait: str = "hybrid") -> bench.Options:
    return bench.Options(list(sizes), seconds, 65536, wait)


# ---- What it shows -------------------------------------------------------------------------------


def test_json_has_the_machine_and_for_each_size_its_figures() -> None:
    result = json_of("--seconds", "0.4", "--sizes", "64,4096,100000", "--capacity", "65536")
    assert result["ok"] is True
    assert set(result["machine"]) == {
        "processor",
        "cores",
        "system",
        "python",
        "smipc",
        "load_average",
    }
    assert result["machine"]["processor"]
    assert result["machine"]["cores"] >= 1
    assert isinstance(result["warnings"], list)
    assert result["ends"] == "Python at both ends"
    assert (result["wait"], result["capacity_bytes"], result["seconds"]) == ("hybrid", 65536, 0.4)
    assert [size["size_bytes"] for size in result["sizes"]] == [64, 4096, 100000]
    for size in result["sizes"]:
        assert list(size["round_trip_us"]) == ["p50", "p90", "p99", "p99.9", "p99.99"]
        known = [value for value in size["round_trip_us"].values() if value is not None]
        assert known == sorted(known)
        assert known[0] > 0
        assert size["round_trips"] >= 2
        rates = [size["one_way"], size["lists"]]
        assert (rates[1] is None) == (size["size_bytes"] == 100000)
        for rate in filter(None, rates):
            assert rate["messages_per_second"] > 0
            expected = rate["messages_per_second"] * size["size_bytes"] / 1e9
            assert rate["gigabytes_per_second"] == pytest.approx(expected)


def test_on_a_pipe_it_is_plain_aligned_text() -> None:
    done = run("--seconds", "0.2", "--sizes", "64,100000")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii() or not bench_machine.look().processor.isascii()
    first, second, *_ = done.stdout.splitlines()
    assert first == bench_machine.look().line()
    assert "Python at both ends, wait=hybrid" in second
    _, trips, rates, notes = done.stdout.split("\n\n")
    for table in (trips, rates):
        _, *lines = table.splitlines()
        assert len(lines) == 3
        assert len({len(line) for line in lines}) == 1, table
    assert trips.splitlines()[1].split()[:6] == ["bytes", "p50", "p90", "p99", "p99.9", "p99.99"]
    assert trips.splitlines()[3].split()[0] == rates.splitlines()[3].split()[0] == "100,000"
    assert "too few round trips" in notes
    assert "bench/" in notes


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_on_a_terminal_it_is_tables_of_rich() -> None:
    pytest.importorskip("rich")
    shown = shown_on_a_terminal([*COMMAND, "--seconds", "0.1", "--sizes", "8"])
    assert "p99.99" in shown.decode()
    assert "\u2500" in shown.decode()


@pytest.mark.parametrize("wait", ["hybrid", "spin", "block"])
def test_every_size_from_nothing_to_more_than_the_channel_passes(wait: str) -> None:
    sizes = "0,1,15,16,17,64,1000,5000"
    result = json_of("--seconds", "0.2", "--sizes", sizes, "--capacity", "999", "--wait", wait)
    assert [str(size["size_bytes"]) for size in result["sizes"]] == sizes.split(",")
    assert result["wait"] == wait


def test_a_channel_of_one_byte_will_do() -> None:
    assert json_of("--seconds", "0.1", "--sizes", "64", "--capacity", "1")["ok"]


def test_a_size_given_twice_is_measured_once() -> None:
    result = json_of("--seconds", "0.1", "--sizes", "8,64,8")
    assert [size["size_bytes"] for size in result["sizes"]] == [8, 64]


def test_a_busy_machine_and_a_single_core_are_told() -> None:
    def warnings(cores: int, load: float | None) -> list[str]:
        machine = bench_machine.Machine("processor", cores, "system", "3", "0", load)
        shown = bench_view.headline(machine, options(64))
        assert [f"warning: {text}" for text in machine.warnings()] == shown[2:]
        return machine.warnings()

    assert warnings(8, 0.5) == warnings(8, None) == []
    (busy,) = warnings(8, 6.25)
    assert "load average 6.25" in busy
    (single,) = warnings(1, 0.0)
    assert "share one core" in single


def test_nothing_of_it_is_imported_before_it_runs() -> None:
    found = [
        name for name in modules_of_the_bare_command() if "bench" in name or name == "statistics"
    ]
    assert found == []


# ---- Percentiles ---------------------------------------------------------------------------------


def test_percentiles_are_those_of_all_samples() -> None:
    found = bench_percentiles.percentiles_of([1000 * us for us in range(100_001)])
    assert found.samples == 100_001
    assert found.shown == pytest.approx(
        {"p50": 50_000, "p90": 90_000, "p99": 99_000, "p99.9": 99_900, "p99.99": 99_990}
    )
    for share, time in found.curve:
        assert time == pytest.approx(share * 100_000)
    assert found.curve == sorted(found.curve)
    assert found.curve[-1][0] == pytest.approx(0.9999)


@pytest.mark.parametrize("name", bench_percentiles.SHOWN)
def test_a_percentile_of_too_few_samples_is_not_shown(name: str) -> None:
    needed = bench_percentiles.needed_for(name)
    assert bench_percentiles.percentiles_of(range(needed)).shown[name] is not None
    if needed > 2:
        found = bench_percentiles.percentiles_of(range(needed - 1))
        assert found.shown[name] is None
        share = bench_percentiles.SHOWN[name] / 10_000
        assert all(drawn < share for drawn, _ in found.curve)


# ---- What is wrong is found ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 8, 64, 5000])
def test_one_wrong_lost_or_doubled_message_is_found(size: int) -> None:
    block = bench_messages.block_of(size, 1 << 20)
    end = [bench_messages.END]

    def one_way(messages: list[bytes]) -> bench_sections.Passed:
        return bench_sections.one_way(iter([*messages, *end, *end]).__next__, block)

    assert one_way(block * 3).received == 3 * len(block)
    changed = block[1][:-1] + bytes([block[1][-1] ^ 1])
    wrong = [changed, block[1] + b"x", block[1][:-1], block[0], b""]
    for messages in (
        *([block[0], other, *block[2:]] for other in wrong),
        block[:1] + block[2:],
        [block[0], *block],
        block * 2 + block[:1],
    ):
        with pytest.raises(bench_messages.WrongMessageError):
            one_way(messages)


@pytest.mark.parametrize("length", [1, 7, 255])
def test_lists_are_checked_however_they_are_cut(length: int) -> None:
    block = bench_messages.block_of(64, 1 << 20)

    def lists(messages: list[bytes]) -> bench_sections.Passed:
        pieces = [messages[at : at + length] for at in range(0, len(messages), length)]
        received = iter(pieces)
        return bench_sections.lists(lambda limit: next(received), block)

    end = [bench_messages.END]
    passed = lists(block * 3 + end)
    assert passed.received == 3 * len(block)
    assert passed.timed == 3 * len(block) - length
    for messages in (block[1:] + end, block[:9] + block[10:] + end, block[:9] * 2 + end):
        with pytest.raises(bench_messages.WrongMessageError):
            lists(messages)


def test_an_answer_that_is_not_the_message_sent_is_found() -> None:
    block = bench_messages.block_of(64, 1 << 20)
    answers = iter([block[0], block[1], block[1]])
    with pytest.raises(bench_messages.WrongMessageError, match="64 bytes 01"):
        bench_sections.round_trips(lambda _: None, answers.__next__, block, 10**12)


def run_with_peer(code: str, monkeypatch: pytest.MonkeyPatch, *sizes: int) -> None:
    """Measures with a second process that runs `code` first, in which it is bench_peer."""
    opening = "import sys; from smipc import bench_peer\n"
    closing = "\nsys.exit(bench_peer.main(sys.argv[1:]))"
    command = [sys.executable, "-c", opening + code + closing]
    monkeypatch.setattr(bench, "python_command", lambda _: command)
    chosen = options(*sizes)
    with bench.session(chosen) as session:
        session.measure(chosen)
        session.finish()


def test_a_count_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "send = bench_peer._send; bench_peer._send = lambda *given: send(*given) + 255"
    with pytest.raises(bench.BenchError, match="messages were lost"):
        run_with_peer(code, monkeypatch, 64)


def test_a_changed_message_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "make = bench_peer.block_of\n"
        "bench_peer.block_of = lambda *given: [*make(*given)[:-1], bytes(given[0])]"
    )
    with pytest.raises(bench.BenchError, match="not the one that was sent"):
        run_with_peer(code, monkeypatch, 5000)


# ---- A process that ends -------------------------------------------------------------------------


def test_a_killed_second_process_is_told_and_nothing_stays() -> None:
    command = [*COMMAND, "--seconds", LONG]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        pid = second_pid(process.stdout.readline)
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        _, err = process.communicate(timeout=WATCHDOG_SECONDS)
    assert process.returncode == 1
    assert err.startswith(f"smipc bench: the second process (pid {pid}) ")
    if sys.platform != "win32":
        assert "was killed by signal 9" in err
    assert err.count("\n") == 1
    assert left_behind_by(process.pid) == []


def kill(session: bench.Session) -> None:
    session._process.kill()
    session._process.wait()


def test_a_second_process_killed_between_sections_is_told() -> None:
    chosen = options(64)
    with bench.session(chosen) as session:
        kill(session)
        with pytest.raises(bench.BenchError, match=f"pid {session.pid}"):
            session.measure(chosen)
    with bench.session(chosen) as session:
        session.measure(chosen)
        kill(session)
        with pytest.raises(bench.BenchError, match=f"pid {session.pid}"):
            session.finish()
    assert left_behind_by(os.getpid()) == []


def test_a_second_process_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(bench.BenchError, match="has ended with exit code 3"):
        run_with_peer("sys.exit(3)", monkeypatch, 64)
    assert left_behind_by(os.getpid()) == []


def test_an_error_with_json_is_an_object(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "python_command", lambda _: [sys.executable, "-c", "exit(3)"])
    assert cli.main(["bench", "--json"]) == 1
    said = json.loads(capfd.readouterr().out)
    assert said["ok"] is False
    assert "exit code 3" in said["error"]


def test_the_second_process_ends_with_a_killed_first() -> None:
    """Which is seen by the end of its standard error: both have it."""
    command = [*COMMAND, "--seconds", LONG]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        second_pid(process.stdout.readline)
        process.kill()
        _, err = process.communicate(timeout=WATCHDOG_SECONDS)
    assert err == ""
    assert left_behind_by(process.pid) == []


def test_a_second_process_that_comes_too_late_ends() -> None:
    name = unique_name("late")
    command = [*cli_children.python_command("bench_peer"), name, "65536", "hybrid"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WATCHDOG_SECONDS
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ready\n", b"")
    for channel in (f"{name}-there", f"{name}-back"):
        with pytest.raises(FileNotFoundError):
            smipc.unlink(channel)


def test_ctrl_c_ends_both_processes(start_child: Callable[..., Child]) -> None:
    child = start_child(
        f"from smipc import cli; sys.exit(cli.main(['bench', '--seconds', '{LONG}']))"
    )
    pid = second_pid(child.process.stdout.readline)
    child.interrupt()
    _, err = child.process.communicate(timeout=WATCHDOG_SECONDS)
    assert child.process.returncode == 130
    assert err == ""
    assert left_behind_by(child.pid) == []
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# ---- What it refuses -----------------------------------------------------------------------------

REFUSED = {
    "--sizes": ["-1", "64x", "", "1.5", str((1 << 30) + 1)],
    "--capacity": ["0", "-5", "lots", str(1 << 41)],
    "--seconds": ["0", "-1", "soon", "nan", "inf"],
    "--wait": ["sleep"],
}


@pytest.mark.parametrize(
    ("option", "value"),
    [(option, value) for option, values in REFUSED.items() for value in values],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(option: str, value: str) -> None:
    done = run(f"{option}={value}")
    assert done.returncode == 2
    assert option in done.stderr.splitlines()[-1]
    assert repr(value) in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_wrong_one_of_several_sizes_is_named() -> None:
    done = run("--sizes=64,4k,1024")
    assert done.returncode == 2
    assert "'4k'" in done.stderr


# ---- The plot ------------------------------------------------------------------------------------


def test_the_plot_is_a_png_also_of_a_single_percentile(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "latency.png"
    done = run(
        "--seconds", "0.1", "--sizes", "64,1000000", "--capacity", "999", "--plot", str(file)
    )
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_plot_without_matplotlib_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_plot.importlib.util, "find_spec", lambda _: None)
    assert cli.main(["bench", "--plot", str(tmp_path / "latency.png")]) == 1
    said = capsys.readouterr()
    assert "pip install matplotlib" in said.err
    assert said.out == ""  # nothing was measured


def test_a_plot_that_cannot_be_written_is_refused_before_measuring(tmp_path: Path) -> None:
    for file in (tmp_path / "latency.svg", tmp_path / "no such folder" / "latency.png"):
        done = run("--seconds", LONG, "--plot", str(file))
        assert done.returncode == 1
        assert file.name in done.stderr
        assert done.stdout == ""
