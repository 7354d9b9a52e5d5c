"""Damaged files by the thousand, read in child processes that may die.

``python -m tests.fuzz --minutes 10`` goes through all formats until the time is up; every file that
crashes a reader, keeps it longer than 10 s, takes 1 GB, ends in anything but a refusal in one line,
or is read as something else than was written is kept in a folder. Exit code 1 then.
"""

import argparse
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.formats import FORMATS, Format

LIMIT_S = 10.0
LIMIT_BYTES = 2**30
"""Of one file, above what the process has before."""

FAILURES = frozenset({"crash", "hang", "memory", "traceback", "several lines", "other values"})
KINDS = ("refused", "refused by checksum", "same values", "legal values", *sorted(FAILURES))

_PER_CHILD = 500


@dataclass(frozen=True)
class Judgement:
    """What became of one damaged file: one of `KINDS`, and what was said."""

    kind: str
    text: str = ""


def judged(form: Format, number: int, seed: int) -> Judgement:
    """Make a format's example, damage it, and read it, all in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = form.example(Path(folder))
        expected = form.read(path)
        rightly = form.damage(path, number, seed)
        try:
            found = form.read(path)
        except form.refusals as error:
            return _refusal(str(error))
        except MemoryError:
            return Judgement("memory")
        except Exception:  # what must not happen is what is looked for
            return Judgement("traceback", traceback.format_exc())
    if found == expected:
        return Judgement("same values")
    return Judgement("legal values" if rightly or not form.has_digest else "other values")


def _refusal(text: str) -> Judgement:
    if not text.isprintable() or len(text) > 1500:
        return Judgement("several lines", text)
    by_checksum = "SHA-256 differs" in text or "content differs from its" in text
    return Judgement("refused by checksum" if by_checksum else "refused", text)


def fuzzed(form: Format, numbers: Iterable[int], seed: int, keep: Path) -> Counter[str]:
    """Judge many damaged files in child processes; those that fail are kept in a folder."""
    counts: Counter[str] = Counter()
    waiting = list(numbers)
    while waiting:
        batch, done = waiting[:_PER_CHILD], 0
        for judgement in _in_a_child(form, batch, seed):
            counts[judgement.kind] += 1
            if judgement.kind in FAILURES:
                _keep(form, batch[done], seed, keep, judgement)
            done += 1
        waiting = waiting[done:]
    return counts


def _in_a_child(form: Format, batch: list[int], seed: int) -> Iterator[Judgement]:
    """Judgements of a batch in order; the last is of the file that ended the child, if one did."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _judge_all(form, batch, seed, writing)
    os.close(writing)
    left, rest = len(batch), b""
    try:
        while left:
            if not select.select([reading], [], [], LIMIT_S)[0]:
                yield Judgement("hang", f"longer than {LIMIT_S} s")
                return
            data = os.read(reading, 2**16)
            if not data:
                yield Judgement("crash", _how_it_ended(child))
                child = 0
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                kind, _, text = line.decode().partition("\t")
                yield Judgement(kind, text)
                left -= 1
    finally:
        os.close(reading)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _how_it_ended(child: int) -> str:
    status = os.waitpid(child, 0)[1]
    return f"status {os.waitstatus_to_exitcode(status)}"


def _judge_all(form: Format, batch: list[int], seed: int, writing: int) -> None:
    """The child's part; does not come back."""
    try:
        # What is loaded and compiled once counts for no file.
        judged(form, batch[0], seed)
        _limit_memory()
        for number in batch:
            found = judged(form, number, seed)
            text = found.text.encode("unicode_escape", "backslashreplace").decode()
            os.write(writing, f"{found.kind}\t{text[-3000:]}\n".encode())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _keep(form: Format, number: int, seed: int, keep: Path, judgement: Judgement) -> None:
    """Make a file that failed once more, and put it into a folder with what happened."""
    folder = keep / f"{form.name}-{seed}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    form.damage(form.example(folder), number, seed)
    (folder / "what-happened.txt").write_text(f"{judgement.kind}\n{judgement.text}\n")


def table(counts: dict[str, Counter[str]]) -> str:
    """Counts by format, one line each."""
    kinds = [kind for kind in KINDS if any(count[kind] for count in counts.values())]
    width = max(map(len, counts))
    lines = [f"{'':{width}}  files  " + "  ".join(kinds)]
    for name, count in counts.items():
        cells = "  ".join(f"{count[kind]:{len(kind)}}" for kind in kinds)
        lines.append(f"{name:{width}}  {sum(count.values()):5}  {cells}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Read damaged files until the time is up.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, help="so many of each format, however long it takes")
    parser.add_argument("--format", choices=FORMATS, action="append", help="by default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for files")
    options = parser.parse_args(arguments)
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.format or FORMATS}
    until, first = time.monotonic() + 60 * options.minutes, 0
    while first < options.files if options.files else time.monotonic() < until:
        many = min(100, options.files - first) if options.files else 100
        for name, count in counts.items():
            numbers = range(first, first + many)
            count.update(fuzzed(FORMATS[name], numbers, options.seed, options.keep))
        first += many
    print(table(counts))
    failed = sum(count[kind] for count in counts.values() for kind in FAILURES)
    if failed:
        print(f"{failed} failures, kept in {options.keep}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
