"""The C header of a structure, and programs in C and C++ that share it with Python."""

from __future__ import annotations

import ctypes
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

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


# ---- Shapes of structures


def shape(name: str, *fields: tuple[Any, ...], **more: Any) -> type[BaseMmapStructure]:
    return type(
        name, (BaseMmapStructure,), {"_fields_": (("header", MmapStructureHeader), *fields), **more}
    )


def derived(base: type[BaseMmapStructure], *fields: tuple[Any, ...]) -> type[BaseMmapStructure]:
    return type("Derived" + base.__name__, (base,), {"_fields_": fields})


def compiled(folder: Path, structures: list[type[BaseMmapStructure]], name: str, body: str) -> str:
    """A program that includes their header."""
    source = folder / name
    (folder / "shapes.h").write_text(header_of("shapes", structures), encoding="utf-8")
    # Before the header, as users may: what defines macros.
    source.write_text(
        "#include <assert.h>\n#include <errno.h>\n#include <math.h>\n#include <stdio.h>\n"
        "#include <string.h>\n"
        f'#include "shapes.h"\nint main(void) {{ {body} return 0; }}\n'
    )
    language = "gnu++20" if source.suffix == ".cpp" else "gnu11"  # with the macro `linux`
    output = source.with_suffix("." + source.suffix[1:] + ".out")
    command = [*compiler_for(source), f"-std={language}", str(source), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return str(output)


def check_every_bit(folder: Path, structures: list[type[BaseMmapStructure]]) -> None:
    """Sets each field by itself to all ones, in C, C++ and Python: the bytes must be the same."""
    body, expected = [], []
    for structure in structures:
        for field in layout_of(structure).fields[1:]:
            ones = "-1" if field.kind.what == "int" else f"(uint{8 * field.kind.size}_t)-1"
            body.append(
                f"{{ {structure.__name__} it; memset(&it, 0, sizeof it); it.{field.name} = {ones};"
                " fwrite(&it, sizeof it, 1, stdout); }\n"
            )
            it = structure()
            setattr(it, field.name, -1)
            expected.append(bytes(it))
    for name in ("shapes.c", "shapes.cpp"):
        program = compiled(folder, structures, name, "".join(body))
        raw = subprocess.run([program], check=True, capture_output=True).stdout
        assert raw == b"".join(expected)


I8, U8, U16 = ctypes.c_int8, ctypes.c_uint8, ctypes.c_uint16
I32, U32, I64 = ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64


def test_bit_fields_of_several_widths(tmp_path: Path) -> None:
    structures = [
        shape("A", ("mode", I32, 5), ("kind", U8, 3), ("count", U8)),
        shape("B", ("a", U8, 3), ("b", U8, 6), ("c", I32, 5), ("d", I64, 40), ("e", U16)),
        shape("C", ("a", U8), ("b", U8, 3), ("c", I32, 5)),
        shape("D", ("a", U32, 3), ("b", U32, 30), ("c", U8), ("d", U16, 9)),
        shape("E", ("a", I8, 3), ("b", I8, 3), ("c", U16), _pack_=1, _layout_="ms"),
    ]
    check_every_bit(tmp_path, structures)


def test_inherited_structures(tmp_path: Path) -> None:
    base = shape("Base", ("q", I8))
    last = shape("Last", ("q", U32, 3))
    check_every_bit(
        tmp_path, [base, derived(base, ("r", I8), ("s", I64)), last, derived(last, ("r", U8, 2))]
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_headers_of_any_shape_are_right_or_refused(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kinds = (I8, U8, ctypes.c_int16, U16, I32, U32, I64, ctypes.c_uint64)

    def any_field(number: int) -> tuple[Any, ...]:
        kind = chance.choice(kinds)
        bits = (chance.randint(1, 8 * ctypes.sizeof(kind)),) if chance.random() < 0.7 else ()
        return (f"f{number}", kind, *bits)

    right = []
    for number in range(120):
        fields = [any_field(at) for at in range(chance.randint(1, 6))]
        cut = chance.choice([1, 2, 9, 9, 9])
        pack = chance.choice([0, 0, 0, 1, 2, 4])
        options = {"_pack_": pack, "_layout_": "ms"} if pack else {}
        structure = shape(f"S{number}", *fields[:cut], **options)
        if fields[cut:]:
            structure = derived(structure, *fields[cut:])
        try:
            header_of("shapes", [structure])
            right.append(structure)
        except StructureLayoutError as error:
            assert re.match(rf"(Derived)?S{number}\.f\d: ", str(error))
    assert len(right) > 60
    check_every_bit(tmp_path, right)


def test_names_of_macros_and_types_are_changed(tmp_path: Path) -> None:
    names = ["linux", "unix", "i386", "NULL", "EOF", "errno", "stdin", "assert", "offsetof", "NAN"]
    names += ["int", "char8_t", "uint8_t", "_Bool", "typeof"]
    point = type("Point", (ctypes.Structure,), {"_fields_": (("x", I32),)})
    fields = [(name, U8) for name in names]
    structure = shape("Names", *fields, ("Point", point), ("other", point), ("Names", I32))
    expected = "".join(f"(void)it.{name}_;" for name in [*names, "Point"])
    body = f"Names it; memset(&it, 0, sizeof it); it.other.x = it.Names; {expected}"
    for source in ("names.c", "names.cpp"):
        compiled(tmp_path, [structure], source, body)


EMPTY = type("Empty", (ctypes.Structure,), {"_fields_": ()})
NARROW = type("Narrow", (ctypes.Structure,), {"_fields_": (("a", U8, 3), ("b", I32, 5))})


@pytest.mark.parametrize(
    ("structure", "says"),
    [
        (shape("S", ("e", EMPTY), ("x", I32)), "S.e: it has no size"),
        (shape("S", ("e", EMPTY * 3)), "S.e: it has no size"),
        (shape("S", ("e", I8 * 0), ("x", I32)), "S.e: it has no size"),
        (shape("S", ("int", I32), ("int_", I32)), "S.int_: it would be called int_ in C"),
        (shape("S", ("int_", I32), ("int", I32)), "S.int: it would be called int_ in C"),
        (shape("S", ("two words", I32)), "S.two words: this is no name of a field in C"),
        (shape("S", ("x", I32), _pack_=3, _layout_="ms"), "S: C cannot pack by 3"),
    ],
)
def test_what_c_cannot_say_is_refused(structure: type[BaseMmapStructure], says: str) -> None:
    layout_of(structure)  # Python can
    with pytest.raises(StructureLayoutError, match=re.escape(says)):
        header_of("refused", [structure])


@pytest.mark.skipif(
    sys.platform == "win32" or sys.version_info >= (3, 14), reason="ctypes has the layout of C"
)
@pytest.mark.parametrize(
    ("structure", "says"),
    [
        (shape("S", ("n", NARROW)), "Narrow.b: C would align the structure by 4 for it"),
        (shape("S", ("a", I32, 5), ("b", U8, 3), ("c", I32, 5)), "S.c: C would put it elsewhere"),
    ],
)
def test_bit_fields_that_c_has_elsewhere_are_refused(
    structure: type[BaseMmapStructure], says: str
) -> None:
    test_what_c_cannot_say_is_refused(structure, says)


# ---- A file and its lock


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


def test_two_structures_with_the_same_macros() -> None:
    with pytest.raises(StructureLayoutError, match=r"PairX and Pair_x .* PAIR_X_CODE"):
        header_of("pairs", [shape("PairX"), shape("Pair_x")])


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
