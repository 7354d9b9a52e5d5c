"""``python -m loihiseg.deploy``; see `loihiseg.commands.deploy`."""

import sys

from loihiseg.commands.common import run
from loihiseg.commands.deploy.command import main

if __name__ == "__main__":
    sys.exit(run(main))
