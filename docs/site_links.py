"""A hook of mkdocs: links to files of the repository outside docs/ lead to GitHub."""

from __future__ import annotations

import re
from typing import Any

REPOSITORY = "https://github.com/seqpred/seqpred/blob/main/"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace `../` at the start of link targets; mkdocs calls this for each page."""
    return re.sub(r"\]\(\.\./", f"]({REPOSITORY}", markdown)
