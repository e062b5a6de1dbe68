"""The site has every page and every name; its pictures are what their scripts draw."""

import re
import runpy

import pytest
from pages import PAGES, ROOT, name_of

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


@pytest.mark.parametrize("script", ["draw_pools", "draw_ladder"])
def test_picture_is_what_its_script_draws(script: str) -> None:
    drawn = runpy.run_path(str(ROOT / "tools" / f"{script}.py"))
    assert drawn["PICTURE"].read_text(encoding="utf-8") == drawn["picture"]()
