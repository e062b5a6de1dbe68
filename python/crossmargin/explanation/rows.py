"""Rows of an explanation, made of the terms that the engine gives for each pool."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from crossmargin.explanation.numbers import Token, number, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crossmargin.table import Table

COLUMNS = (
    "pool",
    "level",
    "term",
    "instrument",
    "position_side",
    "constraint",
    "formula",
    "value",
    "asset",
    "rule",
    "source",
    "retrieved",
    "evidence",
    "row",
    "parent",
    "repeats",
)
"""Columns of an explanation, in order."""

_VERDICTS = ("liquidatable",)
_TIERS = ("tier", "fixed_tier")
_UNKNOWN = {
    "margin_ratio": "nothing is required",
    "venue_ratio": "nothing is required, or nothing is left",
    "liquidatable": "nothing to liquidate for: no",
    "initial_margin": "unknown: a leverage is missing",
}


def rows_of(terms: Mapping[str, Sequence[Any]], pool: int, first: int, sources: Table) -> list[dict[str, Any]]:
    """Make the rows of a pool, the first of which is row ``first`` of all."""
    stated = {row["rule"]: row for row in sources.rows()}
    rows = []
    for at, word in enumerate(terms["term"]):
        source = _source(terms["rule"][at], stated)
        parent, repeats = terms["parent"][at], terms["repeats"][at]
        rows.append(
            {
                "pool": pool,
                "level": terms["level"][at],
                "term": word,
                "instrument": terms["instrument"][at],
                "position_side": terms["side"][at],
                "constraint": terms["constraint"][at] or None,
                "formula": _formula(word, terms["formula"][at], terms["value"], at),
                "value": terms["value"][at],
                "asset": terms["unit"][at],
                "rule": terms["rule"][at] or None,
                "source": source.get("text"),
                "retrieved": source.get("retrieved"),
                "evidence": source.get("evidence"),
                "row": -1 if terms["position"][at] is None else terms["position"][at],
                "parent": -1 if parent is None else first + parent,
                "repeats": -1 if repeats is None else first + repeats,
            }
        )
    return rows


def _source(rule: str, stated: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Give the source of a rule: the one that is stated for the longest part of its path."""
    while rule:
        if rule in stated:
            return stated[rule]
        rule = rule.rpartition(".")[0]
    return {}


def _formula(word: str, tokens: Sequence[Token], values: Sequence[float], at: int) -> str:
    value = values[at]
    if not tokens:
        return _UNKNOWN.get(word, "unknown: a leverage is missing" if math.isnan(value) else number(value))
    text = written(tokens, values)
    if word in _VERDICTS:
        return f"{text}: {'yes' if value else 'no'}"
    if word in _TIERS:
        return f"{text}: tier {number(value)}" if len(tokens) > 1 else f"tier {number(value)}"
    return text if len(tokens) == 1 else f"{text} = {number(value)}"
