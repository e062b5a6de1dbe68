"""The page on the command line: its tables are written, its commands run, and their output is what stands there."""

import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from crossmargin.cli import main
from crossmargin.cli.check import REFUSED

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"(?<= in )[\d.]+ (?:ns|us|ms|s)$", re.MULTILINE)


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run one line of a console; both streams come as they would in a terminal."""
    words = shlex.split(line)
    if words[0] == "cat":
        return Path(words[1]).read_text(encoding="utf-8")
    stdin = b""
    if "<" in words:
        at = words.index("<")
        stdin = Path(words[at + 1]).read_bytes()
        words = words[:at]
    assert words[0] == "crossmargin"
    shown = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        for stream in ("stdout", "stderr"):
            patch.setattr(sys, stream, io.TextIOWrapper(shown, encoding="utf-8", write_through=True))
        code = main(words[1:])
        text = shown.getvalue().decode()
        sys.stdout.detach()
        sys.stderr.detach()
    done = (0, REFUSED) if words[1] == "check" else (0,)
    assert code in ((1, 2) if "error:" in text else done)
    return text


def test_page_commands_when_run_print_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    n_commands = 0
    for kind, name, body in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if name:
            Path(name).write_text(body, encoding="utf-8")
        if kind != "console":
            continue
        for line, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            n_commands += 1
            assert TIME.sub("TIME", run(line, monkeypatch)) == TIME.sub("TIME", expected), line
    assert n_commands >= 10
