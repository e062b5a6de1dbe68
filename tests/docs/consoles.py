"""Commands as pages show them: each is run, and what it prints to either stream is what stands below it."""

import contextlib
import io
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

from crossmargin.cli import main
from crossmargin.cli.check import REFUSED

KNOWN = ("crossmargin", "cargo", "cat", "head")
"""What the consoles of pages may call."""


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run one line of a console; both streams come as they would in a terminal."""
    words = shlex.split(line)
    assert words[0] in KNOWN, line
    if words[0] == "cargo":
        return cargo(words[1:])
    if words[0] == "cat":
        return Path(words[1]).read_text(encoding="utf-8")
    if words[0] == "head":
        lines = Path(words[3]).read_text(encoding="utf-8").splitlines(keepends=True)
        return "".join(lines[: int(words[2])])
    shown = io.BytesIO()
    with monkeypatch.context() as patch, contextlib.ExitStack() as kept:
        for stream in ("stdout", "stderr"):
            patch.setattr(sys, stream, io.TextIOWrapper(shown, encoding="utf-8", write_through=True))
            kept.callback(getattr(sys, stream).detach)
        done = main(words[1:])
        assert done == 0 or (words[1], done) == ("check", REFUSED), shown.getvalue().decode()
    return shown.getvalue().decode()


def cargo(words: list[str]) -> str:
    """Run cargo where the sources are; what it says about building is not shown."""
    program = shutil.which("cargo")
    if program is None:
        pytest.skip("no cargo here")
    done = subprocess.run(
        [program, words[0], "--quiet", "--locked", *words[1:]],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
