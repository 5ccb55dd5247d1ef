"""`python3 tools/dev.py kills [PATTERN]`: kills a process at every instruction of every call.

The survivors of a kill wait most of the time, so many calls are tried at once: each in a process of
its own. Prints a table of what was tried, and fails if one promise was broken.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import dev

AT_ONCE = 12 * (os.cpu_count() or 1)
TESTS = "*AtEveryInstruction/*"
RESULT = re.compile(r"^    (\w+) +(\d+) instructions(.*), +(\d+) kills, told after (\d+) ms")


def main(arguments: list[str]) -> int:
    dev.ensure_venv()
    if not dev.ensure_googletest():
        raise dev.DevError(dev.NO_GOOGLETEST)
    folder = dev.BUILD / "native"
    dev.build_native(folder, SMIPC_BUILD_EXAMPLES="ON", SMIPC_BUILD_TESTS="ON")
    program = str(folder / "smipc_tests")
    tests = _tests(program, arguments[0] if arguments else "")
    if not tests:
        raise dev.DevError(f"no call's name has {arguments[0]!r} in it")
    dev.say(f"{len(tests)} calls, {AT_ONCE} at once")
    failed = []
    kills = 0

    def run(test: str) -> subprocess.CompletedProcess[str]:
        env = dict(os.environ, SMIPC_TEST_LONG="1")
        command = [program, f"--gtest_filter={test}", "--gtest_brief=1"]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    print(f"{'call':<36}{'instructions':>13}{'kills':>8}{'told, ms':>10}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for test, done in zip(tests, pool.map(run, tests), strict=True):
            row = next(filter(None, map(RESULT.match, done.stdout.splitlines())), None)
            if row is not None:
                kills += int(row[4])
                told = row[5] if row[5] != "0" else "-"
                print(f"{row[1]:<36}{row[2]:>13}{row[4]:>8}{told:>10}{row[3]}", flush=True)
            if done.returncode != 0:
                failed.append(test)
                print(done.stdout + done.stderr, flush=True)
    print(f"\n{kills} kills, {len(failed)} calls with a broken promise")
    return dev.report(dict.fromkeys(failed, 1) or {"kills": 0})


def _tests(program: str, pattern: str) -> list[str]:
    listing = subprocess.run(
        [program, f"--gtest_filter={TESTS}", "--gtest_list_tests"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tests = []
    suite = ""
    for line in listing.splitlines():
        words = line.split("#")[0].strip()
        if words.endswith("."):
            suite = words
        elif line.startswith("  ") and pattern in words:
            tests.append(suite + words)
    return tests
