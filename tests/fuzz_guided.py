"""Files that are made to reach code no other has: fuzzing guided by coverage, with atheris.

``python -m tests.fuzz_guided program -- -max_total_time=600`` runs until the time is up or a file
crashes the reader, keeps it longer than 10 s, takes 2 GB or raises what is no refusal; libFuzzer
then writes it into the working folder. Everything behind ``--`` is libFuzzer's. Digests are made
right, so that what lies behind them is reached. Needs ``pip install atheris``, which is no
requirement of the tests.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

# numba compiles the kernels itself.
_COMPILED = ["loihiseg.emulator.kernels", "loihiseg.emulator.blockwise"]

with atheris.instrument_imports(include=["loihiseg", "partition"], exclude=_COMPILED):
    from loihiseg.emulator.program import FORMAT as PROGRAM_FORMAT
    from loihiseg.emulator.storage import MAGIC
    from loihiseg.files import sha256
    from loihiseg.storage.seal import seal
    from loihiseg.training.checkpoint import FILE_NAME
    from loihiseg.training.state import FORMAT as STATE_FORMAT
    from loihiseg.training.state import WORD
    from partition.storage.strict_json import sealed
    from tests import formats

LIMITS = ("-timeout=10", "-rss_limit_mb=2048")


def _json(digest: str) -> Callable[[Path, bytes], None]:
    def put(path: Path, data: bytes) -> None:
        try:
            data = json.dumps(sealed(json.loads(data), digest)).encode()
        except (ValueError, TypeError, RecursionError):
            pass  # No JSON object: it is read as it is.
        path.write_bytes(data)

    return put


def _weights(path: Path, data: bytes) -> None:
    digest = sha256(data)
    for old in path.parent.glob("weights-*.npz"):
        old.unlink()
    path.with_name(f"weights-{digest[:12]}.npz").write_bytes(data)
    description = path.with_name(FILE_NAME)
    document = json.loads(description.read_text())
    document |= {"weights": f"weights-{digest[:12]}.npz", "sha256": digest}
    description.write_text(json.dumps(sealed(document, "digest")))


PUT: dict[str, Callable[[Path, bytes], None]] = {
    "program": lambda path, data: _write(path, seal(MAGIC, PROGRAM_FORMAT, data)),
    "state": lambda path, data: _write(path, seal(WORD, STATE_FORMAT, data)),
    "weights": _weights,
    "checkpoint": _json("digest"),
    "graph": _json("sha256"),
}
"""How bytes become a file whose digest is right; formats without one take them as they are."""


def _write(path, data):
    path.write_bytes(data)


def main(arguments: list[str]) -> None:
    """Run the command; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("format", choices=formats.FORMATS)
    parser.add_argument("more", nargs="*", help="options of libFuzzer, behind --")
    options = parser.parse_args(arguments)
    form, put = formats.FORMATS[options.format], PUT.get(options.format, _write)
    home = Path(tempfile.mkdtemp())
    (home / "example").mkdir()
    (home / "seeds").mkdir()
    path = form.example(home / "example")
    good = path.read_bytes()
    # What stands behind the line of a sealed file is what is varied.
    seed = good.partition(b"\n")[2] if options.format in ("program", "state") else good
    (home / "seeds" / "good").write_bytes(seed)
    form.read(path)

    def one(data: bytes) -> None:
        put(path, data)
        try:
            form.read(path)
        except form.refusals as error:
            assert str(error).isprintable(), repr(str(error))

    atheris.Setup([sys.argv[0], *LIMITS, *options.more, str(home / "seeds")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
