"""Documents taken apart: blocks of code, commands, links."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!\w+:|#)(?P<path>[^)\s#]+)(?:#[^)\s]*)?\)")
PICTURE = re.compile(r"!\[[^\]]*\]\((?P<path>[^)\s]+)\)")
INLINE = re.compile(r"`(?P<text>(?:loihiseg|partition) [^`]+)`")
VERBS = r"(?:loihiseg \w+|partition)"
COMMAND = re.compile(rf"(?:^|&& |; )\$?\s*(?P<command>{VERBS}(?:\s[^#\n;&]*)?)", re.MULTILINE)


def pages():
    """What is written for people: the README, the documentation, what lies beside networks."""
    found = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    return sorted([*found, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"])


def named(path):
    """A page's path in the repository."""
    return path.relative_to(ROOT).as_posix()


def section(path, title):
    """Text below a heading of the second rank."""
    _, found, rest = path.read_text().partition(f"\n## {title}\n")
    assert found, f"{path.name} has no section {title!r}"
    return rest.partition("\n## ")[0]


def blocks(text, language):
    return [one["text"] for one in BLOCK.finditer(text) if one["language"] == language]


def commands(text):
    """Commands of ours in blocks without a language, and between backticks; as they are typed."""
    shell = "\n".join(blocks(text, "")).replace("\\\n", " ")
    found = [one["command"].strip() for one in COMMAND.finditer(shell)]
    found += [one["text"].strip() for one in INLINE.finditer(BLOCK.sub("", text))]
    return [" ".join(one.split()) for one in found]
