"""``python -m loihiseg.train``; see `loihiseg.commands.train`."""

import sys

from loihiseg.commands.common import run
from loihiseg.commands.train.command import main

if __name__ == "__main__":
    sys.exit(run(main))
