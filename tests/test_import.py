"""Importing the package: what it costs, what it exports, and how it says that it does not work."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import _cffi_backend
import pytest

import smipc

HEAVY = (
    "asyncio",
    "ctypes",
    "dataclasses",
    "functools",
    "logging",
    "multiprocessing",
    "numpy",
    "pickle",
    "re",
    "threading",
    "typing",
)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; before = set(sys.modules); import smipc;"
        "channel = smipc.open_channel('x', smipc.CHAN_W);"
        f"print(*[name for name in {HEAVY} if name in set(sys.modules) - before])"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_star_import_brings_all_that_an_example_needs() -> None:
    wanted = (
        "init_library clean_library open_channel CHAN_R CHAN_W LOG_DISABLE LOG_BASIC LOG_ALL"
        " create_string_buffer wait unlink clean_stale SmipcError OppositeEndClosedError"
        " SharedCircularBuffer CBuffException WriteOperationsForbidden ReadOperationsForbidden"
        " BufferAlreadyCreated Flags NamedSemaphore NamedSharedMemory NamedMessageQueue"
        " BaseMmapStructure MmapStructureHeader DataStructMmapManager DataStructMmapEditor"
        " DataStructMmapReader"
    )
    done = run(
        "from smipc import *;"
        f"print(*[name for name in {wanted.split()!r} if name not in globals()]);"
        "import sys; print('asyncio' in sys.modules, 'numpy' in sys.modules)"
    )
    assert done.stdout.split("\n")[:2] == ["", "False False"], done.stderr


@pytest.mark.parametrize(
    "kind",
    [
        smipc.Channel,
        smipc.aio.Channel,
        smipc.NamedSemaphore,
        smipc.NamedSharedMemory,
        smipc.NamedMessageQueue,
        smipc.aio.MessageQueue,
        smipc.SharedCircularBuffer,
        smipc.DataStructMmapManager,
        smipc.DataStructMmapEditor,
        smipc.DataStructMmapReader,
    ],
)
def test_help_says_something_of_every_name(kind: type[object]) -> None:
    names = [name for name in dir(kind) if not name.startswith("_")]
    assert names
    assert [name for name in names if not inspect.getdoc(getattr(kind, name))] == []


def test_lazy_names() -> None:
    import ctypes

    assert smipc.create_string_buffer is ctypes.create_string_buffer
    assert smipc.aio.open_channel
    assert smipc.Status and smipc.Listener
    assert set(smipc.__all__) <= set(dir(smipc))
    assert {"aio", "Status", "Listener"} <= set(dir(smipc))
    with pytest.raises(AttributeError, match="no_such_name"):
        smipc.no_such_name  # noqa: B018
    for name in smipc.__all__:
        assert getattr(smipc, name) is not None


def test_the_version_is_the_librarys() -> None:
    assert smipc.__version__.count(".") == 2


def test_every_public_thing_is_documented() -> None:
    for name in smipc.__all__:
        thing = getattr(smipc, name)
        if callable(thing) and thing is not smipc.create_string_buffer:
            assert thing.__doc__, name
    for kind in (smipc.Channel, smipc.Listener, smipc.aio.Channel):
        for name, member in vars(kind).items():
            if not name.startswith("_") and callable(member):
                assert member.__doc__, f"{kind}.{name}"


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("/no/such/libsmipc.so", ["cannot load", "libsmipc.so", "SMIPC_LIBRARY"]),
        (__file__, ["cannot load", Path(__file__).name]),
        ("a_name_without_a_folder.so", ["cannot load", os.getcwd()]),
        (_cffi_backend.__file__, ["no smipc library", "_cffi_backend"]),
    ],
)
def test_a_library_that_does_not_fit_is_refused_in_one_sentence(
    library: str, words: list[str]
) -> None:
    done = run("import smipc", SMIPC_LIBRARY=library)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ImportError")]
    for word in words:
        assert word in line


def test_in_a_clone_the_error_says_to_start_python_elsewhere(tmp_path: Path) -> None:
    not_source = shutil.ignore_patterns("lib", "include", "_demo", "__pycache__")
    shutil.copytree(Path(smipc.__file__).parent, tmp_path / "smipc", ignore=not_source)
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / "CMakeLists.txt").touch()
    environment = {name: value for name, value in os.environ.items() if name != "SMIPC_LIBRARY"}
    command = [sys.executable, "-c", "import smipc"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "start Python in a folder other than the clone" in done.stderr
    assert "reinstall" not in done.stderr


def test_an_older_abi_is_refused() -> None:
    code = """
from smipc import _abi
_abi.SMIPC_ABI_VERSION += 1
from smipc import _native
try:
    _native.load(_native.library_path())
except ImportError as error:
    print(error)
"""
    done = run("import smipc._native\n" + code)
    assert "ABI version" in done.stdout, done.stderr


def test_the_generated_definitions_are_in_step(pytestconfig: pytest.Config) -> None:
    tool = pytestconfig.rootpath / "tools" / "generate_abi.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
