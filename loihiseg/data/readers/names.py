"""What the names of files say: their order, what is an image and what a label, and who is a pair.

People number sections in many ways. Where a name can be read in more than one, the ways are told
apart by the other names in the folder.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loihiseg.data.warn import warn
from loihiseg.errors import InputError

LABEL_WORDS = frozenset(
    "label labels labelled labeled mask masks membrane membranes seg segmentation segmentations "
    "truth groundtruth gt annotation annotations".split()
)
IMAGE_WORDS = frozenset("raw image images img imgs em volume grey gray".split())

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(r"[A-Za-z]+")
_CHANNEL = re.compile(r"(?<![a-z])(?:c|ch|chan|channel)[-_ ]?([0-9]+)(?![0-9])", re.IGNORECASE)
_MOST_LISTED = 6

Key = tuple[tuple[int, float, str], ...]


def is_label(path: Path) -> bool:
    """Whether a word in the name of a file says that it holds labels."""
    return any(word in LABEL_WORDS for word in _words(path))


def split_roles(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files of images and of labels that lie in one folder; no labels unless both are there."""
    labels = [path for path in paths if is_label(path)]
    images = [path for path in paths if not is_label(path)]
    return (images, labels) if images and labels else (list(paths), [])


def pair_name(path: Path) -> str:
    """What is left of a name without the words that say image or label."""

    def rest(match: re.Match[str]) -> str:
        return "" if match[0].lower() in LABEL_WORDS | IMAGE_WORDS else match[0]

    return re.sub(r"[-_. ]+", "_", _WORD.sub(rest, path.stem)).strip("_").lower()


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Files in the order of the numbers in their names, 2 before 10.

    A minus before a number is a sign where a folder has the same name with and without one (z-1,
    z0), or all have one behind a mark (z_-2, z_-1), else a hyphen. A point between digits is a
    decimal point where each name has no more than one between two numbers (1.05 before 1.5) and the
    digits behind it are as many in all or end in no zero, else it separates (1.2.10; 1.9, 1.10).
    """
    stems = [path.stem for path in paths]
    signed, decimal = _has_signs(stems), _has_decimals(stems)
    keys = {path: _key(path.stem, signed, decimal) for path in paths}
    return sorted(paths, key=lambda path: (keys[path], path.name))


def check_names(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse strangers and copies among sections, and warn of gaps.

    paths : in order.
    Raises InputError that names the file.
    """
    stems = [path.stem for path in paths]
    signed, decimal = _has_signs(stems), _has_decimals(stems)
    keys = [_key(stem, signed, decimal) for stem in stems]
    _refuse_strangers(paths, [_pattern(key) for key in keys])
    _refuse_channels(paths)
    for (one, key), (other, next_key) in zip(zip(paths, keys), zip(paths[1:], keys[1:])):
        if key == next_key and any(kind == 0 for kind, _, _ in key):
            raise InputError(
                f"{other}: has the same number as {one.name}, expected each section once; "
                "move the copy away"
            )
    _warn_of_signs(folder, stems, signed)
    _warn_of_gaps(folder, keys)


def _words(path: Path) -> list[str]:
    # Words also where they are joined as in rawImage.
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", path.stem)
    return [word.lower() for word in _WORD.findall(spaced)]


def _has_signs(stems: Sequence[str]) -> bool:
    """Whether a minus before a number is a sign, see `in_order`."""
    if stems and all(re.search(r"(?:^|[_ =])-[0-9]", stem) for stem in stems):
        return True  # no hyphen stands behind another mark, or before all
    with_minus = {_skeleton(stem) for stem in stems if _signs(stem)}
    without = {_skeleton(stem) for stem in stems if not _signs(stem)}
    return bool(with_minus & without)


def _signs(stem: str) -> int:
    return len(re.findall(r"(?<![0-9])-(?=[0-9])", stem))


def _warn_of_signs(folder: Path, stems: Sequence[str], signed: bool) -> None:
    """Warn where a hyphen before all numbers may as well be a minus: coordinates, as in z-12.

    Numbers that are filled up with zeros are counted, and so are those that begin at 0.
    """
    found = [re.fullmatch(r"(?:.*[^A-Za-z])?[xyz]-([1-9][0-9]*)", one, re.I) for one in stems]
    if signed or len(stems) < 2 or not all(found):
        return
    warn(
        f"{folder}: the hyphen in names such as {stems[0]} is taken as a separator, so that they "
        "are in the order of the numbers; were it a minus, the sections are the other way round"
    )


def _skeleton(stem: str) -> str:
    return re.sub(r"(?:(?<![0-9])-)?[0-9]+(?:\.[0-9]+)?", "#", stem).lower()


def _has_decimals(stems: Sequence[str]) -> bool:
    pointed = [re.findall(r"[0-9]+(?:\.[0-9]+)+", stem) for stem in stems]
    if not any(pointed) or any(run.count(".") > 1 for runs in pointed for run in runs):
        return False
    # Nobody writes 1.10 for 1.1 among 1.8 and 1.9: there the digits behind the point count.
    behind = [run.split(".")[1] for runs in pointed for run in runs]
    return len({len(digits) for digits in behind}) == 1 or not any(
        digits.endswith("0") for digits in behind
    )


def _key(stem: str, signed: bool, decimal: bool) -> Key:
    """Sorts numbers by value and before words."""
    number = r"[0-9]+(?:\.[0-9]+)?" if decimal else r"[0-9]+"
    if signed:
        number = rf"(?:(?<![0-9])-)?{number}"
    key: list[tuple[int, float, str]] = []
    place = 0
    for match in re.finditer(number, stem):
        if match.start() > place:
            key.append((1, 0.0, stem[place : match.start()].lower()))
        # Integers of any length are compared exactly.
        value = float(match[0]) if "." in match[0] else int(match[0])
        key.append((0, value, ""))
        place = match.end()
    if place < len(stem):
        key.append((1, 0.0, stem[place:].lower()))
    return tuple(key)


def _pattern(key: Key) -> str:
    return "".join("#" if kind == 0 else text for kind, _, text in key)


def _refuse_strangers(paths: Sequence[Path], patterns: Sequence[str]) -> None:
    usual, count = Counter(patterns).most_common(1)[0]
    if len(paths) < 3 or count == len(paths):
        return
    if 3 * count < 2 * len(paths):
        _refuse_twins(paths, patterns)
        return
    strangers = [path for path, pattern in zip(paths, patterns) if pattern != usual]
    more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
    raise InputError(
        f"{strangers[0]}{more}: not named like the other {count} sections ({usual[:40]}), expected "
        "one way of naming; rename it or move it away"
    )


def _refuse_twins(paths: Sequence[Path], patterns: Sequence[str]) -> None:
    """Refuse several pictures of each section, such as a prediction or a second detector."""
    numbers: dict[str, list[list[str]]] = {}
    for path, pattern in zip(paths, patterns):
        numbers.setdefault(pattern, []).append(re.findall(r"[0-9]+", path.stem))
    (one, ones), (other, others) = sorted(numbers.items(), key=lambda each: -len(each[1]))[:2]
    if not all(ones + others):
        return
    # Numbers that stay the same, as in ch0 and ch1, do not count sections.
    shared = _counted(ones) & _counted(others)
    if len(shared) >= 2 and 2 * len(shared) >= len(others):
        names = [
            next(p.name for p, q in zip(paths, patterns) if q == each) for each in (one, other)
        ]
        raise InputError(
            f"{paths[0].parent}: has two pictures of a section, as in {names[0]} and {names[1]}, "
            "expected one; move one kind into another folder"
        )


def _refuse_channels(paths: Sequence[Path]) -> None:
    """Refuse sections that are there in several channels, as in s1_ch0 and s1_ch1."""
    channels: dict[str, set[str]] = {}
    for path in paths:
        found = _CHANNEL.findall(path.stem)
        if len(found) != 1:
            return
        channels.setdefault(_CHANNEL.sub("", path.stem), set()).add(found[0])
    alike = len({frozenset(each) for each in channels.values()}) == 1
    several = next(iter(channels.values()))
    if len(channels) > 1 and alike and len(several) > 1:
        listed = ", ".join(sorted(several)[:_MOST_LISTED])
        raise InputError(
            f"{paths[0].parent}: has the channels {listed} of each section, as {paths[0].name} "
            "says, expected one; move the others into another folder"
        )


def _counted(numbers: Sequence[list[str]]) -> set[tuple[int, ...]]:
    """The numbers of names that vary."""
    if len({len(each) for each in numbers}) != 1:
        return set()
    varying = [column for column in zip(*numbers) if len({int(n) for n in column}) > 1]
    return {tuple(int(n) for n in row) for row in zip(*varying)}


def _warn_of_gaps(folder: Path, keys: Sequence[Key]) -> None:
    """Warn where the numbers that count the sections leave some out."""
    numbers = [tuple(value for kind, value, _ in key if kind == 0) for key in keys]
    if len(keys) < 3 or len({len(each) for each in numbers}) != 1:
        return
    varying = [column for column in zip(*numbers) if len(set(column)) > 1]
    if len(varying) != 1 or any(isinstance(value, float) for value in varying[0]):
        return
    counted = [int(value) for value in varying[0]]
    steps = Counter(after - before for before, after in itertools.pairwise(counted))
    step, count = steps.most_common(1)[0]
    if len(steps) == 1 or step <= 0 or 2 * count < len(counted) - 1:
        return
    missing: list[int] = []
    for before, after in itertools.pairwise(counted):
        missing.extend(range(before + step, min(after, before + step * (_MOST_LISTED + 2)), step))
    if missing:
        listed = ", ".join(map(str, missing[:_MOST_LISTED]))
        more = ", ..." if len(missing) > _MOST_LISTED else ""
        warn(
            f"{folder}: the numbers of the sections have gaps, {listed}{more} not there; the "
            "sections beside a gap count as neighbours"
        )
