"""The command, for every test here."""

from pathlib import Path

import pytest

from cli.running import Command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)
