"""``python -m partition``."""

import sys

from partition.cli import run

sys.exit(run())
