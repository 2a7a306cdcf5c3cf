"""The register map of an accelerator on a bus: what RTL, C header, documents and manifest share."""

import dataclasses
from typing import Any

from .design import Design
from .image import MAGIC, VERSION
from .ports import RowPort

__all__ = ["ADDRESS_BITS", "BusPort", "CLEAR", "Field", "MAP_VERSION", "OKAY", "READ",
           "READ_WRITE", "Register", "SLVERR", "WORD_BITS", "WRITE", "lanes_register",
           "register_map"]

MAP_VERSION = 1
"""Changes whenever a register changes its place or meaning."""

ADDRESS_BITS = 12
"""Bits of a byte address: a page of 4 KiB, the least that interconnects give a target."""

WORD_BITS = 32
"""Bits of a register."""

OKAY, SLVERR = 0, 2
"""Responses on the control port, as AXI numbers them."""

READ, WRITE, CLEAR, READ_WRITE = "read", "write", "clear", "read, write"
"""How a register is used: read only, write only, read and cleared by writing ones, kept as it was
written."""


@dataclasses.dataclass(frozen=True)
class Field:
    """Bits of a register.

    Members
    -------
    value: what the design fixes them to; None where they change
    """
    name: str
    low: int
    bits: int
    doc: str
    value: int | None = None

    @property
    def mask(self) -> int:
        """Ones where the field stands."""
        return (1 << self.bits) - 1 << self.low


@dataclasses.dataclass(frozen=True)
class Register:
    """A word of the map.

    Members
    -------
    offset: byte address
    access: `read`, `write`, `clear` or `read, write`
    """
    name: str
    offset: int
    access: str
    doc: str
    fields: tuple[Field, ...]

    @property
    def readable(self) -> bool:
        """Whether a read is answered with OKAY."""
        return self.access != WRITE

    @property
    def writable(self) -> bool:
        """Whether a write is answered with OKAY."""
        return self.access != READ

    def field(self, name: str) -> Field:
        """A field by name; `KeyError` where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def constant(self) -> int | None:
        """The word, where the design fixes all of it."""
        word = 0
        for field in self.fields:
            if field.value is None:
                return None
            word |= field.value << field.low
        return word

    def to_json(self) -> dict[str, Any]:
        """The register in plain JSON values."""
        fields = [{"name": field.name, "low": field.low, "bits": field.bits, "meaning": field.doc,
                   **({} if field.value is None else {"value": field.value})}
                  for field in self.fields]
        return {"name": self.name, "offset": self.offset, "access": self.access,
                "meaning": self.doc, "fields": fields}


@dataclasses.dataclass(frozen=True)
class BusPort:
    """A stream of rows whose integers each take whole bytes, as arrays of C do.

    Parameters
    ----------
    rows:
        The accelerator's port.
    """
    rows: RowPort

    @property
    def lane_bytes(self) -> int:
        """Bytes of an integer: 1, 2, 4 or 8."""
        return 1 << max(0, (self.rows.range.bits - 1).bit_length() - 3)

    @property
    def data_bytes(self) -> int:
        """Bytes of a transfer."""
        return self.rows.lanes * self.lane_bytes

    @property
    def reach(self) -> int:
        """Lanes that a row's last transfer needs."""
        return self.rows.elements - (self.rows.unit_transfers - 1) * self.rows.lanes

    @property
    def final_keep(self) -> int:
        """TKEEP of a row's last transfer: ones up to the row's end."""
        return (1 << self.reach * self.lane_bytes) - 1

    @property
    def c_type(self) -> str:
        """The C type of an integer."""
        return f"{'' if self.rows.range.signed else 'u'}int{8 * self.lane_bytes}_t"

    def to_json(self) -> dict[str, Any]:
        """What fills a transfer, in plain JSON values."""
        rows = self.rows
        return {"data_bytes": self.data_bytes, "lanes": rows.lanes,
                "lane_bytes": self.lane_bytes, "value_bits": rows.range.bits,
                "signed": rows.range.signed, "elements": rows.features, "units": rows.units,
                "transfers_per_row": rows.transfers, "final_keep": f"{self.final_keep:x}"}


def register_map(design: Design) -> tuple[Register, ...]:
    """All registers of a design on a bus, by rising offset.

    Only designs whose rows choose among precisions have the register `PRECISION`; all other
    registers stand in every map.
    """
    image = design.image
    counter = design.counter_bits
    size = len(image.header()) + image.body_bytes if image.sections else 0
    registers = [
        Register("ID", 0x00, READ, "what this is", (
            Field("MAGIC", 0, 32, "`PQHW`, its first letter in the lowest byte",
                  int.from_bytes(MAGIC, "little")),)),
        Register("VERSION", 0x04, READ, "how to talk to it", (
            Field("MAP", 0, 8, "version of this register map", MAP_VERSION),
            Field("IMAGE", 8, 8, "version of the parameter image", VERSION),
            Field("COUNTER_BITS", 16, 8, "bits of the counters, which wrap around", counter))),
        Register("CONFIGURATION", 0x08, READ, "which accelerator this is", (
            Field("HASH", 0, 32, "what images must carry to be taken", image.configuration),)),
        Register("CONTROL", 0x0c, WRITE, "commands", (
            Field("RESET", 0, 1, "1 resets the accelerator: parameters, rows under way, counters"),
        )),
        Register("STATUS", 0x10, READ, "the present state", (
            Field("READY", 0, 1, "a complete good image is in use; rows are accepted"),
            Field("LOADING", 1, 1, "an image waits or is being taken"),
            Field("LOAD_FREE", 2, 1, "a word for `LOAD_DATA` or `LOAD_LAST` would be taken"),
            Field("RESULT_WAITS", 3, 1, "a result is on offer and not taken yet"))),
        Register("ERRORS", 0x14, CLEAR, "what went wrong since the bit was cleared", (
            Field("LOAD", 0, 1, "an image was refused; `LOAD_ERROR` says why"),
            Field("ROW_SHORT", 1, 1, "a row's TLAST came early; zeros completed the row"),
            Field("ROW_LONG", 2, 1, "a row's TLAST came late; what was too much was dropped"),
            Field("KEEP", 3, 1, "TKEEP left out an integer that belongs to a row; it counted as 0"),
            Field("VALUE", 4, 1, "an integer did not fit its bits; the upper ones were dropped"),
            Field("OVERRUN", 5, 1, "a word for the image came too early and was dropped"))),
        Register("LOAD_ERROR", 0x18, READ, "of the first image refused since `ERRORS` was cleared",
                 (Field("CODE", 0, 4, "an error code of the parameter image"),
                  Field("SECTION", 8, 8, "number of the section it was found in"))),
        Register("ROWS_IN", 0x20, READ, "rows taken in", (
            Field("COUNT", 0, counter, "modulo 2^COUNTER_BITS"),)),
        Register("ROWS_OUT", 0x24, READ, "rows given out", (
            Field("COUNT", 0, counter, "modulo 2^COUNTER_BITS"),)),
        Register("STALL_CYCLES", 0x28, READ, "cycles in which a result had to wait", (
            Field("COUNT", 0, counter, "modulo 2^COUNTER_BITS"),)),
    ]
    if design.precision_bits:
        registers.append(Register("PRECISION", 0x2c, READ, "of the row last taken in", (
            Field("INDEX", 0, design.precision_bits, "as TUSER of the row's first transfer"),)))
    registers += [*_geometry("INPUT", 0x40, design.input), *_geometry("RESULT", 0x50,
                                                                     design.results),
                  Register("LOAD_FORMAT", 0x60, READ, "how an image is cut", (
                      Field("WORD_BYTES", 0, 16, "bytes of a load word", design.load_bits // 8),)),
                  Register("LOAD_BYTES", 0x64, READ, "size of an image", (
                      Field("COUNT", 0, 32, "bytes; 0 where all parameters are built in", size),)),
                  Register("LOAD_DATA", 0x68, WRITE, "takes a part of the image", (
                      Field("PART", 0, _part_bits(design), "the next bytes, the first lowest"),)),
                  Register("LOAD_LAST", 0x6c, WRITE, "takes the image's last part", (
                      Field("PART", 0, _part_bits(design), "as of `LOAD_DATA`"),))]
    return tuple(registers)


def _part_bits(design: Design) -> int:
    """Bits of the image that a write brings: a load word, or 32 bits of a wider one."""
    return min(WORD_BITS, design.load_bits)


def _geometry(port: str, offset: int, rows: RowPort) -> list[Register]:
    """What a driver must know of a stream."""
    return [
        lanes_register(port, offset, rows),
        Register(f"{port}_ELEMENTS", offset + 4, READ, f"a row of the {port.lower()} stream", (
            Field("COUNT", 0, 32, "integers of a row or an image", rows.features),)),
        Register(f"{port}_UNITS", offset + 8, READ, "an image's rows", (
            Field("COUNT", 0, 32, "units of a row, each in transfers of its own", rows.units),)),
        Register(f"{port}_TRANSFERS", offset + 12, READ, "a row's length", (
            Field("COUNT", 0, 32, "transfers of a row, TLAST on the last", rows.transfers),)),
    ]


def lanes_register(port: str, offset: int, rows: RowPort, *, signed: bool = True) -> Register:
    """How a stream's transfers are cut; `signed` says whether the design fixes the sign."""
    sign = Field("SIGNED", 28, 1, "two's complement", int(rows.range.signed))
    return Register(f"{port}_LANES", offset, READ, f"a transfer of the {port.lower()} stream", (
        Field("COUNT", 0, 16, "integers of a transfer", rows.lanes),
        Field("BITS", 16, 8, "bits of an integer that count", rows.range.bits),
        Field("BYTES", 24, 4, "bytes that it takes", BusPort(rows).lane_bytes),
        *([sign] if signed else [])))
