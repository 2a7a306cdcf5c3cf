"""docs/boards.md says what the code does."""

from docs_pages import DOCS
from test_docs import table_rows

from boards.catalog import BOARDS
from pqhw.spec.link import Code, Kind

PAGE = (DOCS / "boards.md").read_text(encoding="utf-8")


def test_every_board_stands_in_its_table():
    rows = [(row[0], row[1], row[3]) for row in table_rows(PAGE, "## Boards")[:-1]]
    assert rows == [(f"`{own.name}`", own.title, "; ".join(
        ["its USB"] * bool(own.usb_ids) + [own.note] * bool(own.note)))
        for own in BOARDS.values()]


def test_kinds_and_codes_stand_in_their_tables():
    for head, names in (("| kind |", Kind), ("| code |", Code)):
        lines = PAGE[PAGE.index(head):].split("\n\n", 1)[0].splitlines()[2:]
        cells = [line.split("|") for line in lines]
        assert {row[2].strip(): int(row[1]) for row in cells} == {
            one.name: one.value for one in names}
