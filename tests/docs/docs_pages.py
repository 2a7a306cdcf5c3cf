"""Reads the pages of docs/: fenced blocks with the directives in front of them.

A directive is an HTML comment on the line above a block::

    <!-- file: layer.toml -->     the block is written to that file first
    <!-- output -->               the block is what the block before prints; … stands for any
                                  text, with the spaces behind it
    <!-- needs: g++ iverilog -->  left out, with the reason, where a program or module is missing
    <!-- exit: 1 -->              the last command ends with this status
    <!-- not run: reason -->      shown only
"""

import dataclasses
import importlib.util
import re
import shutil
from pathlib import Path

__all__ = ["Block", "DOCS", "PAGES", "anchors", "blocks", "links", "matches", "missing"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))

FENCE = re.compile(r"^```(\w*)$")
DIRECTIVE = re.compile(r"^<!-- ([\w ]+?)(?:: (.*))? -->$")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line in the page, and directives."""
    language: str
    text: str
    line: int
    directives: dict[str, str]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    directives: dict[str, str] = {}
    body: list[str] | None = None
    language, start = "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if body is not None:
            if line == "```":
                found.append(Block(language, "\n".join(body) + "\n", start, directives))
                body, directives = None, {}
            else:
                body.append(line)
        elif match := FENCE.match(line):
            language, start, body = match.group(1), number, []
        elif match := DIRECTIVE.match(line):
            directives[match.group(1)] = match.group(2) or ""
        elif line.strip():
            directives = {}
    assert body is None, f"{page.name}: the block at line {start} has no end"
    return found


def links(page: Path) -> list[str]:
    """Targets of the page's links, those in blocks left out."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """The page's headings as link targets."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in kept}


def missing(block: Block) -> list[str]:
    """Programs and modules that the block needs and that are not installed."""
    return [name for name in block.directives.get("needs", "").split()
            if shutil.which(name) is None and importlib.util.find_spec(name) is None]


def matches(wanted: str, printed: str) -> bool:
    """Whether the text is what was printed; … and spaces behind it stand for any part of a line."""
    lines = [re.sub(r"…(\\ )*", ".*", re.escape(line.rstrip()))
             for line in wanted.strip().splitlines()]
    given = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch("\n".join(lines), given) is not None
