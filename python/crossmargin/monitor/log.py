"""The log of a monitor: a JSON object a line, of frames and operations; written as they happen, and read again.

The first line says what it is and of which market. A frame has its number, its time in nanoseconds where it has one,
and prices by name. An operation has its own number, that of the last frame, and the arguments of its method, tables
column by column. Numbers are decimals that read back to the same doubles.

```json
{"log": "crossmargin monitor", "version": 1, "market": "textbook/2020-01-01"}
{"frame": 1, "time": 1727769600000000000, "mark": {"BTCUSDT": 64000.0}}
{"operation": 1, "frame": 1, "funding": {"funding": {"instrument": ["BTCUSDT"], "rate": [0.0001]}, "round": "down"}}
{"operation": 2, "frame": 1, "close": {"accounts": [7]}}
```

What was sent by others may leave numbers out: then every line is taken. Times may be text in ISO 8601. The words are
``fills``, ``transfers``, ``funding``, ``grants``, ``expire``, ``open``, ``close``, ``replace`` and ``reset``.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from crossmargin._arguments import of_type, shown
from crossmargin.errors import ArgumentError
from crossmargin.monitor.files import path_of
from crossmargin.monitor.moments import NO_TIME, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TITLE, VERSION = "crossmargin monitor", 1

QUOTES = ("mark", "index", "last")

OPERATIONS = ("fills", "transfers", "funding", "grants", "expire", "open", "close", "replace", "reset")


_OF_FRAMES = frozenset(("frame", "time", *QUOTES))
_CODES = {kind: code for code, kind in enumerate(QUOTES)}


class Frame(NamedTuple):
    """A frame of a log: its number, if it has one, its time, prices by kind and name, and the line that it is on."""

    number: int | None
    time: int
    prices: list[tuple[int, dict[str, Any]]]
    line: int


class Operation(NamedTuple):
    """An operation of a log: its number, that of the last frame before it, which one, and what it was called with."""

    number: int | None
    frame: int | None
    word: str
    given: dict[str, Any]
    line: int


class Header(NamedTuple):
    """The first line of a log: the market that it is of."""

    market: str
    place: str


class Frames:
    """Frames that are gathered into one call: what `Monitor.update_many` takes."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._quote: list[int] = []
        self._name: list[str] = []
        self._price: list[Any] = []
        self.ends: list[int] = []
        self.time: list[int] = []
        for frame in frames:
            for code, prices in frame.prices:
                self._quote.extend([code] * len(prices))
                self._name.extend(prices)
                self._price.extend(prices.values())
            self.ends.append(len(self._name))
            self.time.append(frame.time)

    def columns(self) -> dict[str, Any]:
        """Give the table of prices; where frames end, and their times, are beside it."""
        return {"quote": self._quote, "name": self._name, "price": self._price}


def entries(log: Any, first: int = 1) -> Iterator[Header | Frame | Operation]:
    """Read a log: the path of a file, an open file, or lines as text, bytes or dicts; the first has a number.

    A last line that does not end, and is no JSON, is what a crash has cut off: it is left out.

    Raises
    ------
    ArgumentError
        For a line that is none of a log, with its number.
    """
    if isinstance(log, (str, os.PathLike)):
        with path_of(log, "log").open("rb") as lines:
            yield from _entries(lines, first)
        return
    try:
        lines = iter(log)
    except TypeError:
        raise ArgumentError(f"log was of type {type(log).__name__}, expected a path, a file, or lines") from None
    yield from _entries(lines, first)


def _entries(lines: Iterable[Any], first: int) -> Iterator[Header | Frame | Operation]:
    numbered = enumerate(lines, first)
    for number, line in numbered:
        if isinstance(line, dict):
            yield entry_of(line, number)
        elif not isinstance(line, (str, bytes)):
            raise of_type(line, at_line(number), "a line: text, bytes or a dict")
        elif line.strip():
            try:
                found = json.loads(line)
            except (RecursionError, ValueError) as error:
                is_whole_line = line[-1:] in ("\n", b"\n")
                if not is_whole_line and next(numbered, None) is None:
                    return
                raise ArgumentError(f"{at_line(number)} was not JSON: {error}") from None
            yield entry_of(found, number)


def at_line(line: int) -> str:
    """Name a line in messages."""
    return f"log[{line}]"


def entry_of(found: Any, line: int) -> Header | Frame | Operation:
    """Tell what a line of a log says."""
    if not isinstance(found, dict):
        raise ArgumentError(f"{at_line(line)} was {shown(found)}, expected an object")
    if found.keys() <= _OF_FRAMES:
        time = found.get("time")
        time = NO_TIME if time is None else moment(time, f"{at_line(line)}.time")
        return Frame(_number(found, "frame", line), time, _prices(found, line), line)
    if "log" in found:
        return header_of(found, at_line(line))
    words = [word for word in OPERATIONS if word in found]
    if words:
        return _operation(found, words, line)
    unknown = next(name for name in found if name not in _OF_FRAMES)
    cure = f"expected frame, time, {', '.join(QUOTES)}, or one of {', '.join(OPERATIONS)}"
    if isinstance(found[unknown], (int, float)):
        cure += f"; prices go under their kind, such as {json.dumps({'mark': {unknown: found[unknown]}})}"
    raise ArgumentError(f"{at_line(line)} had {shown(unknown)}, {cure}")


def _prices(found: dict[str, Any], line: int) -> list[tuple[int, dict[str, Any]]]:
    prices = []
    for kind, code in _CODES.items():
        named = found.get(kind)
        if isinstance(named, dict):
            prices.append((code, named))
        elif named is not None:
            raise ArgumentError(f"{at_line(line)}.{kind} was {shown(named)}, expected an object of name to price")
    return prices


def header_of(found: dict[str, Any], place: str) -> Header:
    """Read the first line of a log."""
    if found["log"] != TITLE or found.get("version") != VERSION:
        what = f"{shown(found['log'])}, version {shown(found.get('version'))}"
        raise ArgumentError(f"{place} was of {what}, expected {TITLE!r}, version {VERSION}")
    return Header(str(found.get("market")), place)


def _operation(found: dict[str, Any], words: list[str], line: int) -> Operation:
    others = [name for name in found if name not in ("operation", "frame", words[0])]
    if others:
        beside = f"beside {words[0]}, expected operation and frame alone"
        raise ArgumentError(f"{at_line(line)} had {shown(others[0])} {beside}")
    given = found[words[0]]
    if not isinstance(given, dict):
        raise ArgumentError(f"{at_line(line)}.{words[0]} was {shown(given)}, expected an object")
    return Operation(_number(found, "operation", line), _number(found, "frame", line), words[0], given, line)


def _number(found: dict[str, Any], name: str, line: int) -> int | None:
    value = found.get(name)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise ArgumentError(f"{at_line(line)}.{name} was {shown(value)}, expected a number of it, from 0")


class Recorder:
    """Writes the lines of a log, each as it comes.

    Parameters
    ----------
    to : path or text stream
        A file that is there goes on; of a line that a crash cut off, what is left of it is taken away.
    market : str
        The market's id.
    sync : bool
        Whether each line is flushed to the disk.
    """

    def __init__(self, to: Any, market: str, *, sync: bool) -> None:
        self._owned = not hasattr(to, "write")
        self._sync = sync
        if not self._owned:
            self._stream = to
            is_new = True
        else:
            path = path_of(to, "to")
            with suppress(FileNotFoundError):
                _mend(path, market)
            self._stream = path.open("a", encoding="utf-8", newline="\n")
            is_new = self._stream.tell() == 0
        if is_new:
            self.write(json.dumps({"log": TITLE, "version": VERSION, "market": market}, ensure_ascii=False) + "\n")

    def write(self, text: str) -> None:
        """Write whole lines."""
        self._stream.write(text)
        self._stream.flush()
        if self._sync:
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close a file that was opened here."""
        if self._owned:
            self._stream.close()


def _mend(path: Path, market: str) -> None:
    """Look whether a log goes on, and cut off what is left of a line that was not written to its end."""
    with path.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        whole = end
        while whole > 0:
            start = max(0, whole - (1 << 16))
            stream.seek(start)
            at = stream.read(whole - start).rfind(b"\n")
            whole = start + at + 1
            if at >= 0:
                break
        if whole < end:
            stream.seek(whole)
            if _is_json(stream.read()):  # only the end of the line is missing
                stream.write(b"\n")
                whole = end
            else:
                stream.truncate(whole)
        stream.seek(0)
        if whole > 0:
            line = stream.readline()
            found = json.loads(line) if _is_json(line) else None
            if not isinstance(found, dict) or "log" not in found:
                raise ArgumentError(f"{path} was no log of a monitor; give another file, or take it away")
            check_market(header_of(found, f"{path}"), market)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (RecursionError, ValueError):
        return False
    return True


def check_market(header: Header, market: str) -> None:
    """Refuse a log of another market."""
    if header.market != market:
        raise ArgumentError(f"{header.place} was of the market {header.market!r}, expected {market!r}")
