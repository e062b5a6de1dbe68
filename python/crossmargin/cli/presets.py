"""``crossmargin presets``: what rules are shipped, of which date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import crossmargin as xm
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.writers import write_table

if TYPE_CHECKING:
    import argparse

NOTICE = "Unofficial: facts from public documents; no venue is affiliated with crossmargin."
"""What every listing of a venue's rules says."""


def run(args: argparse.Namespace) -> None:
    """List the presets with their dates and titles."""
    listed = xm.presets()
    keys = list(zip(listed["preset"].tolist(), listed["as_of"].tolist(), strict=True))
    titles = [xm.load_market(name, as_of=day).title or "" for name, day in keys]
    if args.format is not None:
        write_table(xm.Table(listed.to_dict() | {"title": titles}), STANDARD, args.format)
        return
    width = max(len(name) for name, _ in keys)
    for (name, day), title in zip(keys, titles, strict=True):
        print(f"{name:<{width}}  {day}  {title}".rstrip())
    print(NOTICE)
