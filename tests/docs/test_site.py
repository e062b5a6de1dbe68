"""The site has every page and every name; its pictures are what their scripts draw."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT, blocks, name_of

import crossmargin as xm

SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_site_navigation_has_every_page_of_docs() -> None:
    named = set(re.findall(r": ([\w/-]+\.md)$", SITE, flags=re.MULTILINE))
    beside = {"ARCHITECTURE.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md"}
    pages = {name_of(page).removeprefix("docs/") for page in PAGES if name_of(page).startswith("docs/")}
    assert pages | beside == named, "mkdocs.yml: nav names every page of docs, and no other"


def test_site_reference_has_every_public_name() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md")]
    shown = set(re.findall(r"^::: crossmargin\.(\w+)$", "\n".join(pages), flags=re.MULTILINE))
    if "errors" in shown:
        shown |= {name for name in xm.__all__ if getattr(getattr(xm, name), "__module__", "") == "crossmargin.errors"}
    assert set(xm.__all__) - {"__version__"} <= shown


@pytest.mark.parametrize("script", ["draw_pools", "draw_ladder", "draw_regions"])
def test_picture_is_what_its_script_draws(script: str) -> None:
    drawn = runpy.run_path(str(ROOT / "tools" / f"{script}.py"))
    assert drawn["PICTURE"].read_text(encoding="utf-8") == drawn["picture"]()


PROGRAMS = sorted((ROOT / "docs" / "examples").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_program_of_a_page_is_what_the_page_shows_and_prints(program: Path) -> None:
    found = [(page, at) for page in PAGES for at, block in enumerate(blocks(page)) if block.name == program.name]
    assert len(found) == 1
    page, at = found[0]
    shown = list(blocks(page))
    assert shown[at].body == program.read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, str(program)], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == shown[at + 1].output
