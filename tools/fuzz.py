"""`python3 tools/dev.py fuzz [SECONDS [HARNESS]]`: a hostile peer for each kind of object.

Builds native/fuzz/ with clang's libFuzzer, AddressSanitizer and UBSan, and runs each harness for
so many seconds, from the corpus in the repository. What a run finds interesting stays in
build/fuzz/ for the next one there; an input that breaks a promise is kept there, too, and the job
fails. Without such a clang, it says so and succeeds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dev

HARNESSES = ("channel", "circular_buffer", "message_queue", "structure", "attach")
DEFAULT_SECONDS = 20
PACKAGES = ("clang", "libclang-rt-14-dev")
OPTIONS = ("-timeout=10", "-rss_limit_mb=3000", "-max_len=600", "-print_final_stats=1")
EXECUTIONS = re.compile(r"^stat::number_of_executed_units: +(\d+)", re.MULTILINE)
COVERED = re.compile(r"\bcov: (\d+)")


def main(arguments: list[str]) -> int:
    seconds, harnesses = _read(arguments)
    compiler = _clang() if sys.platform == "linux" else None
    if compiler is None:
        dev.warn_loudly(
            "The fuzzers did NOT run: there is no clang++ with libFuzzer "
            f"(Debian: apt install {' '.join(PACKAGES)})"
        )
        return 0
    dev.ensure_venv()
    build = dev.BUILD / "fuzz" / "native"
    c_compiler = compiler.replace("clang++", "clang")
    options = {"CMAKE_CXX_COMPILER": compiler, "CMAKE_C_COMPILER": c_compiler}
    dev.build_native(build, SMIPC_BUILD_FUZZERS="ON", **options)
    dev.say(f"{seconds} s of each harness")
    print(f"{'harness':<18}{'executions':>12}{'seconds':>9}{'edges':>8}", flush=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        failed = list(pool.map(lambda name: _run(build, name, seconds), harnesses))
    return dev.report(dict(zip(harnesses, map(int, failed), strict=True)))


def _read(arguments: list[str]) -> tuple[int, list[str]]:
    usage = f"fuzz takes seconds and a harness: {', '.join(HARNESSES)}"
    try:
        seconds = int(arguments[0]) if arguments else DEFAULT_SECONDS
    except ValueError:
        raise dev.DevError(usage) from None
    harnesses = arguments[1:] or list(HARNESSES)
    if seconds < 1 or not set(harnesses) <= set(HARNESSES):
        raise dev.DevError(usage)
    return seconds, harnesses


def _clang() -> str | None:
    """A clang++ that links fuzzers, installed if that is possible here."""
    found = _working_clang()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        dev.say(f"installing {' '.join(PACKAGES)}")
        apt = dev.environment(DEBIAN_FRONTEND="noninteractive")
        dev.run("apt-get", "update", "-qq", env=apt)
        dev.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, env=apt)
        found = _working_clang()
    return found


def _working_clang() -> str | None:
    program = 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
    flags = ("-fsanitize=fuzzer,address,undefined", "-x", "c++", "-", "-o", os.devnull)
    for name in ("clang++", *(f"clang++-{version}" for version in range(22, 13, -1))):
        if shutil.which(name) is None:
            continue
        probe = subprocess.run([name, *flags], input=program.encode(), stderr=subprocess.DEVNULL)
        if probe.returncode == 0:
            return name
    return None


def _run(build: Path, name: str, seconds: int) -> bool:
    """Whether the harness has broken a promise."""
    found = dev.BUILD / "fuzz" / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    crash = dev.BUILD / "fuzz" / f"broken-{name}-"
    corpus = dev.ROOT / "native" / "fuzz" / "corpus" / name
    command = [str(build / f"smipc_fuzz_{name}"), str(found), str(corpus), *OPTIONS]
    command += [f"-max_total_time={seconds}", f"-artifact_prefix={crash}"]
    start = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        log = process.stderr.read()
    _remove_objects(process.pid)
    executions = EXECUTIONS.search(log)
    covered = COVERED.findall(log)
    took = time.monotonic() - start
    print(
        f"{name:<18}{executions[1] if executions else '?':>12}{took:>9.0f}"
        f"{covered[-1] if covered else '?':>8}",
        flush=True,
    )
    if process.returncode != 0:
        print(f"{log[-12_000:]}\n{name} failed with exit code {process.returncode}", flush=True)
    return process.returncode != 0


def _remove_objects(pid: int) -> None:
    """What a harness that was stopped by its finding has left."""
    for file in Path("/dev/shm").glob(f"*fuzz-{pid:010d}*"):
        file.unlink(missing_ok=True)
