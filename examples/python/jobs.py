"""Jobs with priorities, given out and done by any number of programs.

python jobs.py give [count] [name]     puts jobs into the queue, every tenth of them urgent
python jobs.py do [count] [name]       does so many; jobs.cpp gives and does them, too

Whoever comes first creates the queue. It is not removed at the end, so that jobs can wait for
somebody to do them; `python jobs.py remove 0 [name]` removes it. (On Windows it is there for as
long as any program has it open.)
"""

import sys

from smipc import Flags, NamedMessageQueue


def main() -> None:
    what, count, name = (sys.argv[1:] + ["do", "10", "example-jobs"][len(sys.argv) - 1 :])[:3]
    with NamedMessageQueue(
        name, 1000, 256, handle_existence=Flags.LINK_OR_CREATE, unlink_on_delete=False
    ) as jobs:
        if what == "remove":
            jobs.unlink()
        elif what == "give":
            for number in range(int(count)):
                jobs.send(f"job {number}", priority=5 if number % 10 == 0 else 0)
            print(f"gave {count}")
        else:
            urgent = 0
            for _ in range(int(count)):
                job, priority = jobs.receive()
                assert job.startswith(b"job ")
                urgent += priority > 0
            print(f"did {count}, {urgent} of them urgent")


main()
