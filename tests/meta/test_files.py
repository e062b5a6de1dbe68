"""Conventions that every file keeps."""

import ast
import re
from pathlib import Path

import pytest
from files import ROOT, name_of, sources, tracked

MOST_LINES = 500
MOST_LINES_OF_A_FUNCTION = 60

_FOLDERS = "work|root|home|farm|Users|mnt"
MACHINE = re.compile(rf"(?<![\w.~])/(?:{_FOLDERS})/\w|\.\./shar[e]d\b".encode())
"""Absolute paths into somebody's machine, and the folder beside the checkout."""


@pytest.mark.parametrize("file", tracked(), ids=name_of)
def test_file_names_no_path_of_a_machine(file: Path) -> None:
    found = MACHINE.search(file.read_bytes())
    assert found is None, found


@pytest.mark.parametrize("file", [*sources(".rs"), *sources(".py"), *sources(".pyi")], ids=name_of)
def test_module_is_at_most_500_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(node: Function) -> int:
    """Lines of a function without its docstring."""
    start = node.body[0]
    is_docstring = isinstance(start, ast.Expr) and isinstance(start.value, ast.Constant)
    told = (start.end_lineno or 0) - start.lineno + 1 if is_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - told


@pytest.mark.parametrize("file", [*sources(".py", "python"), *sources(".py", "benches")], ids=name_of)
def test_python_functions_are_at_most_60_lines(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    lengths = {node.name: code_lines(node) for node in ast.walk(tree) if isinstance(node, Function)}
    assert not {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION}


def undocumented(body: list[ast.stmt], owner: str = "") -> list[str]:
    """Public functions, classes and methods without a docstring; overloads share that of what they overload."""
    found = []
    for node in body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        overload = any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
        if not overload and not ast.get_docstring(node):
            found.append(owner + node.name)
        if isinstance(node, ast.ClassDef):
            found += undocumented(node.body, f"{owner}{node.name}.")
    return found


@pytest.mark.parametrize("file", sources(".py", "python"), ids=name_of)
def test_python_every_public_name_has_a_docstring(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or file.name == "__main__.py"
    assert not undocumented(tree.body)


def test_python_every_exported_name_is_documented() -> None:
    import crossmargin as xm

    constants = ("OUTPUTS", "DEFAULT_OUTPUTS", "__version__")
    objects = {name: getattr(xm, name) for name in xm.__all__ if name not in constants}
    assert not [name for name, value in objects.items() if not (value.__doc__ or "").strip()]


@pytest.mark.parametrize("file", sources(".rs", "rust"), ids=name_of)
def test_rust_every_module_says_what_is_in_it(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("//!")


@pytest.mark.parametrize("file", sources(".py", "tests"), ids=name_of)
def test_tests_are_named_for_what_they_show(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, Function) and node.name.startswith("test")]
    assert not [name for name in names if len(name.split("_")) < 3]


def test_version_is_the_same_everywhere() -> None:
    def version(file: str) -> str:
        found = re.search(r'^version = "(.+)"$', (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert found is not None, file
        return found[1]

    import crossmargin as xm

    assert version("Cargo.toml") == version("pyproject.toml") == xm.__version__
    assert f"## {xm.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
