"""The documentation as programs: its fenced blocks, and what each of them must print.

A ``python`` block is run, blocks of a page one after the other in one namespace; what it prints must be the ``text``
block that follows it at once, and nothing where none follows. The ``console`` blocks of the page about the command are
run by the tests of the command. Blocks of other languages are not run.
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

_FENCE = re.compile(r"^```(?P<language>[a-z]*)(?: [^\n]*)?\n(?P<body>.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line that its text begins on, and the output stated after it."""

    language: str
    body: str
    line: int
    output: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Find the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    for block, after in zip_longest(found, found[1:]):
        follows = after is not None and after["language"] == "text" and not text[block.end() : after.start()].strip()
        output = after["body"] if after is not None and follows else ""
        yield Block(block["language"], block["body"], text.count("\n", 0, block.start("body")) + 1, output)
