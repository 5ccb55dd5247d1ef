"""smipc on Windows, from a Linux machine: built with mingw-w64, tested under Wine.

    python3 tools/dev.py windows                      set up, build, both suites, macOS
    python3 tools/dev.py windows setup|cpp|python|macos [ARGUMENTS FOR PYTEST]

environment.py sets up compiler, Wine and a Windows CPython; build.py builds; jobs.py runs.
Everything but Debian's packages lies in build/windows/: deleting that undoes it.
"""
