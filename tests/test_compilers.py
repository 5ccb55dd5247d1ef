"""Which compiler tools/dev.py builds with, on machines that do not have the one Python has had."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "tools" / "compilers.py"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not SOURCE.exists(), reason="for a checkout, on POSIX"
)


@pytest.fixture
def compilers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    names = {"CC": "a-gcc -pthread", "CXX": "a-g++ -pthread"}
    monkeypatch.setattr(sysconfig, "get_config_var", names.get)
    spec = importlib.util.spec_from_file_location("compilers", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def machine_with(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).touch(mode=0o755)
    return str(folder)


def test_clang_alone_takes_the_place_of_pythons_own(compilers: ModuleType, tmp_path: Path) -> None:
    path = machine_with(tmp_path, "clang", "clang++")
    expected = {"CC": str(tmp_path / "clang"), "CXX": str(tmp_path / "clang++")}
    assert compilers.in_place_of_pythons_own(path) == expected


def test_pythons_own_is_left_alone_where_it_is_there(compilers: ModuleType, tmp_path: Path) -> None:
    path = machine_with(tmp_path, "a-gcc", "a-g++", "clang", "clang++")
    assert compilers.in_place_of_pythons_own(path) == {}


def test_what_the_user_names_is_left_alone(
    compilers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine_with(tmp_path, "clang", "clang++", "mine")
    monkeypatch.setenv("CXX", "mine")
    assert compilers.in_place_of_pythons_own(path) == {"CC": str(tmp_path / "clang")}
    assert compilers.found("CXX", path) == str(tmp_path / "mine")


def test_without_any_compiler_nothing_is_named(compilers: ModuleType, tmp_path: Path) -> None:
    assert compilers.in_place_of_pythons_own(machine_with(tmp_path)) == {}
    assert compilers.found("CXX", machine_with(tmp_path)) is None
