"""A structure in a file that several programs share, one editor or many readers at a time.

python structure.py create [folder]           makes the file Robot.mmap
python structure.py move [folder] [times]     edits it; in as many terminals as you like, and
                                              structure.c and structure.cpp move along
python structure.py show [folder]             reads it
"""

import sys

from smipc import DataStructMmapEditor, DataStructMmapManager, DataStructMmapReader

what = sys.argv[1] if len(sys.argv) > 1 else "show"
folder = sys.argv[2] if len(sys.argv) > 2 else "."
times = int(sys.argv[3]) if len(sys.argv) > 3 else 1000

DataStructMmapEditor.setUserStructs(["robot_structs"])

if what == "create":
    with DataStructMmapManager("Robot", mmapDir=folder, create=True, force=True) as manager:
        manager.name = b"Robbie"
elif what == "move":
    editor = DataStructMmapEditor("Robot", mmapDir=folder)
    for _ in range(times):
        with editor:  # no other editor or reader is inside
            editor.moves += 1
            editor.position.x = editor.moves * 0.5
            editor.writeData("position.y", -editor.moves)
with DataStructMmapReader("Robot", mmapDir=folder) as reader:
    place = reader.readData("position")
    print(f"{reader.name.decode()} made {reader.moves} moves, to {place.x:.1f}, {place.y:.1f}")
