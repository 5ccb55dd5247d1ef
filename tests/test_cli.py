"""The command `smipc`, but for its demo (test_demo.py): config, clean, --version."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import modules_of_the_bare_command
from programs import WATCHDOG_SECONDS, unique_name

import smipc
from smipc import cli, cli_config


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smipc", *arguments],
        capture_output=True,
        text=True,
        timeout=WATCHDOG_SECONDS,
        **options,
    )


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout == f"smipc {smipc.__version__}\n"


def test_without_a_command_it_says_what_there_is() -> None:
    done = run()
    assert done.returncode == 2
    for command in cli.JOBS:
        assert command in done.stdout


def test_unknown_command_is_refused() -> None:
    done = run("destroy")
    assert done.returncode == 2
    assert "destroy" in done.stderr


@pytest.mark.parametrize("command", cli.JOBS)
def test_each_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"usage: smipc {command}" in done.stdout
    assert "--fault" not in done.stdout  # that one is for tests
    assert " c " not in done.stdout.replace("\n", " ")  # the language is C


def test_nothing_is_imported_before_it_is_used() -> None:
    unwanted = {"rich", "tqdm", "numpy", "asyncio", "smipc.demo"}
    assert unwanted & modules_of_the_bare_command() == set()


# ---- Output that goes nowhere --------------------------------------------------------------------

STRUCTURES = """
from ctypes import c_uint32
from smipc import BaseMmapStructure, MmapStructureHeader
class Counter(BaseMmapStructure):
    _fields_ = [("header", MmapStructureHeader), ("value", c_uint32)]
"""
COMMANDS = [
    "--version",
    "--help",
    "config --cflags",
    "clean",
    "clean --json",
    "structs structures.py",
    "bench --seconds 0.1 --sizes 64",
    "bench --seconds 0.1 --sizes 64 --json",
    "demo files --languages py-py",
    "demo files --languages py-py --json",
]
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="starts it with a shell")


def run_with_output_to(target: str, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder with what COMMANDS name, its output redirected by the shell."""
    (folder / "structures.py").write_text(STRUCTURES)
    (folder / "files").mkdir()
    (folder / "files" / "file").write_bytes(b"x")
    line = f'exec "$0" -m smipc {command} {target}'
    # Unbuffered, argparse takes no notice of an error.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["sh", "-c", line, sys.executable],
        capture_output=True,
        text=True,
        cwd=folder,
        env=env,
        timeout=WATCHDOG_SECONDS,
    )


@needs_posix
@pytest.mark.parametrize("command", COMMANDS)
def test_without_an_output_it_does_its_work_in_silence(command: str, tmp_path: Path) -> None:
    done = run_with_output_to(">&-", command, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_posix
def test_an_error_is_not_printed_where_results_go(tmp_path: Path) -> None:
    done = run_with_output_to("2>&-", "structs nothing", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")


@needs_posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_output_is_said_in_one_line(command: str, tmp_path: Path) -> None:
    done = run_with_output_to(">/dev/full", command, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"smipc {command.split()[0]}: ")
    assert done.stderr.endswith(f"{os.strerror(errno.ENOSPC)}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["--version", "config --libs"])
def test_a_closed_pipe_is_no_traceback(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "smipc", *command.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


# ---- config --------------------------------------------------------------------------------------


def test_config_answers_name_what_is_there() -> None:
    include = Path(run("config", "--includedir").stdout.strip())
    assert (include / "smipc.h").is_file()
    assert (include / "smipc.hpp").is_file()
    folder = Path(run("config", "--libdir").stdout.strip())
    assert [path for path in folder.iterdir() if "smipc" in path.name]


def test_config_answers_in_the_order_of_the_questions() -> None:
    cflags = run("config", "--cflags").stdout.strip()
    libs = run("config", "--libs").stdout.strip()
    assert cflags.startswith("-I")
    assert libs.startswith("-L")
    assert libs.endswith("-lsmipc")
    assert run("config", "--libs", "--cflags").stdout == f"{libs} {cflags}\n"


def test_config_without_a_question_is_refused() -> None:
    done = run("config")
    assert done.returncode == 2
    for question in cli_config.QUESTIONS:
        assert f"--{question}" in done.stderr


def test_config_says_what_an_installation_does_not_have(tmp_path: Path) -> None:
    """A library that lies alone has no package files for CMake beside it."""
    original = cli_config.cli_paths.library()
    library = tmp_path / "alone" / f"alone{original.suffix}"
    library.parent.mkdir()
    shutil.copy(original, library)
    done = run("config", "--cmakedir", env=dict(os.environ, SMIPC_LIBRARY=str(library)))
    assert done.returncode == 1
    assert "cmake" in done.stderr
    assert "Traceback" not in done.stderr


# ---- clean ---------------------------------------------------------------------------------------

HOLD_BOTH_ENDS = """
import sys
import smipc
with smipc.open_channel(sys.argv[1], smipc.CHAN_W), smipc.open_channel(sys.argv[1], smipc.CHAN_R):
    print("open", flush=True)
    sys.stdin.read()
"""


def leave_a_segment() -> str:
    """The name of a channel whose two ends were killed."""
    name = unique_name("stale")
    command = [sys.executable, "-c", HOLD_BOTH_ENDS, name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        process.kill()
    return name


@pytest.mark.skipif(sys.platform == "win32", reason="there the memory goes with its last process")
def test_clean_removes_what_killed_processes_left() -> None:
    name = leave_a_segment()
    done = run("clean", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["removed"] >= 1
    with pytest.raises(FileNotFoundError):
        smipc.unlink(name)


def test_clean_leaves_what_is_in_use() -> None:
    name = unique_name("in-use")
    with smipc.open_channel(name, smipc.CHAN_W) as writer:
        done = run("clean")
        assert re.fullmatch(r"removed \d+ segments?\n", done.stdout)
        with smipc.open_channel(name, smipc.CHAN_R) as reader:
            writer.write(b"still here")
            buffer = bytearray(10)
            assert reader.read(buffer, 10, blocking=True) == 10
            assert buffer == b"still here"
