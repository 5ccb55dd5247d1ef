"""Compiles the C++ programs of `smipc demo` on the user's machine, once.

They are kept in the user's cache folder under a key made of everything that goes into them. The
environment variable SMIPC_PROGRAMS names a folder that has them already.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from smipc import __version__, cli_paths

_SUFFIX = ".exe" if sys.platform == "win32" else ""


class BuildError(OSError):
    """The compiler is missing, or has refused."""


def find_compiler() -> list[str] | None:
    """The C++ compiler as the start of a command line: CXX, or the first one on the PATH."""
    override = _words(os.environ.get("CXX", ""))
    if override and shutil.which(override[0]):
        return override
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    return [found] if found else None


def _words(command: str) -> list[str]:
    """The words of a command line. On Windows a backslash is part of a path, and no escape."""
    return shlex.split(command.replace("\\", "/") if sys.platform == "win32" else command)


def can_have_programs() -> bool:
    return "SMIPC_PROGRAMS" in os.environ or find_compiler() is not None


def program(name: str) -> str:
    """The path of a C++ program of the demo, compiled if need be."""
    prebuilt = os.environ.get("SMIPC_PROGRAMS")
    if prebuilt:
        for path in (Path(prebuilt, "cpp", name + _SUFFIX), Path(prebuilt, name + _SUFFIX)):
            if path.exists():
                return str(path)
        raise BuildError(f"SMIPC_PROGRAMS is {prebuilt}, and there is no {name} in it")
    compiler = find_compiler()
    if compiler is None:
        raise BuildError("no C++ compiler found: set CXX, or use --languages py-py")
    return str(_compiled(name, compiler))


def command(compiler: list[str], source: Path, output: Path) -> list[str]:
    """The command line that compiles one source file against this installation of smipc."""
    library = cli_paths.library()
    line = [*compiler, "-std=c++20", "-O2", f"-I{cli_paths.include_dir()}", str(source)]
    line += ["-o", str(output), str(library), "-pthread"]
    if sys.platform != "win32":
        line.append(f"-Wl,-rpath,{library.parent}")
    return line


def _compiled(name: str, compiler: list[str]) -> Path:
    sources = cli_paths.demo_sources_dir()
    output = _cache_dir() / f"{__version__}-{_key(sources, compiler)}" / (name + _SUFFIX)
    if output.exists():
        return output
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A home that cannot be written to: compile for this time only.
        output = Path(tempfile.mkdtemp(prefix="smipc-")) / output.name
    print(f"compiling {name}.cpp, which is done once", file=sys.stderr, flush=True)
    # Under another name first, so that nobody ever finds half a program.
    handle, unfinished = tempfile.mkstemp(prefix=name, dir=output.parent)
    os.close(handle)
    try:
        line = command(compiler, sources / f"{name}.cpp", Path(unfinished))
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            raise BuildError(f"{shlex.join(line)}\n{done.stderr.strip()}")
        os.replace(unfinished, output)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return output


def _key(sources: Path, compiler: list[str]) -> str:
    """Changes with the sources, the headers, the library, the compiler and the machine."""
    digest = hashlib.sha256()
    headers = cli_paths.include_dir()
    files = [headers / "smipc.h", headers / "smipc.hpp", *sorted((headers / "smipc").glob("*.h*"))]
    for file in [*sorted(sources.glob("demo_*.[ch]pp")), *files, cli_paths.library()]:
        content = file.read_bytes()
        digest.update(f"{file}\0{len(content)}\0".encode())
        digest.update(content)
    digest.update(repr((compiler, platform.machine(), sys.platform)).encode())
    return digest.hexdigest()[:16]


def _cache_dir() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "smipc" / "programs"
