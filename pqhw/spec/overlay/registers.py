"""The register map of an overlay on a bus, and how its streams are cut into bytes."""

from ..ports import RowPort
from ..ranges import unsigned_range
from ..registers import CLEAR, READ, READ_WRITE, WRITE, Field, Register, lanes_register
from .job import BOOT_MAGIC, BURST_WORDS, VERSION
from .overlay import ACTIVATION_BITS, COUNTER_BITS, OverlaySpec

__all__ = ["MAP_VERSION", "input_rows", "overlay_registers", "result_rows"]

MAP_VERSION = 1
"""Changes whenever a register changes its place or meaning."""


def input_rows(spec: OverlaySpec) -> RowPort:
    """Transfers of images, of which the hardware knows no more than that their last one holds at
    least one integer."""
    return RowPort(unsigned_range(ACTIVATION_BITS), (1,), 1, spec.lanes)


def result_rows(spec: OverlaySpec) -> RowPort:
    """Transfers of results, all of whose lanes are given."""
    return RowPort(spec.accumulator_range, (spec.lanes,), spec.lanes, spec.lanes)


def overlay_registers(spec: OverlaySpec) -> tuple[Register, ...]:
    """All registers of an overlay on a bus, by rising offset.

    Those that accelerators of one network have too stand where they have them.
    """
    return (
        Register("ID", 0x00, READ, "what this is", (
            Field("MAGIC", 0, 32, "`PQOV`, its first letter in the lowest byte", BOOT_MAGIC),)),
        Register("VERSION", 0x04, READ, "how to talk to it", (
            Field("MAP", 0, 8, "version of this register map", MAP_VERSION),
            Field("PROGRAM", 8, 8, "version of the program's format", VERSION),
            Field("COUNTER_BITS", 16, 8, "bits of the counters, which wrap around",
                  COUNTER_BITS))),
        Register("CONFIGURATION", 0x08, READ, "which overlay this is", (
            Field("HASH", 0, 32, "what programs must carry to be run", spec.configuration),)),
        Register("CONTROL", 0x0c, WRITE, "commands", (
            Field("RESET", 0, 1, "1 ends the program: images under way, counters"),
            Field("START", 1, 1, "1 begins the program at `BASE`, with `RESET` anew"))),
        Register("STATUS", 0x10, READ, "the present state", (
            Field("READY", 0, 1, "the program has begun as it should"),
            Field("RUNNING", 1, 1, "a program was started, and neither ended nor reset"),
            Field("DRAINING", 2, 1, "words that were asked for before a reset are still to come"),
            Field("RESULT_WAITS", 3, 1, "a result is on offer and not taken yet"))),
        Register("ERRORS", 0x14, CLEAR, "what went wrong since the bit was cleared", (
            Field("PROGRAM", 0, 1, "the program was refused; `PROGRAM_ERROR` says why"),
            Field("IMAGE_SHORT", 1, 1, "an image's TLAST came early; zeros completed the image"),
            Field("IMAGE_LONG", 2, 1, "an image's TLAST came late; what was too much was dropped"),
            Field("KEEP", 3, 1, "TKEEP left out an integer before an image's last transfer, or "
                  "the first of that; it counted as 0"))),
        Register("PROGRAM_ERROR", 0x18, READ,
                 "of the first program refused since `ERRORS` was cleared", (
                     Field("CODE", 0, 4, "an error code of programs"),
                     Field("BLOCK", 16, 16, "number of the block it was found in"))),
        Register("IMAGES_IN", 0x20, READ, "images taken in", (
            Field("COUNT", 0, COUNTER_BITS, "modulo 2^COUNTER_BITS, 0 after a reset"),)),
        Register("IMAGES_OUT", 0x24, READ, "images whose results were given out", (
            Field("COUNT", 0, COUNTER_BITS, "modulo 2^COUNTER_BITS, 0 after a reset"),)),
        Register("BASE_LOW", 0x30, READ_WRITE, "where the program stands", (
            Field("ADDRESS", 0, 32, "the lower half of its byte address, a multiple of "
                  "`PORT_BYTES`"),)),
        Register("BASE_HIGH", 0x34, READ_WRITE, "where the program stands", (
            Field("ADDRESS", 0, 32, "the upper half of its byte address"),)),
        lanes_register("INPUT", 0x40, input_rows(spec), signed=False),
        lanes_register("RESULT", 0x50, result_rows(spec)),
        Register("MEMORY", 0x60, READ, "how programs are read", (
            Field("PORT_BYTES", 0, 8, "bytes of a word of the memory port",
                  spec.port_bits // 8),
            Field("BURST_WORDS", 8, 8, "words of a burst, at most", BURST_WORDS))))
