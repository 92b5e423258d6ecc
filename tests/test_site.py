"""The documentation site builds without warnings and contains every page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")


def test_the_site_builds_in_strict_mode(tmp_path: Path) -> None:
    """Broken links and missing objects are warnings, which strict mode turns into errors."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'id="seqpred.train"' in (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    assert "/blob/main/data/README.md" in (tmp_path / "site" / "cells" / "index.html").read_text(encoding="utf-8")
    for name in ("llms.txt", "seqpred.schema.json"):
        assert (tmp_path / "site" / name).exists()


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    site = yaml.safe_load(navigation)
    pages = {
        file for section in site["nav"][1:] for entries in section.values() for e in entries for file in e.values()
    }
    assert pages | {"index.md"} == {page.name for page in (ROOT / "docs").glob("*.md")}
