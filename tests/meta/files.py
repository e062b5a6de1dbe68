"""The files of the repository, as the tests about them see them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", "target", "out", "dist", "__pycache__", ".git"}


@cache
def tracked() -> tuple[Path, ...]:
    """All files under version control; where there is none, all that are no build output."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], check=False, capture_output=True, text=True, timeout=60
    )
    if listed.returncode == 0 and listed.stdout:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
        return tuple(sorted(file for file in files if file.is_file()))
    found = (file for file in ROOT.rglob("*") if not SKIPPED & set(file.relative_to(ROOT).parts))
    return tuple(sorted(file for file in found if file.is_file()))


def sources(suffix: str, under: str = ".") -> list[Path]:
    """Tracked files of a suffix under a folder."""
    folder = (ROOT / under).resolve()
    return [file for file in tracked() if file.suffix == suffix and file.is_relative_to(folder)]


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()
