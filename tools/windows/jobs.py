"""`python3 tools/dev.py windows`: what is built and run, in this order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import dev

from windows import environment
from windows.environment import HOME, RUNNER

NATIVE = dev.ROOT / "native"
GOOGLETEST_SOURCES = Path("/usr/src/googletest")
DEFAULT_PYTHON = "3.12"
ZIG = "ziglang==0.15.1"
MACOS_TARGETS = ("aarch64-macos.11.0", "x86_64-macos.11.0")

# Files of tests/ about what only POSIX has, or about the installed wheel.
NOT_ON_WINDOWS = (
    "test_docs.py",  # examples of every kind, run on Linux
    "test_full_shm.py",  # /dev/shm
    "test_packaging.py",  # builds with the machine's own compiler
)


def main(arguments: list[str]) -> int:
    job, rest = (arguments[0], arguments[1:]) if arguments else ("all", [])
    if not environment.install_tools():
        missing = ", ".join(environment.missing_tools())
        dev.warn_loudly(f"Windows was NOT tested: {missing} cannot be installed here")
        return 0
    environment.make_prefix()
    jobs = {"cpp": cpp_tests, "python": python_tests, "macos": macos}
    if job == "setup":
        environment.make_python(DEFAULT_PYTHON)
        return 0
    if job != "all" and job not in jobs:
        raise dev.DevError(f"there is no job {job!r} for Windows: setup, {', '.join(jobs)}")
    results = {}
    for name, run in jobs.items():
        if job in ("all", name):
            results[f"Windows: {name}" if name != "macos" else "macOS builds"] = run(rest)
    environment.stop_server()
    return dev.report(results)


def build(**options: str) -> Path:
    """The library, the programs and the C++ tests, as Windows takes them."""
    dev.ensure_venv()
    folder = HOME / "native"
    toolchain = NATIVE / "cmake" / "mingw-w64.cmake"
    dev.build_native(
        folder,
        CMAKE_TOOLCHAIN_FILE=str(toolchain),
        SMIPC_WINDOWS_RUNNER=str(RUNNER),
        SMIPC_BUILD_EXAMPLES="ON",
        **options,
    )
    return folder


def googletest() -> Path:
    """GoogleTest for Windows, from the sources that Debian's package has."""
    installed = HOME / "googletest"
    if not (installed / "lib" / "cmake").exists():
        dev.say("building GoogleTest for Windows")
        dev.ensure_venv()
        folder = HOME / "googletest-build"
        dev.must(
            *("cmake", "-S", GOOGLETEST_SOURCES, "-B", folder, "-G", "Ninja"),
            f"-DCMAKE_TOOLCHAIN_FILE={NATIVE / 'cmake' / 'mingw-w64.cmake'}",
            *("-DBUILD_GMOCK=OFF", "-DCMAKE_BUILD_TYPE=Release"),
            f"-DCMAKE_INSTALL_PREFIX={installed}",
        )
        dev.must("cmake", "--build", folder, "--target", "install")
    return installed


def cpp_tests(arguments: list[str]) -> int:
    package = googletest() / "lib" / "cmake" / "GTest"
    folder = build(SMIPC_BUILD_TESTS="ON", GTest_DIR=str(package))
    dev.say("C++ tests, under Wine")
    # In one process: starting one for each test takes longer than the tests.
    return dev.run(RUNNER, folder / "smipc_tests.exe", "--gtest_brief=1", *arguments)


def python_tests(arguments: list[str]) -> int:
    version = os.environ.get("SMIPC_WINDOWS_PYTHON", DEFAULT_PYTHON)
    python = environment.make_python(version)
    folder = build()
    _install_package(python.site)
    dev.say(f"Python tests, CPython {version} for Windows, under Wine")
    env = dev.environment(
        SMIPC_LIBRARY=_windows_path(folder / "smipc.dll"),
        SMIPC_PROGRAMS=_windows_path(folder / "programs"),
        WINEPATH=_windows_path(folder),
    )
    ignored = [f"--ignore={name}" for name in NOT_ON_WINDOWS]
    options = ["-q", "-p", "no:cacheprovider", *ignored, *arguments]
    tests = dev.ROOT / "tests"
    return dev.run(*python.command, "-m", "pytest", *options, cwd=tests, env=env)


def macos(_: list[str]) -> int:
    """Compiles and links the library for macOS. It cannot be run here."""
    dev.ensure_venv()
    dev.must(dev.PYTHON, "-m", "pip", "install", "--quiet", ZIG)
    results = 0
    folders = ("api", "core", "platform", "platform/posix", "platform/macos")
    sources = [file for name in folders for file in sorted((NATIVE / "src" / name).glob("*.cpp"))]
    for target in MACOS_TARGETS:
        output = HOME / "macos" / target.split("-")[0] / "libsmipc.dylib"
        output.parent.mkdir(parents=True, exist_ok=True)
        results |= dev.run(
            *(dev.PYTHON, "-m", "ziglang", "c++", "-target", target, "-shared", "-o", output),
            *("-std=c++20", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"),
            *("-DSMIPC_BUILDING", '-DSMIPC_VERSION_STRING="0"'),
            *(f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", *sources),
        )
    return results


def _install_package(site: Path) -> None:
    shutil.rmtree(site / "smipc", ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(dev.ROOT / "smipc", site / "smipc", ignore=ignore)


def _windows_path(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")
