"""The documentation as programs: its fenced blocks, and what each of them must print.

A ``python`` block is run, blocks of a page one after the other in one namespace; what it prints must be the ``text``
block that follows it at once, and nothing where none follows. A block with a file name after its language is written
to that file first. Commands of ``console`` blocks are run in between, with what they print below them; those of the
page about the command are run by the tests of the command. Blocks of other languages are not run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benches/**/*.md")) if path.is_file()
)

_FENCE = re.compile(
    r"^```(?P<language>[a-z]*)(?: (?P<name>[\w./-]+))?[^\n]*\n(?P<body>.*?)^```$", flags=re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins on, the output after it, the file that it is."""

    language: str
    body: str
    line: int
    output: str
    name: str | None = None

    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console, each with what stands below it."""
        return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", self.body, re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Find the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    for block, after in zip_longest(found, found[1:]):
        follows = after is not None and after["language"] == "text" and not text[block.end() : after.start()].strip()
        output = after["body"] if after is not None and follows else ""
        line = text.count("\n", 0, block.start("body")) + 1
        yield Block(block["language"], block["body"], line, output, block["name"])
