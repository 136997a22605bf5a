"""`python -I -S adopting.py COMMAND...` runs a command and adopts the processes that it leaves, until all have ended.

So the CPU time of descendants whose parent ended first is not lost from what the kernel counts for this process.
"""

import ctypes
import os
import sys

_PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Run `command` and return its exit status."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = os.posix_spawn(command[0], command, os.environ)
    status = 0
    while True:
        try:
            process, ended = os.wait()
        except ChildProcessError:
            return status
        if process == started:
            status = os.waitstatus_to_exitcode(ended)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
