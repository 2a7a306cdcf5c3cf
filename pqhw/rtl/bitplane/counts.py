"""Counts of products of bits, formed inside the carry chains that count them."""

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.popcount import CountPlan, count_plan
from ..segments import CarryChains, Segment
from ..sums import delayed
from ..target import Target

__all__ = ["ProductCount"]

SMALLEST_CHAIN = 3
"""Bits from which on a sum with signs stands on a chain."""


class ProductCount(wiring.Component):
    """How many of `products` products of a bit of w and one of x are one.

    A half of a carry chain has four inputs: it forms two products and adds them, and the half
    that begins a sum forms a third as its carry. So two halves count three products, and every
    sum of two counts takes one product more.

    Parameters
    ----------
    products:
        How many.
    equal:
        Whether a product is the exclusive or of its bits instead of their and.
    signed:
        Whether `negative` inverts the count, which is then a two's complement integer.

    Members
    -------
    w, x: bits
    negative: -1 less the count is wanted (where `signed`)
    enable: advances the registers
    total: the count

    Latency and cost
    ----------------
    `count_plan(products).depth` cycles. On ECP5 `halves` of that plan, which are LUT4: 2/3, 1, 1.2,
    1.32, 1.4 for each of 3, 7, 15, 31, 63 products; signed one more for the carry, and one for the
    sign. A full adder takes one bit away, so n products take no fewer than n less the bits of the
    count.
    """

    def __init__(self, products: int, equal: bool, signed: bool):
        self.plan = count_plan(products)
        self.equal = equal
        self.signed = signed
        super().__init__({
            "w": In(products), "x": In(products), "enable": In(1),
            **({"negative": In(1)} if signed else {}),
            "total": Out(self.plan.bits + signed)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        chains = CarryChains(m, platform, "counts")
        total = self._count(m, chains, self.plan, 0, self.plan.depth, "count",
                            self.negative if self.signed else None)
        m.d.comb += self.total.eq(total)
        chains.place()
        return m

    def _count(self, m: Module, chains: CarryChains, plan: CountPlan, first: int, level: int,
               name: str, negative: Value | None = None) -> Value:
        """The count of the products from `first` on, `level` cycles after they came."""
        options = "e" if self.equal else ""
        bits = range(first, first + plan.products)
        if not plan.parts:
            waited = [self._waited(m, port, bits, level - 1, name) for port in (self.w, self.x)]
            if plan.products == 1:
                count: Value = waited[0] ^ waited[1] if self.equal else waited[0] & waited[1]
            else:
                count = chains.add(f"{name}_sum", Segment(
                    "products", plan.products, plan.products, options), a=waited[0], b=waited[1])
            if negative is not None:
                count = self._inverted(count[:plan.bits],
                                       delayed(m, self.enable, negative, level - 1, "sign")[-1])
            return self._held(m, count, name)
        parts, at = [], first
        for index, part in enumerate(plan.parts):
            parts.append(self._count(m, chains, part, at, level - 1, f"{name}_{index}"))
            at += part.products
        ports = dict(zip("ab", [*parts, Const(0, 1)]))
        flags = ""
        if plan.carried:
            product = [self._waited(m, port, range(at, at + 1), level - 1, name)
                       for port in (self.w, self.x)]
            ports |= {"c": product[0], "k": product[1]}
            flags = "ck" + options
        sign = Const(0, 0)
        if negative is not None:
            sign = delayed(m, self.enable, negative, level - 1, "sign")[-1]
            ports, flags = self._signed(ports, flags, sign, max(SMALLEST_CHAIN, plan.operand_bits))
        segment = Segment("sum", len(ports["a"]), len(ports["b"]), flags)
        total = chains.add(f"{name}_sum", segment, **ports)
        return self._held(m, Cat(total[:plan.bits], sign), name)

    def _signed(self, ports: dict[str, Value], flags: str, sign: Value,
                width: int) -> tuple[dict[str, Value], str]:
        """Operands that give ~(a + b + c) where `sign`: ~a + ~b + 1 - c, of which the sum has all
        bits but the sign."""
        if "c" not in flags:
            carry = sign
        elif self.equal:
            carry = ports["c"] ^ ports["k"] ^ sign
        else:
            carry = (ports["c"] & ports["k"]) ^ sign
        wide = {port: Cat(ports[port], Const(0, width - len(ports[port]))) for port in "ab"}
        return {**wide, "x": sign, "y": sign, "c": carry}, "xyc"

    @staticmethod
    def _inverted(count: Value, sign: Value) -> Value:
        return Cat(count, Const(0, 1)) ^ sign.replicate(len(count) + 1)

    def _waited(self, m: Module, port: Value, bits: range, cycles: int, name: str) -> Value:
        label = "w" if port is self.w else "x"
        return delayed(m, self.enable, port[bits.start:bits.stop], cycles, f"{name}_{label}")[-1]

    def _held(self, m: Module, value: Value, name: str) -> Value:
        return delayed(m, self.enable, value, 1, name)[-1]
