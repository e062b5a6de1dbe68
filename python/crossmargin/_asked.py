"""What was asked of a book, which may change afterwards; and what changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossmargin import _core as engine
    from crossmargin.book import Book


class Asked:
    """An answer about a book. It stays that of the state which the book had when it was asked."""

    __slots__ = ("_core", "book")
    book: Book
    _core: engine.Book

    @property
    def _then(self) -> Book:
        """The book as it was when it was asked."""
        return self.book._at(self._core)

    def __getstate__(self) -> dict[str, Any]:
        slots = (slot for made in type(self).__mro__ for slot in getattr(made, "__slots__", ()))
        return {slot: getattr(self, slot) for slot in slots if slot != "_core"} | {"book": self._then}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for slot, value in state.items():
            setattr(self, slot, value)
        self._core = self.book._core


class Applicable:
    """What a book can be changed by: an `Asked` that says what comes in the place of its state."""

    __slots__ = ()
    _moves = ""
    """What it moves: ``"orders"`` or ``"transfers"``."""

    def _applied(self) -> engine.Book:
        """Build the state that comes after; nothing is changed where that is refused."""
        raise NotImplementedError
