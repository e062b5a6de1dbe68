"""``crossmargin watch``: accounts in, frames of prices as they come, events out.

Events are lines of JSON; on a terminal that ``rich`` can draw on, a table of the nearest pools takes their place.
Ctrl-C, a request to terminate and the end of the frames all end it alike: what came is applied, the state is kept where
that was asked for, and a summary is given.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.frames import format_of_frames, frames_of
from crossmargin.cli.readers import align_accounts, read_table
from crossmargin.cli.score import build_book, check_inputs, heading, read_inputs, rejects_of, result_formats
from crossmargin.cli.terminal import Progress, duration, plural
from crossmargin.cli.writers import failures_of, write_records, write_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from types import FrameType

    from crossmargin.cli.frames import Batch
    from crossmargin.cli.score import Inputs

_INPUTS = ("balances", "positions", "orders", "accounts", "settings", "marks", "index", "last", "tiers", "market")
_OFF = ("off", "none", "")


def run(args: argparse.Namespace) -> None:
    """Begin, apply frames until there are no more or somebody ends it, keep the state, and summarise."""
    format_ = format_of_frames(args.frames, args.frames_format)
    resumed = args.resume and Path(args.snapshot or "").is_file()
    _check(args, resumed=resumed)
    alerts = _alerts(args)
    progress = Progress(quiet=args.quiet)
    monitor, rules = _resumed(args, progress) if resumed else _begun(args, alerts, progress)
    first: xm.Events | None = monitor.events
    if (args.resume and _replayed(args, monitor, progress)) or resumed:
        first = None  # they were given then
    if args.record is not None:
        with failures_of(args.record):
            monitor.log_to(args.record)
    book = monitor.book
    for line in heading(rules, book.n_accounts, book.n_pools, book.n_positions):
        progress.say(line)
    with ExitStack() as stack:
        stack.callback(monitor.log_to, None)
        stops = stack.enter_context(_Stops())
        watch = _Watch(args, monitor, stack.enter_context(_shown(args, monitor)))
        watch.show(first)
        try:
            watch.apply(stack.enter_context(frames_of(args.frames, format_)), stops)
        finally:
            watch.keep()
    for line in watch.lines():
        progress.say(line)


class _Watch:
    """A monitor at work: what it is given, shows and keeps, and what was counted on the way."""

    def __init__(self, args: argparse.Namespace, monitor: xm.Monitor, show: Callable[[xm.Events], None]) -> None:
        self.args = args
        self.monitor = monitor
        self._show = show
        self._before = monitor.stats()
        self._began = self._kept = monotonic()
        self._entered = dict.fromkeys(("margin_ratio", "liquidation", "soft_stop"), 0)
        self._left = 0

    def apply(self, batches: Iterator[Batch], stops: _Stops) -> None:
        """Apply what comes, as many frames at once as are there."""
        while (batch := stops.unless_said(batches)) is not None:
            try:
                self.monitor.replay(batch.lines, line=batch.first)
            except (xm.ArgumentError, xm.PriceError) as error:
                message = "; ".join([str(error), *getattr(error, "__notes__", [])])
                raise UserError(message.replace("log[", "frames[")) from None
            finally:
                self.show(self.monitor.events)
            every = self.args.snapshot_every
            if every is not None and monotonic() - self._kept >= every:
                self.keep()

    def show(self, events: xm.Events | None) -> None:
        """Show events, and count them."""
        if events is None:
            return
        came = events.change == "entered"
        self._left += len(events) - int(came.sum())
        for alert in self._entered:
            self._entered[alert] += int((came & (events.alert == alert)).sum())
        self._show(events)

    def keep(self) -> None:
        """Write the state, where that was asked for."""
        file = self.args.snapshot
        if file is not None:
            with failures_of(file):
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                self.monitor.persist(file)
        self._kept = monotonic()

    def lines(self) -> Iterator[str]:
        """Say what was done."""
        stats = self.monitor.stats()
        frames = stats.frames - self._before.frames
        touches = stats.touches - self._before.touches
        each = f"{touches / frames:.2f} touches a frame; " if frames else ""
        took = duration(monotonic() - self._began)
        yield f"frames  {each}the last is {self.monitor.frame:,}; {plural(frames, 'frame')} in {took}"
        levels, liquidations, stops = self._entered.values()
        counts = f"{plural(levels, 'level')}, {plural(liquidations, 'liquidation')}, {plural(stops, 'soft stop')}"
        yield f"events  {levels + liquidations + stops:,} entered ({counts}), {self._left:,} left"


# what is asked for


def _check(args: argparse.Namespace, *, resumed: bool) -> None:
    for option, needs in (("resume", "snapshot"), ("snapshot_every", "snapshot")):
        if getattr(args, option) and getattr(args, needs) is None and not (option == "resume" and args.record):
            name = option.replace("_", "-")
            raise UsageError(f"--{name} is of a file that the state is kept in; give --{needs} too")
    inputs = [name for name in _INPUTS if getattr(args, name) == STANDARD]
    if inputs and args.frames == STANDARD:
        raise UsageError(f"--{inputs[0]} and --frames were both standard input; give one of them a file")
    if args.record is not None and not args.resume and Path(args.record).exists():
        raise UsageError(f"--record {args.record} is there already; give --resume to go on with it, or another name")
    if not resumed:
        absent = [name for name in ("balances", "marks") if getattr(args, name) is None]
        if args.preset is None and args.market is None:
            absent.insert(0, "preset or --market")
        if absent:
            where = f": there is none at {args.snapshot}" if args.resume and args.snapshot else ""
            raise UsageError(f"--{' and --'.join(absent)} are needed without a snapshot to resume from{where}")
    check_inputs(args, _INPUTS)
    result_formats(args, ("rejects",))


def _alerts(args: argparse.Namespace) -> xm.Alerts:
    levels = () if args.levels in _OFF else tuple(_level(text, "--levels") for text in args.levels.split(","))
    stop = None if args.soft_stop in _OFF else _level(args.soft_stop, "--soft-stop")
    liquidation: Any = {"on": True, "off": False, "latched": "latched"}[args.liquidation]
    try:
        return xm.Alerts(liquidation=liquidation, levels=levels, soft_stop=stop, valuation=args.valuation)
    except xm.ArgumentError as error:
        raise UsageError(f"--{str(error).replace('soft_stop', 'soft-stop')}") from None


def _level(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} had {text!r}, expected numbers, or off") from None


# how it begins


def _begun(args: argparse.Namespace, alerts: xm.Alerts, progress: Progress) -> tuple[xm.Monitor, str]:
    """Make a monitor of tables."""
    inputs = read_inputs(args, progress)
    references = _references(args, inputs)
    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    if book.rejected is not None and args.rejects is not None:
        format_ = result_formats(args, ("rejects",))["rejects"]
        write_table(rejects_of(inputs, book.rejected.faults, book.rejected), args.rejects, format_)
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    with progress.step("begin to watch") as step:
        monitor = xm.Monitor(book, prices, alerts, references=references, n_threads=args.threads)
        step.detail = plural(book.n_pools, "pool")
    return monitor, inputs.market.id if args.preset is None else f"{inputs.market.id} (unofficial)"


def _references(args: argparse.Namespace, inputs: Inputs) -> Any:
    if args.references is None:
        return None
    table = read_table(args.references, "references", args.input_format)
    align_accounts(*inputs.tables.values(), table)
    return table.columns


def _resumed(args: argparse.Namespace, progress: Progress) -> tuple[xm.Monitor, str]:
    """Make a monitor of the state that was kept."""
    with progress.step("load state") as step, failures_of(args.snapshot, "read from"):
        monitor = xm.Monitor.load(args.snapshot, n_threads=args.threads)
        step.detail = f"frame {monitor.frame:,}"
    return monitor, monitor.market.id


def _replayed(args: argparse.Namespace, monitor: xm.Monitor, progress: Progress) -> bool:
    """Apply what was recorded since the state was kept, if anything was; its events were given then."""
    if args.record is None or not Path(args.record).is_file():
        return False
    with progress.step("replay record") as step:
        before = monitor.frame
        try:
            monitor.replay(args.record)
        except xm.ArgumentError as error:
            raise UserError(f"{error}, in {args.record}") from None
        step.detail = plural(monitor.frame - before, "frame")
    return True


# what it shows


def is_terminal() -> bool:
    """Say whether somebody looks at standard output."""
    return sys.stdout.isatty()


@contextmanager
def _shown(args: argparse.Namespace, monitor: xm.Monitor) -> Iterator[Any]:
    """Give what shows events: lines of JSON, or a table that is drawn anew."""
    with ExitStack() as stack:
        shows = []
        live = None
        if args.events == STANDARD and not args.json and is_terminal():
            with suppress(ImportError):
                from crossmargin.cli.live import Live  # noqa: PLC0415 - rich is optional

                live = stack.enter_context(Live(monitor, args.rows))
                shows.append(live.show)
        if live is None:
            stream = stack.enter_context(_lines_to(args.events))
            shows.append(lambda events: _write(events, stream))

        def show(events: xm.Events) -> None:
            for each in shows:
                each(events)

        yield show


@contextmanager
def _lines_to(file: str) -> Iterator[Any]:
    if file == STANDARD:
        yield sys.stdout
        return
    with failures_of(file):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        stream = Path(file).open("a", encoding="utf-8", newline="\n")  # noqa: SIM115 - closed below
    with stream:
        yield stream


def _write(events: xm.Events, stream: Any) -> None:
    if events:
        columns = events.to_dict()
        times = np.datetime_as_string(columns["time"]).astype(object)
        times[np.isnat(columns["time"])] = None
        write_records(xm.Table(columns | {"time": times}), stream)
        stream.flush()


class _Stops:
    """Hears Ctrl-C and requests to terminate while it is entered: the frames that came are applied, then it ends.

    A second one ends it at once.
    """

    def __init__(self) -> None:
        self.said = False
        self._waiting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):  # not in the main thread, where signals are not heard
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        again, self.said = self.said, True
        if again or self._waiting:
            raise KeyboardInterrupt

    def unless_said(self, batches: Iterator[Batch]) -> Batch | None:
        """Wait for the next frames; ``None`` where there are none, and where it was said to end."""
        self._waiting = True
        try:
            return None if self.said else next(batches, None)
        except KeyboardInterrupt:
            if self._before:
                return None
            raise
        finally:
            self._waiting = False
