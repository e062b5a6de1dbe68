"""From arguments to an exit code: the one place where errors become messages."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from crossmargin import CrossmarginError, __version__
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.parser import build_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

DONE, FAULT, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""

# what the library calls by its Python names is an option here
_AS_OPTIONS = (
    ('missing="null"', "--missing null"),
    ("(see .faults)", "(--rejects FILE lists them)"),
    ("pass duplicates='merge'", "use --duplicates merge"),
    ('duplicates="merge"', "--duplicates merge"),
    ('pass quantity_unit="contracts"', "use --quantity-unit contracts"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the command's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done, 1 a fault in data or files, 2 a fault in the options, 3 figures that do not agree (of
        ``reconcile``), 130 interrupted.

    Examples
    --------
    >>> main(["presets"])  # doctest: +ELLIPSIS
    binance-coinm ...
    Unofficial: facts from public documents; no venue is affiliated with crossmargin.
    0
    """
    try:
        args = build_parser(__version__).parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        code = _run(args)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(str(error), USAGE)
    except (UserError, CrossmarginError) as error:
        return _fail("; ".join([str(error), *getattr(error, "__notes__", [])]), FAULT)
    except BrokenPipeError:
        # the reader of our output has seen enough; keep the interpreter from flushing into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    return code


def _run(args: argparse.Namespace) -> int:
    """Import the module of the subcommand, which pays for its own imports only, and call it."""
    code = import_module(f"crossmargin.cli.{args.command}").run(args)
    return DONE if code is None else int(code)


def _fail(message: str, code: int) -> int:
    for name, option in _AS_OPTIONS:
        message = message.replace(name, option)
    print(f"crossmargin: error: {' '.join(message.split())}", file=sys.stderr)
    return code
