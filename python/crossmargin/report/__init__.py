"""Pictures of a book: SVG and HTML made with the standard library, that need nothing else to be looked at."""

from crossmargin.report.ladder import Ladder, ladder

__all__ = ["Ladder", "ladder"]
