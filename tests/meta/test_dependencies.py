"""Dependencies point one way: between modules of the engine, between packages, and out of the project."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from files import ROOT, name_of, sources

ENGINE = ROOT / "rust" / "engine" / "src"

ORDER = (
    *("error", "environment", "exact", "parallel", "memory", "market", "book", "pool", "kernel"),
    *("score", "price", "explain", "ledger", "monitor"),
    *("order", "funds", "guard", "modes"),
)
"""Modules of the engine; each may use those before it and no other. A new question goes at the end."""

DIRECT = {"crc32fast", "num-bigint", "num-integer", "num-traits", "smallvec", "serde", "toml", "libc"}
"""What the engine depends on: integers of any size, the reader of presets, checksums, one hint to the system."""

FORBIDDEN = re.compile(
    r"pyo3.*|numpy|ndarray|arrow.*|parquet.*|polars.*|csv|rayon.*|tokio|async-std|mio|socket2|reqwest|hyper|ureq|curl.*"
    r"|memmap2?|tempfile|walkdir|log|tracing|rand|getrandom|chrono|time"
)
"""Interpreters, data frames, threads that outlive a call, files, sockets, clocks and chance."""

STANDARD = re.compile(r"\bstd::(fs|net|env|process|io|time|os)\b|\be?print(ln)?!|\bHashSet\b")
"""What the engine's own code does without: files, sockets, the environment, clocks, printing, random order.

A `HashMap` may be looked into; clippy refuses what iterates in its order.
"""

VENUES = re.compile(r"binance|bybit|bingx|weex|mexc|okx|hyperliquid", flags=re.IGNORECASE)


def code_of(file: Path) -> str:
    """A Rust file without comments and without what is compiled for tests only."""
    text = file.read_text(encoding="utf-8")
    text = re.split(r"^#\[cfg\(test\)\]\nmod \w+ \{", text, flags=re.MULTILINE)[0]
    return re.sub(r"//.*", "", text)


def engine_files() -> list[Path]:
    """Files that end up in the engine: those of modules for tests are told by `mod` lines."""
    tests = set()
    for file in sources(".rs", "rust/engine/src"):
        for name in re.findall(r"#\[cfg\(test\)\]\nmod (\w+);", file.read_text(encoding="utf-8")):
            tests.add(file.parent / f"{name}.rs")
    return [file for file in sources(".rs", "rust/engine/src") if file not in tests]


def module_of(file: Path) -> str:
    return file.relative_to(ENGINE).parts[0].removesuffix(".rs")


def uses(text: str) -> set[str]:
    """The modules that a piece of code names from the root of its crate, braces in `use crate::{...}` included."""
    found = set(re.findall(r"\bcrate::([a-z_]+)", text))
    for group in re.findall(r"\bcrate::\{([^;]*)\};", text):
        found |= set(re.findall(r"(?:^|,)\s*([a-z_]+)\b", re.sub(r"\{[^{}]*\}", "", group)))
    return found


def test_uses_finds_plain_and_grouped_paths() -> None:
    assert uses("use crate::pool::{Book, exact};\nlet x = crate::market::MAX;") == {"pool", "market"}
    assert uses("use crate::{book::{Keys, Tables}, pool};") == {"book", "pool"}


def test_engine_every_module_has_a_place_in_the_order() -> None:
    found = {module_of(file) for file in engine_files()} - {"lib"}
    assert found == set(ORDER)


@pytest.mark.parametrize("file", engine_files(), ids=name_of)
def test_engine_module_uses_only_those_before_it(file: Path) -> None:
    module = module_of(file)
    if module == "lib":
        return
    allowed = set(ORDER[: ORDER.index(module) + 1])
    assert uses(code_of(file)) <= allowed


def test_engine_reaches_no_file_socket_clock_or_random_order() -> None:
    found = {name_of(file): STANDARD.search(code_of(file)) for file in engine_files()}
    assert not {name: match[0] for name, match in found.items() if match}


def test_engine_code_names_no_venue_but_in_the_list_of_presets() -> None:
    found = {name_of(file) for file in engine_files() if VENUES.search(code_of(file))}
    assert found <= {"rust/engine/src/market/presets.rs"}


def cargo_metadata() -> dict[str, Any]:
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("no cargo here")
    host = re.search(r"^host: (.+)$", run(["rustc", "-vV"]), flags=re.MULTILINE)
    assert host is not None
    text = run([cargo, "metadata", "--locked", "--format-version", "1", "--filter-platform", host[1]])
    return json.loads(text)  # type: ignore[no-any-return]


def run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout


def closure(metadata: dict[str, Any], root: str) -> set[str]:
    """Names of all packages that a package is built with, by normal dependencies."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen: set[str] = set()
    rest = [next(key for key, name in names.items() if name == root)]
    while rest:
        key = rest.pop()
        if key not in seen:
            seen.add(key)
            kinds = ((dep["pkg"], {kind["kind"] for kind in dep["dep_kinds"]}) for dep in nodes[key]["deps"])
            rest.extend(package for package, found in kinds if None in found)
    return {names[key] for key in seen}


def test_engine_is_built_with_no_interpreter_frame_or_io_crate() -> None:
    metadata = cargo_metadata()
    engine = next(package for package in metadata["packages"] if package["name"] == "crossmargin")
    assert {dep["name"] for dep in engine["dependencies"] if dep["kind"] is None} <= DIRECT
    built_with = closure(metadata, "crossmargin")
    assert not {name for name in built_with if FORBIDDEN.fullmatch(name)}
    assert "pyo3" in closure(metadata, "crossmargin-python"), "the walk over the packages finds nothing"


def test_bindings_only_the_door_releases_the_lock() -> None:
    files = sources(".rs", "rust/bindings/src")
    releasing = {file.name for file in files if re.search(r"\.detach\(|allow_threads", code_of(file))}
    assert releasing == {"door.rs"}


def imported(file: Path) -> set[str]:
    """Every module that a Python file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(file)} imports by relation"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("file", sources(".py", "python/crossmargin/reference"), ids=name_of)
def test_reference_imports_the_standard_library_only(file: Path) -> None:
    foreign = {
        name
        for name in imported(file)
        if name.split(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("crossmargin.reference.")
    }
    assert not foreign


@pytest.mark.parametrize(
    "file", [file for file in sources(".py", "python/crossmargin") if file.parent.name == "crossmargin"], ids=name_of
)
def test_face_imports_nothing_but_numpy(file: Path) -> None:
    """NumPy is the one dependency; the face knows neither the command nor, but by name, reference and testing."""
    above = ("crossmargin.cli", "crossmargin.testing", "crossmargin.reference")
    lazily = {"reference", "testing"} if file.name == "__init__.py" else set()
    for name in imported(file) - lazily:
        assert name.split(".")[0] in {*sys.stdlib_module_names, "numpy", "crossmargin"}, name
        assert not name.startswith(above), name


def test_import_loads_no_optional_part() -> None:
    code = "import sys, crossmargin; print('\\n'.join(sys.modules))"
    loaded = set(run([sys.executable, "-c", code]).split())
    assert "crossmargin._core" in loaded
    optional = ("pyarrow", "rich", "hypothesis", "crossmargin.cli", "crossmargin.reference", "crossmargin.testing")
    assert not loaded & set(optional)
