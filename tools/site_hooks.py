"""What the site does to the pages: they are written to be read in the repository as well.

``mkdocs.yml`` names this file. The pages beside ``docs`` are added, links to them and from them are turned to where
they are in the site, and no page may load anything from another host.
"""

import logging
import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

BESIDE = ("ARCHITECTURE.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the root that the site has too."""

LOG = logging.getLogger("mkdocs.hooks.site")

_LINK = re.compile(r"(?P<before>\[[^\]]*\]\()(?P<target>[^)\s#]+)(?P<after>(?:#[^)\s]*)?\))")
_NAMED_FENCE = re.compile(r"^```(?P<language>[a-z]+) (?P<name>[\w./-]+)$", flags=re.MULTILINE)
_ADDRESS = r"""(?:https?:)?//[^"'\s>]+"""
_LOADED = re.compile(rf"""<(?:script|link|img|iframe|source|video|audio)\b[^>]*?\b(?:src|href)=["']?({_ADDRESS})""")
_CANONICAL = re.compile(r"""<link\b[^>]*rel=["']?canonical[^>]*>""")


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages of the root."""
    root = Path(config.config_file_path).parent
    for name in BESIDE:
        files.append(File.generated(config, name, content=(root / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: "Page", **_: object) -> str:
    """Turn links over the edge of ``docs`` to the site's own pages, and file names of blocks to their titles."""
    here = page.file.src_uri
    at = here if here in BESIDE else f"docs/{here}"

    def turned(link: re.Match[str]) -> str:
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(at), target)).removeprefix("docs/")
        return link["before"] + posixpath.relpath(path, posixpath.dirname(here) or ".") + link["after"]

    return _NAMED_FENCE.sub(r'```\g<language> title="\g<name>"', _LINK.sub(turned, markdown))


def on_post_page(output: str, *, page: "Page", **_: object) -> str:
    """Warn, which fails the build, of anything that a page would load from another host."""
    for address in _LOADED.findall(_CANONICAL.sub("", output)):
        LOG.warning("%s loads %s", page.file.src_uri, address)
    return output


def on_post_build(config: "MkDocsConfig") -> None:
    """Look at the style sheets as well."""
    for folder, _, names in os.walk(config.site_dir):
        for name in names:
            if name.endswith(".css"):
                text = (Path(folder) / name).read_text(encoding="utf-8")
                for address in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^)\"']+)", text):
                    LOG.warning("%s loads %s", name, address)
