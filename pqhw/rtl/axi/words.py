"""The words of registers: what their fields show, and errors that stay."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Module, Signal, Value

from ...spec.registers import Register
from .lite import RegisterPort

__all__ = ["RegisterWords"]


class RegisterWords:
    """Connects what a module knows to the registers behind its `RegisterPort`.

    Parameters
    ----------
    m:
        The module, in which the port stands.
    port:
        The port.
    registers:
        Its map.
    """

    def __init__(self, m: Module, port: RegisterPort, registers: Sequence[Register]):
        self.m, self.port = m, port
        self.registers = {register.name: register for register in registers}

    def bit(self, register: str, name: str, word: Signal) -> Value:
        """The bits of a field in a word."""
        field = self.registers[register].field(name)
        return word[field.low:field.low + field.bits]

    def commands(self, register: str, name: str) -> Value:
        """A one is written to a field of one bit in this cycle."""
        write: Signal = getattr(self.port, f"write_{register.lower()}")
        return write & self.bit(register, name, self.port.data)

    def tell(self, name: str, **fields: Value) -> None:
        """Give the fields of a register, all of them, their values."""
        assert {field.name for field in self.registers[name].fields} == set(fields)
        word = getattr(self.port, f"read_{name.lower()}")
        self.m.d.comb += [self.bit(name, field, word).eq(value)
                          for field, value in fields.items()]

    def keep_errors(self, events: Mapping[str, Value], refused: str, describes: str,
                    **details: Signal) -> None:
        """Give `ERRORS` its bits.

        They stay until ones are written over them; an event in the same cycle wins. The bit
        `refused` is set when the first of `details` becomes other than zero. What these are then
        is kept in the register `describes`, of the first time since the bit was cleared.
        """
        m = self.m
        code = next(iter(details.values()))
        before, found = Signal(name="error_before"), Signal(name="refused")
        firsts = [Signal.like(value, name=f"first_{name.lower()}")
                  for name, value in details.items()]
        m.d.sync += before.eq(code.any())
        m.d.comb += found.eq(code.any() & ~before)
        kept = {}
        for name, event in {refused: found, **events}.items():
            kept[name] = bit = Signal(name=f"error_{name.lower()}")
            with m.If(event):
                m.d.sync += bit.eq(1)
            with m.Elif(self.commands("ERRORS", name)):
                m.d.sync += bit.eq(0)
        self.tell("ERRORS", **kept)
        clears = self.commands("ERRORS", refused)
        with m.If(found & (~kept[refused] | clears)):
            m.d.sync += Cat(firsts).eq(Cat(details.values()))
        with m.Elif(clears):
            m.d.sync += Cat(firsts).eq(0)
        self.tell(describes, **dict(zip(details, firsts)))
