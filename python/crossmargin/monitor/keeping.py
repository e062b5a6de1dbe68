"""What outlives a process: snapshots, and the log that leads from one to the present."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin._arguments import of_type
from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.monitor.alerts import Alerts
from crossmargin.monitor.events import Events
from crossmargin.monitor.files import path_of, write_whole
from crossmargin.monitor.log import Frame, Frames, Header, Operation, Recorder, at_line, check_market, entries
from crossmargin.monitor.operations import Operations

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Self, TextIO

_FRAMES_AT_ONCE = 4_096


class Keeping(Operations):
    """The part of a `Monitor` that keeps its state: in bytes, in files, and as a log."""

    __slots__ = ("_replayed",)
    _replayed: tuple[tuple[int, int], Events] | None

    def _begin(self, core: engine.Monitor, alerts: Alerts, market: Market) -> None:
        super()._begin(core, alerts, market)
        self._replayed = None

    def snapshot(self) -> bytes:
        """Give the whole state as bytes: market, accounts, prices, alerts, flags, references and counters.

        Returns
        -------
        bytes
            What `restore` makes an equal monitor of, on any machine; with a version and a checksum.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={}))
        >>> xm.Monitor.restore(monitor.snapshot()).snapshot() == monitor.snapshot()
        True
        """
        return self._core.snapshot()

    @classmethod
    def restore(cls, state: bytes, *, n_threads: int | None = None) -> Self:
        """Make a monitor of a snapshot: its next events are those that would have come without it.

        Parameters
        ----------
        state : bytes
            What `snapshot` gave.
        n_threads : int, optional
            As of `Monitor`.

        Returns
        -------
        Monitor
            In the state of then; without a log, and with counters of `stats` that begin anew.

        Raises
        ------
        SnapshotError
            For bytes that are none: torn, foreign, changed, or of another version.

        Examples
        --------
        >>> import crossmargin as xm
        >>> xm.Monitor.restore(b"something else")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        crossmargin.errors.SnapshotError: snapshot is not one of this program, ...
        """
        if not isinstance(state, (bytes, bytearray, memoryview)):
            raise of_type(state, "state", "bytes")
        return cls._restored(bytes(state), n_threads)

    @classmethod
    def _restored(cls, state: bytes, n_threads: int | None = None) -> Self:
        core = engine.Monitor.restore(state, n_threads)
        monitor = object.__new__(cls)
        monitor._begin(core, Alerts._of(*core.alerts()), Market._of(core.market()))
        return monitor

    def persist(self, path: str | os.PathLike[str]) -> None:
        """Write a snapshot to a file, whole or not at all.

        It is written to a file beside, flushed to the disk, and given its name; then the folder is flushed. Whenever
        the process or the machine stops, the file is the old one or the new one.

        Parameters
        ----------
        path : str or path-like
            The file; the one that is there is replaced.

        Raises
        ------
        SnapshotError
            Where another process or thread writes the same file.
        OSError
            Where it cannot be written; the old file is as it was.
        """
        write_whole(path_of(path), self.snapshot())

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, n_threads: int | None = None) -> Self:
        """Make a monitor of a file that `persist` wrote.

        Parameters
        ----------
        path : str or path-like
            The file.
        n_threads : int, optional
            As of `Monitor`.

        Returns
        -------
        Monitor
            As of `restore`.

        Raises
        ------
        SnapshotError
            For a file that is no snapshot, or not a whole one.
        OSError
            For a file that cannot be read.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "monitor.state")
        ...     xm.Monitor(book, market.prices(mark={})).persist(file)
        ...     print(xm.Monitor.load(file))
        Monitor(1 account, 1 pool, frame 0, market 'textbook/2020-01-01')
        """
        file = path_of(path)
        try:
            return cls._restored(file.read_bytes(), n_threads)
        except ValueError as error:
            error.add_note(f"in {file}")
            raise

    def log_to(self, to: str | os.PathLike[str] | TextIO | None, *, sync: bool = False) -> None:
        """Write every frame and operation from now on to a log, which `replay` reads.

        Parameters
        ----------
        to : path, text stream or None
            The file; a log that is there goes on, and what a crash left of a last line is taken away. ``None`` ends it.
        sync : bool
            Whether each line is flushed to the disk, so that it outlives the machine and not only the process.

        Raises
        ------
        ArgumentError
            For a file that is no log of this market.
        OSError
            For one that cannot be written; later also by the calls that are logged, whose changes were made then.

        Examples
        --------
        >>> import io
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={}))
        >>> log = io.StringIO()
        >>> monitor.log_to(log)
        >>> _ = monitor.update({"BTCUSDT": 60_000.0}, time=1)
        >>> print(log.getvalue(), end="")
        {"log": "crossmargin monitor", "version": 1, "market": "textbook/2020-01-01"}
        {"frame": 1, "time": 1, "mark": {"BTCUSDT": 60000.0}}
        """
        recorder = None if to is None else Recorder(to, self.market.id, sync=sync)
        with self._lock:
            before, self._recorder = self._recorder, recorder
            self._core.keep_lines(recorder is not None)
        if before is not None:
            before.close()

    def replay(self, log: str | os.PathLike[str] | Iterable[str | bytes | dict[str, Any]], *, line: int = 1) -> Events:
        """Apply the frames and operations of a log that this monitor has not seen.

        Parameters
        ----------
        log : path, or iterable of lines
            What `log_to` wrote, or lines of that form from elsewhere: text, bytes or dicts. Frames and operations whose
            number says that the monitor has seen them are passed over; lines without a number are all taken. A last
            line that was cut off is left out.
        line : int
            The number of the first line, for messages.

        Returns
        -------
        Events
            What they brought.

        Raises
        ------
        ArgumentError, PriceError
            For a line that is none, a log of another market, numbers that leave something out, and what an operation or
            a frame is refused for. What came before it was applied, and `events` has what that brought.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> monitor = xm.Monitor(
        ...     xm.Book(market, balances=cash, positions=held), market.prices(mark={"BTCUSDT": 60_000.0})
        ... )
        >>> monitor.replay([{"mark": {"BTCUSDT": 53_000.0}}, {"mark": {"BTCUSDT": 52_000.0}}]).frame.tolist()
        [1, 2, 2]
        """
        parts: list[Events] = []
        gathered: list[Frame] = []
        frame = self.frame
        try:
            for entry in entries(log, line):
                if isinstance(entry, Frame):
                    if _is_next(entry.number, frame, "frame", entry.line):
                        gathered.append(entry)
                        frame += 1
                    if len(gathered) >= _FRAMES_AT_ONCE:
                        self._replay_frames(gathered, parts)
                elif isinstance(entry, Header):
                    check_market(entry, self.market.id)
                elif _is_next(entry.number, self._core.operations(), "operation", entry.line):
                    self._replay_frames(gathered, parts)
                    parts.append(self._replay_operation(entry))
        finally:
            try:
                self._replay_frames(gathered, parts)
            finally:
                events = Events._joined(parts) if parts else self._quiet
                self._replayed = self._stamp(), events
        return events

    def _stamp(self) -> tuple[int, int]:
        """Give what tells whether something was applied since."""
        return self._core.frame(), self._core.operations()

    @property
    def events(self) -> Events:
        """What the last call brought, at first the construction, as it gave it; kept so that Ctrl-C loses none."""
        if self._replayed is not None and self._replayed[0] == self._stamp():
            return self._replayed[1]
        return Events._of(self._core.events())

    def _replay_frames(self, gathered: list[Frame], parts: list[Events]) -> None:
        """Apply frames in one call; where it is refused one by one, up to the one that is at fault."""
        frames, gathered[:] = list(gathered), []
        if not frames:
            return
        together, before = Frames(frames), self.frame
        try:
            parts.append(self.update_many(together.columns(), ends=together.ends, time=together.time))
        except ValueError:
            for frame in frames:
                alone = Frames([frame])
                try:
                    parts.append(self.update_many(alone.columns(), ends=alone.ends, time=alone.time))
                except ValueError as error:
                    error.add_note(f"in {at_line(frame.line)}")
                    raise
        except KeyboardInterrupt:
            if self.frame > before:
                parts.append(Events._of(self._core.events()))
            raise

    def _replay_operation(self, entry: Operation) -> Events:
        if entry.frame is not None and entry.number is not None and entry.frame != self.frame:
            message = f"came after frame {entry.frame}, and the monitor is at {self.frame}: lines are missing"
            raise ArgumentError(f"{at_line(entry.line)} {message}")
        try:
            return self._operate(entry.word, entry.given)
        except ValueError as error:
            error.add_note(f"in {at_line(entry.line)}")
            raise

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _unpickled, (type(self), self.snapshot())


def _unpickled(cls: type[Keeping], state: bytes) -> Keeping:
    """Make a monitor again of what pickling took it apart into."""
    return cls._restored(state)


def _is_next(number: int | None, seen: int, noun: str, line: int) -> bool:
    """Say whether an entry is to be applied; one that leaves others out is refused."""
    if number is None or number == seen + 1:
        return True
    if number <= seen:
        return False
    raise ArgumentError(f"{at_line(line)} was {noun} {number}, and the monitor is at {seen}: lines are missing")
