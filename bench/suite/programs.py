"""Builds the native contestants and says how each entry is started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .catalogue import Entry

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
BUILD = ROOT / "build" / "bench"


class BuildError(Exception):
    """The native contestants could not be built; the message says where to look."""


class Programs:
    """The built programs. `installed`: measure the smipc that this Python has installed, C library
    and package, instead of the sources beside this folder."""

    def __init__(self, build: Path, installed: bool) -> None:
        self.installed = installed
        self.build_folder = build.resolve()
        self.folder = self.build_folder / ("native-installed" if installed else "native")
        self.left_out: dict[str, str] = {}
        self.environment = dict(os.environ)
        # Bytecode is cached, as it is on a user's machine, but not in the sources.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.environment["PYTHONPYCACHEPREFIX"] = str(self.build_folder / "pycache")

    def build(self) -> None:
        cmake = shutil.which("cmake")
        if cmake is None:
            raise BuildError("cmake is needed (pip install cmake, or apt install cmake)")
        configure = [cmake, "-S", str(BENCH / "native"), "-B", str(self.folder)]
        configure.append("-DCMAKE_BUILD_TYPE=Release")
        if shutil.which("ninja"):
            configure += ["-G", "Ninja"]
        if self.installed:
            configure.append(f"-Dsmipc_DIR={self.installed_cmake_folder()}")
        output = self.run_logged(configure)
        self.left_out = dict(re.findall(r"-- (\w+) is left out: (.*)", output))
        self.run_logged([cmake, "--build", str(self.folder), "--parallel", "2"])
        if not self.installed:
            library = next(self.folder.glob("smipc/libsmipc.so"), None)
            if library is None:
                raise BuildError(f"no libsmipc.so under {self.folder}/smipc")
            self.environment["SMIPC_LIBRARY"] = str(library)
            self.environment["PYTHONPATH"] = str(ROOT)

    def installed_cmake_folder(self) -> str:
        """Asked of the package, in a folder from which the sources cannot be imported."""
        code = "import smipc, pathlib; print(pathlib.Path(smipc.__file__).parent)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=BENCH / "native", capture_output=True, text=True
        )
        if done.returncode != 0:
            raise BuildError(f"{sys.executable} has no smipc installed (pip install .)")
        found = next(Path(done.stdout.strip()).rglob("smipcConfig.cmake"), None)
        if found is None:
            raise BuildError("the installed smipc has no CMake package")
        return str(found.parent)

    def run_logged(self, command: list[str]) -> str:
        log = self.build_folder / "build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(command, capture_output=True, text=True)
        log.write_text(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise BuildError(f"the native programs do not build; all of it in {log}\n{tail}")
        return done.stdout

    @property
    def probe(self) -> list[str]:
        return [str(self.folder / "bin" / "placement_probe")]

    def command(self, entry: Entry) -> list[str] | str:
        """The command line of an entry, or why there is none."""
        if entry.wrapper and not can_run((*entry.wrapper, "true")):
            return f"{entry.wrapper[0]} is not there, or not allowed"
        if entry.program in self.left_out:
            return self.left_out[entry.program]
        if entry.program.endswith(".py"):
            start = [sys.executable, str(BENCH / "python" / entry.program)]
        else:
            start = [str(self.folder / "bin" / entry.program)]
        return [*entry.wrapper, *start, *entry.arguments]


@cache
def can_run(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False
