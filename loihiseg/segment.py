"""``python -m loihiseg.segment``; see `loihiseg.commands.segment`."""

import sys

from loihiseg.commands.common import run
from loihiseg.commands.segment.command import main

if __name__ == "__main__":
    sys.exit(run(main))
