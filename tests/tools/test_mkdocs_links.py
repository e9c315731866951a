"""The hook that turns links out of the site into text, and the site's list of pages."""

from __future__ import annotations

import pytest
import yaml

from tools.house import ROOT
from tools.mkdocs_links import on_page_markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[studies/own.yaml](../studies/own.yaml)", "`studies/own.yaml`"),
        ("[`studies/own.yaml`](../../studies/own.yaml)", "`studies/own.yaml`"),
        ("[the record](../studies/results/x)", "the record (`studies/results/x`)"),
        ("[more](space.md) ![a](../pictures/a.svg)", "[more](space.md) ![a](../pictures/a.svg)"),
    ],
)
def test_links_out_of_the_site_become_text(text, shown):
    """Links inside the site and pictures stay."""
    assert on_page_markdown(text) == shown


def test_every_page_is_in_the_sites_navigation():
    """And the navigation names no page that is gone."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def pages(entries):
        for entry in entries:
            if isinstance(entry, str):
                yield entry
            else:
                for inner in entry.values():
                    yield from pages(inner)

    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(pages(site["nav"])) == docs


def test_ci_builds_the_site_strictly():
    """A broken link or docstring fails CI."""
    assert "mkdocs build --quiet --strict" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
