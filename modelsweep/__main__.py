"""`python -m modelsweep`: the command line, for where its script is not on the PATH."""

from __future__ import annotations

import sys

from modelsweep.shadowing import leave_working_directory


def main() -> int:
    """Run the command line, with nothing imported from the working directory."""
    leave_working_directory()
    from modelsweep.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
