"""Logic of others between the ports of an accelerator."""

from amaranth.hdl import Cat, Const, Instance, Module, Shape, Signal, Value
from amaranth.lib import wiring

from ..rtl.accelerator import accelerator_signature
from ..rtl.results import clamp
from ..rtl.streams import shape_of
from ..rtl.target import Target
from ..spec import ChainSpec
from ..spec.parameters import MACParameters, rounding_constant
from .da4ml import PREFIX, Logic

__all__ = ["ExternalRows"]


class ExternalRows(wiring.Component):
    """Rows through stages of constant logic, a register after each.

    What leaves the stages gets its bias, and where results are requantised a shift and a clamp, a
    cycle each. Stalls change nothing but time. There is no loader, no guard and no counter: an
    image at `load` is taken and forgotten, rows are trusted, and `status` is ready from the start.

    Parameters
    ----------
    chain:
        A dense MAC layer, all of a row in one transfer and all results in one.
    parameters:
        Its integers; those of the weights are what `logic` was made from.
    logic:
        The stages, whose modules are not part of this component's Verilog.

    Members
    -------
    As of an `Accelerator`.

    Latency and cost
    ----------------
    `latency` cycles, a row per cycle. Beside the stages their registers, and for every output
    with a bias an adder.
    """

    def __init__(self, chain: ChainSpec, parameters: MACParameters, logic: Logic):
        self.spec = chain.first
        self.logic = logic
        rounding = rounding_constant(self.spec, parameters.shift)
        self.offsets = [int(bias) + rounding for bias in parameters.bias]
        self.shift = parameters.shift
        super().__init__(accelerator_signature(chain))

    @property
    def latency(self) -> int:
        """Registers from `i` to `o`: one in front of every stage, one behind the last, one for
        the bias where there is any, one for the clamp."""
        return (len(self.logic.stages) + 1 + int(any(self.offsets))
                + int(self.spec.output is not None))

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        enable = Signal()
        present = Signal(self.latency)
        with m.If(enable):
            m.d.sync += present.eq(Cat(self.i.valid, present))
        m.d.comb += [
            enable.eq(~present[-1] | self.o.ready), self.i.ready.eq(enable),
            self.o.valid.eq(present[-1]), self.o.payload.last.eq(1),
            self.load.ready.eq(1), self.status.ready.eq(1)]

        def held(value: Value, name: str, shape: Shape | None = None) -> Signal:
            register = Signal(value.shape() if shape is None else shape, name=name,
                              reset_less=True)
            with m.If(enable):
                m.d.sync += register.eq(value)
            return register

        elements = zip(self.i.payload.data, self.logic.inputs)
        word: Value = Cat(Value.cast(element)[:bits] for element, bits in elements)
        for index, (_, bits) in enumerate(self.logic.stages):
            formed = Signal(bits, name=f"formed{index}")
            m.submodules[f"stage{index}"] = Instance(
                f"{PREFIX}{index}", i_model_inp=held(word, f"stage{index}_input"),
                o_model_out=formed)
            word = formed
        sums = self._sums(held(word, "sums"))
        if any(self.offsets):
            shape = shape_of(self.spec.accumulator_range)
            sums = [held(value + Const(offset), f"biased{n}", shape)
                    for n, (value, offset) in enumerate(zip(sums, self.offsets))]
        if self.spec.output is not None:
            range_ = self.spec.result_range
            sums = [held(clamp(value >> self.shift, range_), f"result{n}", shape_of(range_))
                    for n, value in enumerate(sums)]
        m.d.comb += [self.o.payload.data[n].eq(value) for n, value in enumerate(sums)]
        return m

    def _sums(self, word: Value) -> list[Value]:
        values: list[Value] = []
        low = 0
        for output in self.logic.outputs:
            value = word[low:low + output.bits]
            low += output.bits
            if output.shift > 0:
                value = Cat(Const(0, output.shift), value)
            values.append(value.as_signed() if output.signed else value)
        return values
