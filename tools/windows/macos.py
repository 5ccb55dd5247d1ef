"""The library for macOS, and the layout on 32 bits, both by zig: compiled, and not run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import dev

from windows.environment import HOME, Unavailable, fetch, package_index

NATIVE = dev.ROOT / "native"
ZIG = "ziglang==0.15.1"
TARGETS = ("aarch64-macos.11.0", "x86_64-macos.11.0")
# The layout of shared memory must be the same wherever it is compiled, so that a 32-bit program
# could at least refuse it knowingly.
LAYOUT_TARGETS = ("x86-linux-musl", "x86-windows-gnu", "arm-linux-musleabihf")
LAYOUT_HEADERS = (
    "core/layout.h",
    "core/circular_layout.h",
    "core/lock_page.h",
    "core/queue_layout.h",
)
SOURCE_FOLDERS = ("api", "core", "platform", "platform/posix", "platform/macos")
FLAGS = ("-std=c++20", "-O0", "-Wall", "-Wextra", "-fvisibility=hidden", "-DSMIPC_BUILDING")


def compiled() -> dict[str, int]:
    try:
        _install_zig()
    except Unavailable as problem:
        dev.warn_loudly(f"NOT compiled for macOS, nor for 32 bits: {problem}")
        return {}
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(TARGETS, pool.map(_library, TARGETS), strict=True))
        layouts = dict(zip(LAYOUT_TARGETS, pool.map(_layout, LAYOUT_TARGETS), strict=True))
    return {f"library for {target}": code for target, code in results.items()} | {
        f"layout for {target}": code for target, code in layouts.items()
    }


def _install_zig() -> None:
    dev.ensure_venv()
    if dev.run(dev.PYTHON, "-m", "pip", "show", "--quiet", "ziglang") != 0:
        fetch(f"{package_index()}/ziglang/")
    dev.must(dev.PYTHON, "-m", "pip", "install", "--quiet", ZIG)


def _zig(target: str, *words: object) -> int:
    return dev.run(
        *(dev.PYTHON, "-m", "ziglang", "c++", "-target", target, *FLAGS),
        *(f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", *(str(word) for word in words)),
        env=dev.environment(ZIG_GLOBAL_CACHE_DIR=str(HOME / "zig")),
    )


def _library(target: str) -> int:
    output = HOME / "macos" / target.split("-")[0] / "libsmipc.dylib"
    output.parent.mkdir(parents=True, exist_ok=True)
    folders = [NATIVE / "src" / name for name in SOURCE_FOLDERS]
    sources = [file for folder in folders for file in sorted(folder.glob("*.cpp"))]
    version = '-DSMIPC_VERSION_STRING="0"'
    return _zig(target, "-shared", "-o", output, version, *sources)


def _layout(target: str) -> int:
    """Compiles the headers, whose assertions say where every field lies."""
    source = HOME / "layout.cpp"
    source.write_text("".join(f'#include "{header}"\n' for header in LAYOUT_HEADERS))
    return _zig(target, "-c", source, "-o", HOME / f"layout-{target}.o")
