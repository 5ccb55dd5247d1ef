"""The C header of a structure, and programs in C and C++ that share it with Python."""

from __future__ import annotations

import ctypes
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import shared_structs
from programs import ROOT, compiler_for
from shared_structs import Everything, Pair

from smipc import (
    BaseMmapStructure,
    CutOffEditWarning,
    DataStructMmapEditor,
    DataStructMmapManager,
    DataStructMmapReader,
    MmapStructureHeader,
    StructureLayoutError,
    demo_build,
)
from smipc.cli import main
from smipc.struct.c_header import header_of, macro_of
from smipc.struct.layout import code_of, layout_of

TOOL = ROOT / "tests" / "native_programs" / "structure_tool.cpp"
MODULE = Path(shared_structs.__file__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With shared_structs.h in it, as the command writes it."""
    folder = tmp_path_factory.mktemp("header")
    assert main(["structs", str(MODULE), "--header", "-o", str(folder / "shared_structs.h")]) == 0
    return folder


@pytest.fixture(scope="module")
def tool(folder: Path) -> str:
    output = folder / "structure_tool"
    command = demo_build.command(compiler_for(TOOL), TOOL, output)
    done = subprocess.run(
        [*command, f"-I{folder}", "-Wall", "-Wextra", "-Werror"], capture_output=True, text=True
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return str(output)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_offset_is_the_same_in_cpp(tool: str) -> None:
    expected = [
        f"{'short_' if name == 'short' else 'class_' if name == 'class' else name}"
        f" {field.offset} {field.kind.size}"
        for field in layout_of(Everything).fields
        for name in [field.name]
        if field.bits is None
    ]
    assert run(tool, "-", "offsets").splitlines() == [
        *expected,
        f"Everything 0 {ctypes.sizeof(Everything)}",
    ]


@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_the_header_is_c(folder: Path, standard: str) -> None:
    """And, from C11 on, checks itself."""
    source = folder / f"include_{standard}.c"
    source.write_text(
        '#include "shared_structs.h"\n#include "shared_structs.h"\n'
        "int main(void) { Everything all = {0}; all.low = 7; all.table[1][2] = 3;"
        " return (int)all.header.code + all.class_; }\n"
    )
    compiler = compiler_for(source)
    command = [*compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-c", str(source)]
    done = subprocess.run(
        [*command, "-o", str(source.with_suffix(".o"))], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_header_of_another_layout_does_not_compile(folder: Path) -> None:
    text = (folder / "shared_structs.h").read_text()
    source = folder / "wrong.c"
    source.write_text(text.replace("int32_t data_int;", "int64_t data_int;"))
    command = [*compiler_for(source), "-std=c11", "-c", str(source), "-o", str(folder / "wrong.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "offsetof(Everything, data_string)" in done.stderr


def test_bit_fields_are_where_cpp_has_them(folder: Path) -> None:
    source = folder / "bits.c"
    source.write_text(
        '#include "shared_structs.h"\n#include <stdio.h>\n#include <string.h>\n'
        "int main(void) { static Everything all; memset(&all, 0, sizeof all);"
        " all.low = 5; all.high = -3; fwrite(&all, sizeof all, 1, stdout); return 0; }\n"
    )
    output = folder / "bits"
    command = [*compiler_for(source), "-std=c99", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    raw = subprocess.run([str(output)], check=True, capture_output=True).stdout
    there = Everything.from_buffer_copy(raw)
    assert (there.low, there.high) == (5, -3)


def test_python_and_cpp_share_a_file_and_its_lock(tool: str, tmp_path: Path) -> None:
    manager = DataStructMmapManager(Pair, mmapDir=tmp_path, create=True)
    tools = [
        subprocess.Popen([tool, manager.path, "add", "3000"], stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    for _ in range(1000):
        with manager:
            manager.a += 1
            manager.b += 1
    for process in tools:
        assert process.wait() == 0
    assert run(tool, manager.path, "read") == "7000 7000 0\n"
    with manager:
        assert (manager.a, manager.b) == (7000, 7000)
        assert manager.getLastUpdate() > 0


def test_a_cut_off_edit_is_told_across_languages(tool: str, tmp_path: Path) -> None:
    manager = DataStructMmapManager(Pair, mmapDir=tmp_path, create=True)
    run(tool, manager.path, "die")
    reader = DataStructMmapReader(Pair, mmapDir=tmp_path)
    with pytest.warns(CutOffEditWarning), reader:
        assert (reader.a, reader.b) == (-1, 0)
    assert run(tool, manager.path, "read") == f"-1 0 {reader.cutOffPid}\n"
    run(tool, manager.path, "add", "1")
    with reader:
        assert reader.cutOffPid is None


def test_what_cpp_made_python_opens(tool: str, tmp_path: Path) -> None:
    path = str(tmp_path / "Pair.mmap")
    run(tool, path, "create")
    assert DataStructMmapEditor(Pair, mmapDir=tmp_path).a == 0
    done = subprocess.run([tool, path, "create"], capture_output=True, text=True)
    assert "SMIPC_E_EXISTS" in done.stderr
    Path(path).write_bytes(bytes(ctypes.sizeof(Pair)))
    done = subprocess.run([tool, path, "read"], capture_output=True, text=True)
    assert "SMIPC_E_INVALID" in done.stderr
    assert "code is 0x0000" in done.stderr


# ---- The command


def test_the_command_lists_structures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["structs", str(MODULE), "Pair"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == f"Pair: 32 bytes, code {code_of(Pair):#06x}"
    assert "      16 a (c_long" in out


def test_the_command_takes_a_module_of_the_current_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(MODULE.read_text())
    command = [sys.executable, "-m", "smipc", "structs", "mine", "--header"]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "#ifndef MINE_SMIPC_H" in out
    assert f"#define PAIR_CODE {code_of(Pair):#06x}" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no_such_module"], "'no_such_module' cannot be imported"),
        (["json"], "module 'json' has no BaseMmapStructure"),
        ([str(MODULE), "Nothing"], "has no Nothing; it has Everything, Pair, Longer"),
        ([str(MODULE), "-o", "/no/such/folder/x.h"], "/no/such/folder"),
    ],
)
def test_the_command_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(["structs", *words]) == 1
    # On Windows a path comes with backslashes, and its repr with two for each.
    assert says in capsys.readouterr().err.replace("\\\\", "/")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def (", "SyntaxError: invalid syntax (broken.py, line 1)"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
@pytest.mark.parametrize("module", ["broken", "broken.py"])
def test_the_command_tells_in_one_line_why_a_module_cannot_be_imported(
    tmp_path: Path, module: str, code: str, says: str
) -> None:
    (tmp_path / "broken.py").write_text(code)
    command = [sys.executable, "-m", "smipc", "structs", module]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    expected = f"smipc structs: module {module!r} cannot be imported: {says}\n"
    assert done.stderr == expected


def test_types_that_c_cannot_tell_apart() -> None:
    def point(field: type) -> type[ctypes.Structure]:
        return type("Point", (ctypes.Structure,), {"_fields_": (("x", field),)})

    fields = (
        ("header", MmapStructureHeader),
        ("a", point(ctypes.c_int)),
        ("b", point(ctypes.c_double)),
    )
    odd = type("Odd", (BaseMmapStructure,), {"_fields_": fields})
    with pytest.raises(StructureLayoutError, match="two types are called Point"):
        header_of("odd", [odd])


def test_names_of_macros() -> None:
    assert macro_of("DemoMmapStructure") == "DEMO_MMAP_STRUCTURE"
    assert macro_of("Pair2D") == "PAIR2_D"


def test_the_code_changes_with_the_layout() -> None:
    def variant(name: str, *fields: tuple[str, type]) -> int:
        all_fields = (("header", MmapStructureHeader), *fields)
        return code_of(type(name, (BaseMmapStructure,), {"_fields_": all_fields}))

    codes = [
        variant("A", ("x", ctypes.c_int32)),
        variant("B", ("x", ctypes.c_int32)),
        variant("A", ("y", ctypes.c_int32)),
        variant("A", ("x", ctypes.c_uint32)),
        variant("A", ("x", ctypes.c_int64)),
        variant("A", ("x", ctypes.c_int32 * 2)),
    ]
    assert len(set(codes)) == len(codes)
    assert variant("A", ("x", ctypes.c_int32)) == codes[0]
