"""Cells of a MAC core's weights and lanes."""

from ...spec import MACSpec
from ...spec.many import largest
from .cells import Cells, Fabric
from .encoders import section_memory
from .signed import shift_lane

__all__ = ["mac_lanes", "multiplier", "weights"]

SMALLEST_DSP = 11
"""Bits of a product below which Yosys leaves it to logic on iCE40."""


def weights(fabric: Fabric, spec: MACSpec) -> Cells:
    """The weight memories, each one wide bank, and their address counter, which a later one's
    address follows."""
    cells = fabric.counter(spec.weight_words)
    for core in spec.cores:
        section = spec.section(core.section)
        cells += section_memory(fabric, section, spec.weight_store, spec.engine.bram_register)
        cells += fabric.registers(core.late * section.address_bits, alone=True)
    return cells


def mac_lanes(fabric: Fabric, spec: MACSpec) -> Cells:
    """row_lanes * outputs products, the signs that pass beside them, and the inputs that wait
    for their weights."""
    late = largest(*(core.late for core in spec.cores))
    inputs = spec.pixels * spec.row_lanes * spec.precision.activation_bits
    cells = fabric.registers((spec.weight_stages + late) * inputs, alone=True)
    fixed = spec.fixed_outputs * spec.pixels
    on_dsp = spec.dsp_products
    in_logic = fixed * spec.row_lanes - on_dsp
    if on_dsp:
        cells += _dsp_lanes(fabric, spec, on_dsp)
    if in_logic:
        cells += _logic_lane(fabric, spec) * in_logic
    shifted = spec.outputs - spec.fixed_outputs
    if shifted:
        lane = shift_lane(fabric, spec, shifted)
        stages = spec.product_stages - late
        count = shifted * spec.pixels * spec.row_lanes
        cells += (lane + fabric.registers(stages, alone=True)) * count
    return cells


def _logic_lane(fabric: Fabric, spec: MACSpec) -> Cells:
    """A product with an integer weight in logic, and its sign."""
    bits, product = spec.engine.weight_bits, spec.scheme_product("fixed", False).bits
    if not spec.signed_terms:
        lane = multiplier(fabric, spec.activation_range.bits, bits, product, "lut")
    else:
        lane = multiplier(fabric, spec.activation_range.bits, bits - 1, product, "lut")
        if bits % 2 == 0 and 2 < bits <= spec.activation_range.bits + 1:  # One for all outputs.
            lane += Cells(ff=-spec.activation_range.bits * (1 - 1 / spec.fixed_outputs))
        lane += fabric.registers(spec.product_stages, alone=True)
    return lane + fabric.registers(product * spec.registers_products, alone=True)


def _dsp_lanes(fabric: Fabric, spec: MACSpec, count: int) -> Cells:
    """Products on DSP blocks; where several share one, or lanes in logic have theirs, a sign
    beside each, and the magnitudes of signed inputs."""
    bits, units = spec.precision.activation_bits, spec.dsp_units
    product = spec.scheme_product("fixed", True)
    cells = Cells()
    if spec.packed > 1:
        cells += Cells(dsp=units)
        if spec.activation_range.signed:
            cells += Cells(lut=count + 1.2 * bits * spec.pixels * spec.row_lanes)
        if not fabric.ecp5:  # Unsigned operands: their registers stay outside the block.
            cells += fabric.registers(units * (bits + spec.packed * spec.field_bits))
            cells += fabric.registers(units * (bits + spec.packed * spec.field_bits))
    else:
        width = spec.engine.weight_bits - int(spec.signed_terms)
        cells += multiplier(fabric, spec.activation_range.bits, width, product.bits, "dsp") * units
    if spec.signed_terms:
        cells += fabric.registers(count * spec.product_stages, alone=True)
    field = spec.field_bits if spec.packed > 1 else product.bits
    return cells + fabric.registers(count * field * spec.registers_products, alone=True)


def multiplier(fabric: Fabric, x: int, w: int, product: int, style: str) -> Cells:
    """x by w bits: a DSP block with its registers; or, in logic, a chain per pair of rows of the
    narrower operand, registered, then the sums of pairs, registered.

    On iCE40 Yosys leaves small products to logic whatever the style.
    """
    if style == "dsp":
        if fabric.ecp5 or x + w >= SMALLEST_DSP:
            return Cells(dsp=1)
        return (Cells(lut=2.1 * x * w) + fabric.registers(x + w, alone=True)
                + fabric.registers(x + w))
    wide, rows = max(x, w), min(x, w)
    if rows == 1:
        return Cells(lut=wide) + fabric.registers(wide + product)
    cells = (fabric.row_pair(wide) + fabric.registers(wide + 2)) * (rows // 2)
    sums = [(2, wide + 2)] * (rows // 2)
    if rows % 2:
        cells += fabric.registers(wide + 1, alone=True)
        sums.append((1, wide))
    while len(sums) > 1:
        following: list[tuple[int, int]] = []
        for (gap, first), (count, _) in zip(sums[::2], sums[1::2]):
            width = min(first + count, product)
            add = fabric.add_gated if count == 1 else fabric.add
            cells += add(width - gap)
            following.append((gap + count, width))
        sums = following + sums[len(following) * 2:]
    return cells + fabric.registers(product)
