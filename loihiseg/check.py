"""``python -m loihiseg.check``; see `loihiseg.commands.check`."""

import sys

from loihiseg.commands.check.command import main
from loihiseg.commands.common import run

if __name__ == "__main__":
    sys.exit(run(main))
