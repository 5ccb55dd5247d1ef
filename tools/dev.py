"""Developer's entry point: sets everything up on first use, then does one job.

    python3 tools/dev.py test                 the Python tests, then the C++ tests
    python3 tools/dev.py demo [FOLDER] [...]  what `smipc demo` does
    python3 tools/dev.py lint [--fix]
    python3 tools/dev.py sanitize             the C++ tests under ASan + UBSan, then TSan
    python3 tools/dev.py native-test          the C++ tests alone
    python3 tools/dev.py kills                kill at every instruction of every call: half an hour
    python3 tools/dev.py fuzz                 a hostile peer: libFuzzer, 20 s of each harness
    python3 tools/dev.py models               the models of the protocols, with spin
    python3 tools/dev.py generate             smipc/_abi.py from smipc.h
    python3 tools/dev.py windows              the same tests on Windows, by mingw-w64 and Wine
    python3 tools/dev.py bench [...]

Needs Python and a C++ compiler; GoogleTest and clang are installed as root of a Debian. All else
comes from PyPI into .venv. Imports only the standard library, and what lies beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import compilers

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
BUILD = ROOT / "build"
READY = VENV / "smipc-ready"  # empty: the venv was made to the end
STAMP = VENV / "smipc-installed.json"  # what is installed in it

# What builds the wheel. Put into .venv so that a rebuild needs no network.
BUILD_TOOLS = ("scikit-build-core>=0.11", "cmake>=3.25", "ninja>=1.5")

# What the installed package is made of, apart from the programs of the tests.
PACKAGE_SOURCES = ("pyproject.toml", "LICENSE", "README.md", "native", "smipc", "examples/cpp")
FORMATTED_FOLDERS = ("native", "examples", "tests", "bench")
FORMATTED_SUFFIXES = {".c", ".h", ".cpp", ".hpp"}


class DevError(Exception):
    """A job cannot go on; the message says what to do."""


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def warn_loudly(text: str) -> None:
    bar = "!" * 78
    print(f"\n{bar}\n!! {text}\n{bar}", file=sys.stderr, flush=True)


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with .venv first on the path, plus `extra`."""
    own = compilers.in_place_of_pythons_own()
    env = {**os.environ, **own, "VIRTUAL_ENV": str(VENV), **extra}
    env["PATH"] = str(BIN) + os.pathsep + env.get("PATH", "")
    env.pop("PYTHONHOME", None)
    return env


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Runs a command in view of the user and returns its exit code."""
    words = [str(part) for part in command]
    print("$", textwrap.shorten(" ".join(words), 300), flush=True)
    return subprocess.run(words, cwd=cwd, env=env or environment()).returncode


def must(*command: str | Path, env: dict[str, str] | None = None) -> None:
    code = run(*command, env=env)
    if code != 0:
        raise DevError(f"{Path(command[0]).name} failed with exit code {code}")


# ---- .venv and the package in it -----------------------------------------------------------------


def ensure_venv() -> None:
    """Makes .venv, with what builds the library in it, unless that was done before."""
    if READY.exists() and PYTHON.exists():
        return
    say(f"making {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        # Debian's python3 comes without it unless python3-venv is installed.
        must(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV, env=dict(os.environ))
        install_pip()
    else:
        must(sys.executable, "-m", "venv", "--clear", VENV, env=dict(os.environ))
    must(PYTHON, "-m", "pip", "install", "--quiet", *BUILD_TOOLS)
    READY.touch()


def install_pip() -> None:
    """Fetches pip's wheel from the package index; a wheel of pip can install itself."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    with urllib.request.urlopen(index) as answer:
        page = answer.read().decode()
    links = re.findall(r'href="([^"]*/(pip-(\d+)\.([\d.]+)-py3-none-any\.whl))#sha256=(\w+)"', page)
    if not links:
        raise DevError(f"no pip found at {index}; install your system's python3-venv and try again")
    url, file_name, _, _, digest = max(
        links, key=lambda link: [int(part) for part in f"{link[2]}.{link[3]}".split(".")]
    )
    with urllib.request.urlopen(urllib.parse.urljoin(index, url)) as answer:
        wheel = answer.read()
    if hashlib.sha256(wheel).hexdigest() != digest:
        raise DevError(f"{file_name} from {index} does not have the checksum it should have")
    path = VENV / file_name
    path.write_bytes(wheel)
    must(PYTHON, path / "pip", "install", "--quiet", "--no-index", path)
    path.unlink()


def source_files() -> Iterator[Path]:
    for name in PACKAGE_SOURCES:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


def fingerprint() -> str:
    digest = hashlib.sha256()
    for file in source_files():
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def read_stamp() -> tuple[str, set[str]]:
    try:
        stamp = json.loads(STAMP.read_text())
        return stamp["fingerprint"], set(stamp["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", set()


def ensure_package(*extras: str) -> None:
    """Installs smipc into .venv if its sources or extras are new."""
    ensure_venv()
    installed, installed_extras = read_stamp()
    current = fingerprint()
    wanted = installed_extras | set(extras)
    if installed == current and wanted == installed_extras:
        return
    say(f"installing smipc into {VENV.relative_to(ROOT)}")
    STAMP.unlink(missing_ok=True)
    # Not editable: tests see what users get. build-dir makes the next build an incremental one.
    must(
        *(PYTHON, "-m", "pip", "install", "--quiet", "--no-build-isolation"),
        f"--config-settings=build-dir={BUILD / 'wheel'}",
        f".[{','.join(sorted(wanted))}]" if wanted else ".",
    )
    STAMP.write_text(json.dumps({"fingerprint": current, "extras": sorted(wanted)}))


# ---- The native build ----------------------------------------------------------------------------


def has_googletest() -> bool:
    compiler = compilers.found("CXX")
    if compiler is None:
        raise DevError("no C++ compiler: install g++ (Debian: apt install g++) or clang++")
    probe = subprocess.run(
        [compiler, "-E", "-x", "c++", "-", "-o", os.devnull],
        input=b"#include <gtest/gtest.h>\n",
        stderr=subprocess.DEVNULL,
    )
    return probe.returncode == 0


def ensure_googletest() -> bool:
    """Whether the C++ tests can be built, after doing what can be done about it."""
    if has_googletest():
        return True
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("installing GoogleTest")
        apt = environment(DEBIAN_FRONTEND="noninteractive")
        run("apt-get", "update", "-qq", env=apt)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "libgtest-dev", env=apt)
    return has_googletest()


NO_GOOGLETEST = "GoogleTest is not installed (Debian: apt install libgtest-dev)"


def build_native(folder: Path, **options: str) -> None:
    """Configures and builds native/ into a folder, as much of it as can be built."""
    options = {"CMAKE_BUILD_TYPE": "RelWithDebInfo", **options}
    if os.environ.get("CI") and "SMIPC_SANITIZE" not in options:
        options["SMIPC_WARNINGS_AS_ERRORS"] = "ON"
    say(f"building {folder.relative_to(ROOT)}")
    must(
        *("cmake", "-S", ROOT / "native", "-B", folder, "-G", "Ninja", "--log-level=WARNING"),
        *(f"-D{key}={value}" for key, value in options.items()),
    )
    must("cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1), "--", "-k", "0")


def run_ctest(folder: Path, arguments: list[str], prefix: tuple[str, ...] = (), **env: str) -> int:
    command = [*prefix, "ctest", "--test-dir", str(folder), "--output-on-failure"]
    return run(*command, "--no-tests=error", *arguments, env=environment(**env))


def without_address_randomization() -> tuple[str, ...]:
    """A prefix for programs under TSan: older runtimes cannot map memory that is spread wide."""
    command = ("setarch", "--addr-no-randomize")
    if shutil.which(command[0]) is None:
        return ()
    allowed = subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return command if allowed else ()


# ---- The jobs ------------------------------------------------------------------------------------


def job_test(arguments: list[str]) -> int:
    ensure_package("test", "cli", "numpy")
    googletest = ensure_googletest()
    if not googletest:
        warn_loudly(f"The C++ tests will NOT run: {NO_GOOGLETEST}")
    folder = BUILD / "native"
    results = {"native build": 0}
    try:
        tests = "ON" if googletest else "OFF"
        build_native(folder, SMIPC_BUILD_EXAMPLES="ON", SMIPC_BUILD_TESTS=tests)
    except DevError as error:
        warn_loudly(f"{error}; the Python tests run all the same")
        results["native build"] = 1
    say("Python tests")
    env = environment(SMIPC_PROGRAMS=str(folder / "programs"), SMIPC_NATIVE_BUILD=str(folder))
    # From tests/, so that neither pytest nor a process it starts imports smipc from the sources.
    results["Python tests"] = run(PYTHON, "-m", "pytest", *arguments, cwd=ROOT / "tests", env=env)
    if googletest and not arguments and results["native build"] == 0:
        say("C++ tests")
        results["C++ tests"] = run_ctest(folder, [])
    if not googletest:
        warn_loudly(f"The C++ tests were NOT run: {NO_GOOGLETEST}")
    return report(results)


def job_demo(arguments: list[str]) -> int:
    ensure_package("cli")
    # The installed script, and where the user is: a relative FOLDER means theirs.
    return run(BIN / "smipc", "demo", *arguments, cwd=Path.cwd())


def job_native_test(arguments: list[str]) -> int:
    ensure_venv()
    if not ensure_googletest():
        raise DevError(NO_GOOGLETEST)
    folder = BUILD / "native"
    build_native(folder, SMIPC_BUILD_EXAMPLES="ON", SMIPC_BUILD_TESTS="ON")
    say("C++ tests")
    return run_ctest(folder, arguments)


# ASan's own allocator does not take its locks around fork (gcc 12): a child that is forked while
# the listener's thread is inside malloc or free would wait for ever, whatever smipc does.
NOT_UNDER_ASAN = "Fork.with_a_listener_and_a_descriptor_on_the_child_still_works"


def job_sanitize(arguments: list[str]) -> int:
    ensure_venv()
    if not ensure_googletest():
        raise DevError(NO_GOOGLETEST)
    results = {}
    suppressions = ROOT / "native" / "cmake" / "tsan.supp"
    for name in arguments or ["address", "thread"]:
        folder = BUILD / f"sanitize-{name}"
        build_native(
            folder,
            SMIPC_SANITIZE=name,
            SMIPC_BUILD_TESTS="ON",
            CMAKE_BUILD_TYPE="Debug",
            CMAKE_CXX_FLAGS_DEBUG="-O1 -g",
        )
        say(f"C++ tests, {name} sanitizer")
        results[f"{name} sanitizer"] = run_ctest(
            folder,
            ["--exclude-regex", NOT_UNDER_ASAN] if name == "address" else [],
            without_address_randomization() if name == "thread" else (),
            ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1",
            UBSAN_OPTIONS="print_stacktrace=1",
            TSAN_OPTIONS=f"halt_on_error=1:second_deadlock_stack=1:suppressions={suppressions}",
        )
    return report(results)


def formatted_files() -> list[Path]:
    return sorted(
        path
        for folder in FORMATTED_FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in FORMATTED_SUFFIXES
    )


def job_lint(arguments: list[str]) -> int:
    fix = arguments == ["--fix"]
    if arguments and not fix:
        raise DevError(f"lint takes --fix or nothing, not {' '.join(arguments)}")
    ensure_package("lint")
    say("lint")
    results = {
        "ruff check": run("ruff", "check", "--quiet", *(["--fix"] if fix else []), "."),
        "ruff format": run(
            "ruff", "format", "--quiet", *([] if fix else ["--check", "--diff"]), "."
        ),
        "mypy": run("mypy", "--strict", "-p", "smipc"),
        "mypy of a program": run("mypy", "--strict", "tests/typed_program.py"),
        "clang-format": run(
            "clang-format",
            *(["-i"] if fix else ["--dry-run", "-Werror", "--ferror-limit=20"]),
            *formatted_files(),
        ),
        "generated files": run(PYTHON, "tools/generate_abi.py", *([] if fix else ["--check"])),
    }
    return report(results)


def job_generate(arguments: list[str]) -> int:
    ensure_package()
    return run(PYTHON, "tools/generate_abi.py", *arguments)


def job_bench(arguments: list[str]) -> int:
    ensure_package("bench")
    return run(PYTHON, "bench/run.py", *arguments)


def job_in(module: str) -> Callable[[list[str]], int]:
    def job(arguments: list[str]) -> int:
        sys.modules["dev"] = sys.modules[__name__]  # what the module builds on
        return int(importlib.import_module(module).main(arguments))

    return job


def report(exit_codes: dict[str, int]) -> int:
    say("result")
    for name, code in exit_codes.items():
        print(f"{'ok    ' if code == 0 else 'FAILED'}  {name}", flush=True)
    return 1 if any(exit_codes.values()) else 0


JOBS = {
    "test": (job_test, "Python and C++ tests; arguments go to pytest, which then runs alone"),
    "demo": (job_demo, "stream a folder's files from C++ to Python; arguments go to `smipc demo`"),
    "lint": (job_lint, "check style, types and generated files; --fix repairs what it can"),
    "sanitize": (job_sanitize, "C++ tests under sanitizers; 'address' or 'thread' picks one"),
    "native-test": (job_native_test, "the C++ tests alone"),
    "kills": (job_in("kills"), "kill a process at each instruction of a call; PATTERN picks calls"),
    "fuzz": (job_in("fuzz"), "fuzz a hostile peer of each object; [SECONDS [HARNESS]]"),
    "models": (job_in("models"), "check the models with spin; --short, NAME picks some"),
    "generate": (job_generate, "write smipc/_abi.py from smipc.h"),
    "windows": (job_in("windows.jobs"), "build for Windows, test under Wine; build for macOS"),
    "bench": (job_bench, "run the benchmarks; arguments go to them"),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="\n".join(f"  {name:<12} {help_text}" for name, (_, help_text) in JOBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    try:
        return JOBS[chosen.job][0](chosen.arguments)
    except DevError as error:
        print(f"\ndev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
