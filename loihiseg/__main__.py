"""``python -m loihiseg`` and the program ``loihiseg``; see `loihiseg.commands.program`."""

import sys

from loihiseg.commands.common import run
from loihiseg.commands.program import main


def entry() -> int:
    """Run the command that is typed; its exit code."""
    return run(main)


if __name__ == "__main__":
    sys.exit(entry())
