"""`python3 tools/dev.py windows`: what is built and run, in this order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import dev

from windows import build, environment, macos
from windows.build import windows_path
from windows.environment import RUNNER, Unavailable, WindowsPython
from windows.suites import Suite, run_all

TESTS = dev.ROOT / "tests"
DEFAULT_PYTHON = "3.12"
PYTHON_PARTS = 5  # of the suite, so that two can run at once

# Files of tests/ about what only POSIX has, about the machine's own compiler, or run on Linux
# against Windows.
NOT_ON_WINDOWS = (
    "test_docs.py",
    "test_full_shm.py",
    "test_packaging.py",
    "test_windows_exchange.py",
    "test_windows_kills.py",
)
ON_LINUX = ("test_windows_exchange.py", "test_windows_kills.py")


def main(arguments: list[str]) -> int:
    job, rest = (arguments[0], arguments[1:]) if arguments else ("all", [])
    jobs: dict[str, Callable[[list[str]], dict[str, int]]] = {
        "all": everything,
        "setup": set_up,
        "cpp": lambda rest: tested(lambda: [cpp_suite(rest)]),
        "python": lambda rest: tested(lambda: python_suites(the_python(), rest)),
        "linux": lambda rest: tested(lambda: [linux_suite(the_python(), rest)]),
        "macos": lambda _: macos.compiled(),
    }
    if job not in jobs:
        raise dev.DevError(f"there is no job {job!r} for Windows: {', '.join(jobs)}")
    return dev.report(jobs[job](rest))


def everything(_: list[str]) -> dict[str, int]:
    return tested(all_suites) | macos.compiled()


def all_suites() -> list[Suite]:
    suites = [cpp_suite([])]
    try:
        python = the_python()
    except Unavailable as problem:
        dev.warn_loudly(f"Python was NOT tested on Windows: {problem}")
        return suites
    return [linux_suite(python, []), *suites, *python_suites(python, [])]


def set_up(_: list[str]) -> dict[str, int]:
    if not has_windows():
        return {}
    environment.make_python(DEFAULT_PYTHON)
    return {"set-up": 0}


def has_windows() -> bool:
    if environment.install_tools():
        environment.make_prefix()
        return True
    missing = ", ".join(environment.missing_tools())
    dev.warn_loudly(f"Windows was NOT tested: {missing} cannot be installed here")
    return False


def tested(suites: Callable[[], list[Suite]]) -> dict[str, int]:
    """Builds, and runs what there is to run; nothing where there is no Wine."""
    if not has_windows():
        return {}
    build.build()
    with environment.running():
        return {"Windows: build and wheel": 0} | run_all(suites())


def the_python() -> WindowsPython:
    version = os.environ.get("SMIPC_WINDOWS_PYTHON", DEFAULT_PYTHON)
    python = environment.make_python(version)
    build.install_wheel(python)
    return python


def cpp_suite(arguments: Sequence[str]) -> Suite:
    # In one process: starting one for each test takes longer than the tests.
    return Suite(
        "Windows: C++ tests",
        [RUNNER, build.FOLDER / "smipc_tests.exe", *arguments],
        build.FOLDER,
        # Not each test, but what failed or was skipped.
        worth_showing=lambda line: not line.startswith(("[ RUN ", "[       OK ", "[-----")),
    )


def python_suites(python: WindowsPython, arguments: Sequence[str]) -> list[Suite]:
    """In parts, unless the caller wants something of their own."""
    env = dev.environment(
        SMIPC_PROGRAMS=windows_path(build.PROGRAMS),
        SMIPC_NATIVE_BUILD=windows_path(build.FOLDER),
        WINEPATH=windows_path(python.site / "smipc" / "lib"),
    )
    command = [*python.command, "-m", "pytest", "-v", "-p", "no:cacheprovider"]

    def suite(name: str, words: Sequence[str]) -> Suite:
        return Suite(name, [*command, *words], TESTS, env, worth_showing=_is_no_passed_test)

    name = f"Windows: Python {python.version} tests"
    if arguments:
        return [suite(name, arguments)]
    files = sorted(file.name for file in TESTS.glob("test_*.py"))
    files = [file for file in files if file not in NOT_ON_WINDOWS]
    return [
        suite(f"{name} {part + 1}/{PYTHON_PARTS}", files[part::PYTHON_PARTS])
        for part in range(PYTHON_PARTS)
    ]


def linux_suite(python: WindowsPython, arguments: Sequence[str]) -> Suite:
    """Tests that run here, on Linux, and start programs there."""
    dev.ensure_package("test", "cli", "numpy")
    env = dev.environment(
        SMIPC_WINDOWS_PYTHON_PROGRAM=str(python.program),
        SMIPC_WINDOWS_PROGRAMS=str(build.PROGRAMS),
        WINEPATH=windows_path(python.site / "smipc" / "lib"),
        **environment.WINE_ENVIRONMENT,
    )
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        env.pop(name, None)
    words: list[str | Path] = [dev.PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    return Suite(
        "Linux and Windows: tests",
        [*words, *(arguments or ON_LINUX)],
        TESTS,
        env,
        worth_showing=_is_no_passed_test,
    )


def _is_no_passed_test(line: str) -> bool:
    return " PASSED " not in line and not line.endswith("PASSED")
