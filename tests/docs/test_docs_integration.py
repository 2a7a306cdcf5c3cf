"""The table of registers is what the code describes."""

import pytest
from builders import chain
from bitplane_builders import planes
from docs_pages import DOCS

from pqhw.spec.overlay import OverlaySpec
from pqhw.spec.overlay.registers import overlay_registers
from pqhw.spec.registers import Register, register_map

WIDEST = chain(planes(precisions=[[3, 3], [1, 2]], counter_bits=32, load_bits=32))
"""A design that has every register, as wide as it can be."""


def lines_of(register: Register) -> list[str]:
    """The rows of a register in the table."""
    head = f"| 0x{register.offset:03x} | `{register.name}` | {register.access} "
    lines = []
    for field in register.fields:
        high = field.low + field.bits - 1
        bits = f"{high} … {field.low}" if field.bits > 1 else str(high)
        lines.append(f"{head}| `{field.name}` | {bits} | {field.doc} |")
        head = "|  |  |  "
    return lines


@pytest.mark.parametrize("name, registers", [
    ("integration.md", register_map(WIDEST)), ("overlay-bus.md", overlay_registers(OverlaySpec()))])
def test_registers_stand_in_their_page_as_the_code_declares_them(name, registers):
    table = ["| offset | register | use | field | bits | meaning |", "|---|---|---|---|---|---|"]
    for register in registers:
        table += lines_of(register)
    wanted = "<!-- registers -->\n\n" + "\n".join(table) + "\n\n"
    page = (DOCS / name).read_text(encoding="utf-8")
    assert wanted in page, f"docs/{name} must contain\n{wanted}"
