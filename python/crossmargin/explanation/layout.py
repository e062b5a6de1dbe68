"""An explanation as a page: text for terminals, HTML for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ABOVE = "  (see above)"


def label(row: dict[str, Any]) -> str:
    """Name a row: its term, what it is about, and the constraint that is tested."""
    side = row["position_side"]
    parts = (row["term"], row["instrument"], None if side == "net" else side, row["constraint"])
    return " ".join(part for part in parts if part)


def ending(row: dict[str, Any], *, again: bool) -> str:
    """Say the asset of a row, the rule that it follows, and whether its parts are above."""
    asset = f" {row['asset']}" if row["asset"] and row["value"] == row["value"] else ""
    rule = f"  [{row['rule']}]" if row["rule"] else ""
    return f"{asset}{rule}{_ABOVE * again}"


def text_of(rows: Sequence[dict[str, Any]], titles: dict[int, str]) -> str:
    """Lay the rows out as a tree, pool by pool, and say the sources of their rules once."""
    names = ["  " * row["level"] + label(row) for row in rows]
    width = max((len(name) for name in names), default=0)
    parents = {row["parent"] for row in rows} - {-1}
    lines: list[str] = []
    pool = None
    for name, row in zip(names, rows, strict=True):
        if row["pool"] != pool:
            pool = row["pool"]
            lines += [""] * bool(lines) + [titles[pool]]
        again = row["repeats"] in parents
        lines.append(f"{name.ljust(width)}  {row['formula']}{ending(row, again=again)}")
    return "\n".join([*lines, *_source_lines(rows)])


def _source_lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    found = {(row["rule"].partition(".")[0], row["source"], _origin(row)) for row in rows if row["source"]}
    if not found:
        return []
    return ["", "sources", *(f"  {section}: {text}{origin}" for section, text, origin in sorted(found))]


def _origin(row: dict[str, Any]) -> str:
    parts = [str(row[name]) for name in ("retrieved", "evidence") if row[name]]
    return f" ({', '.join(parts)})" if parts else ""


def html_of(rows: Sequence[dict[str, Any]], titles: dict[int, str]) -> str:
    """Lay the rows out as a table, indented by level; a rule's source shows when it is pointed at."""
    from html import escape  # noqa: PLC0415 - for notebooks only

    parents = {row["parent"] for row in rows} - {-1}
    lines: list[str] = []
    pool = None
    for row in rows:
        if row["pool"] != pool:
            pool = row["pool"]
            lines.append(f'<tr><th colspan="4" style="text-align:left">{escape(titles[pool])}</th></tr>')
        source = escape(f"{row['source'] or ''}{_origin(row)}", quote=True)
        seen = _ABOVE if row["repeats"] in parents else ""
        cells = (
            f'<td style="text-align:left;padding-left:{1 + 1.5 * row["level"]}em">{escape(label(row))}</td>',
            f'<td style="text-align:left">{escape(row["formula"])}{seen}</td>',
            f'<td style="text-align:left">{escape(row["asset"] or "")}</td>',
            f'<td style="text-align:left" title="{source}">{escape(row["rule"] or "")}</td>',
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in ("term", "formula", "asset", "rule"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
