"""``python -m loihiseg.simulate``; see `loihiseg.commands.simulate`."""

import sys

from loihiseg.commands.common import run
from loihiseg.commands.simulate import main

if __name__ == "__main__":
    sys.exit(run(main))
