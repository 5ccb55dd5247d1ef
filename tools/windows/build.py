"""What is built for Windows, and the look at what came out: library, tests, programs, wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import dev

from windows.environment import GOOGLETEST_SOURCES, HOME, RUNNER, WindowsPython

NATIVE = dev.ROOT / "native"
TOOLCHAIN = NATIVE / "cmake" / "mingw-w64.cmake"
FOLDER = HOME / "native"
LIBRARY = FOLDER / "smipc.dll"
PROGRAMS = FOLDER / "programs"
WHEELS = HOME / "dist"
BUILD_TYPE = "Release"  # as in the wheel, which comes from the same folder

# What every Windows has.
SYSTEM_LIBRARIES = {"advapi32.dll", "kernel32.dll", "msvcrt.dll", "user32.dll"}


def windows_path(path: Path) -> str:
    """As Wine's drive Z: has it."""
    return "Z:" + str(path).replace("/", "\\")


def googletest() -> Path:
    """GoogleTest for Windows, from the sources that Debian's package has."""
    installed = HOME / "googletest"
    if not (installed / "lib" / "cmake").exists():
        dev.say("building GoogleTest for Windows")
        folder = HOME / "googletest-build"
        dev.must(
            *("cmake", "-S", GOOGLETEST_SOURCES, "-B", folder, "-G", "Ninja"),
            *(f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}", "--log-level=WARNING"),
            *("-DBUILD_GMOCK=OFF", "-DCMAKE_BUILD_TYPE=Release"),
            f"-DCMAKE_INSTALL_PREFIX={installed}",
        )
        dev.must("cmake", "--build", folder, "--target", "install")
    return installed


def options() -> dict[str, str]:
    return {
        "CMAKE_TOOLCHAIN_FILE": str(TOOLCHAIN),
        "GTest_DIR": str(googletest() / "lib" / "cmake" / "GTest"),
        "SMIPC_BUILD_EXAMPLES": "ON",
        "SMIPC_BUILD_TESTS": "ON",
        "SMIPC_WHEEL_LAYOUT": "ON",
        "SMIPC_WINDOWS_RUNNER": str(RUNNER),
    }


def build() -> None:
    """The library, the programs, the C++ tests, and the wheel."""
    dev.ensure_venv()
    wanted = options()
    dev.build_native(FOLDER, CMAKE_BUILD_TYPE=BUILD_TYPE, **wanted)
    make_wheel(wanted)
    check_library(LIBRARY)


def make_wheel(wanted: dict[str, str]) -> None:
    dev.say("making the wheel")
    shutil.rmtree(WHEELS, ignore_errors=True)
    settings = {"build-dir": str(FOLDER), "cmake.build-type": BUILD_TYPE}
    settings |= {f"cmake.define.{name}": value for name, value in wanted.items()}
    dev.must(
        *(dev.PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *(f"--config-settings={name}={value}" for name, value in settings.items()),
        *("--wheel-dir", WHEELS, "."),
        # What the tag of the wheel is made of.
        env=dev.environment(
            _PYTHON_HOST_PLATFORM="win-amd64", CMAKE_BUILD_PARALLEL_LEVEL=str(os.cpu_count() or 1)
        ),
    )


def the_wheel() -> Path:
    (wheel,) = WHEELS.glob("smipc-*.whl")
    if not wheel.name.endswith("-py3-none-win_amd64.whl"):
        raise dev.DevError(f"the wheel for Windows is called {wheel.name}")
    return wheel


def install_wheel(python: WindowsPython) -> None:
    """As pip would, but for its scripts."""
    shutil.rmtree(python.site / "smipc", ignore_errors=True)
    for left in python.site.glob("smipc-*.dist-info"):
        shutil.rmtree(left)
    with zipfile.ZipFile(the_wheel()) as archive:
        names = archive.namelist()
        archive.extractall(python.site)
    if "smipc/lib/smipc.dll" not in names or not any(n.endswith("/RECORD") for n in names):
        raise dev.DevError(f"{the_wheel().name} has no library: {', '.join(names)}")


def check_library(library: Path) -> None:
    """It stands alone, and shows what it should."""
    text = subprocess.run(
        ["x86_64-w64-mingw32-objdump", "-p", str(library)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    imported = {name.lower() for name in re.findall(r"DLL Name: (\S+)", text)}
    table = text.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
    exported = set(re.findall(r"^\s*\[ *\d+\]\s+(?:\+base\[ *\d+\]\s+\S+\s+)?(\S+)$", table, re.M))
    others = {name for name in exported if not name.startswith("smipc_")}
    if not exported or others or not imported <= SYSTEM_LIBRARIES:
        raise dev.DevError(
            f"{library.name} should export smipc_* alone, and exports"
            f" {', '.join(sorted(others)) or len(exported)}; it imports"
            f" {', '.join(sorted(imported))}"
        )
    print(f"{library.name}: imports {', '.join(sorted(imported))}; exports {len(exported)} smipc_*")
