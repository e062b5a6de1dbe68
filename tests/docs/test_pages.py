"""Every example of the documentation runs and prints what the page says."""

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest
from consoles import run
from pages import PAGES, ROOT, Block, blocks, name_of

import crossmargin as xm

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def run_python(page: Path, block: Block, namespace: dict[str, object]) -> str:
    """Run a block; line numbers of a traceback are those of the page."""
    code = compile("\n" * (block.line - 1) + block.body, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, namespace)
    return printed.getvalue()


COMMAND = ROOT / "docs" / "cli.md"
"""The page whose consoles the tests of the command run."""

RUN = sorted({*pages_with("python"), *pages_with("console")} - {COMMAND})


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_page_blocks_print_what_follows_them(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        at = f"{name_of(page)}:{block.line}"
        if block.name:
            Path(block.name).write_text(block.body, encoding="utf-8")
        if block.language == "python":
            assert run_python(page, block, namespace) == block.output, at
        for command, shown in block.commands() if block.language == "console" else ():
            assert run(command, monkeypatch) == shown, f"{at}: {command}"


def test_page_about_the_command_has_no_python_blocks() -> None:
    assert COMMAND not in pages_with("python")


@pytest.mark.parametrize("page", pages_with("toml"), ids=name_of)
def test_page_toml_blocks_parse_and_whole_markets_load(page: Path) -> None:
    for block in blocks(page):
        if block.language == "toml":
            table = tomllib.loads(block.body)
            if "preset" in table:
                assert xm.Market.from_toml(block.body).id.startswith(table["preset"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_links_lead_to_files(page: Path) -> None:
    for link in _LINK.finditer(page.read_text(encoding="utf-8")):
        target, _, heading = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name_of(page)}: {link['target']}"
        assert file.is_relative_to(ROOT), f"{name_of(page)}: {link['target']}"
        if heading:
            assert heading in anchors(file), f"{name_of(page)}: {link['target']}"


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_has_an_executed_example() -> None:
    assert any(block.language == "python" and block.output for block in blocks(ROOT / "README.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_has_one_title(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# "), name_of(page)
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^# ", outside, flags=re.MULTILINE)) == 1, name_of(page)
