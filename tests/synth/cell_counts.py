"""What cells of a netlist are in LUT4 and flip-flops."""

from pqhw.spec.ranges import ceil_div

ECP5 = ("LUT4", "CCU2C", "TRELLIS_FF", "PFUMX", "L6MUX21")
ICE40 = ("SB_LUT4", "SB_CARRY", "SB_DFF", "SB_DFFE", "SB_DFFSR", "SB_DFFESR", "SB_DFFESS",
         "SB_DFFSS")


def halves(cells):
    """LUT4 of logic: a CCU2C takes the place of two."""
    return 2 * cells["CCU2C"] + cells["LUT4"]


def adder_halves(width):
    """LUT4 of an adder: one per bit and one for the start of its chain."""
    return width + 1


def tree(terms, bits):
    """LUT4 and flip-flops of a pipelined adder tree over `terms` values."""
    luts = flip_flops = 0
    while terms > 1:
        bits += 1
        luts += terms // 2 * adder_halves(bits)
        flip_flops += terms // 2 * bits + terms % 2 * (bits - 1)
        terms = ceil_div(terms, 2)
    return luts, flip_flops


def assert_kinds(cells, *kinds):
    """Nothing but these cells: no latch, nothing that was not mapped."""
    assert set(cells) <= set(kinds), sorted(set(cells) - set(kinds))


def flip_flops(cells):
    """Flip-flops of either fabric."""
    return sum(count for kind, count in cells.items() if "DFF" in kind or kind == "TRELLIS_FF")
