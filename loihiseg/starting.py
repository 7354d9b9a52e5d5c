"""TensorFlow and nengo take seconds to be imported; who waits is told what for."""

import sys

from loihiseg.progress import Reporter


def start_frameworks(reporter: Reporter) -> None:
    """Import TensorFlow and nengo, saying so before and how long it took after; once a process."""
    if "loihiseg.frameworks" in sys.modules:
        return
    reporter.say("starting TensorFlow")
    with reporter.part("start") as note:
        import loihiseg.frameworks  # noqa: F401

        note.detail = "TensorFlow and nengo"
