"""What a board is: its part, its clock, the pins that are used, and how it is programmed."""

import dataclasses
import importlib
from typing import Any

from pqhw.spec.devices import Device
from pqhw.spec.fields import SpecError

__all__ = ["Board", "Pin"]


@dataclasses.dataclass(frozen=True)
class Pin:
    """A port of the board's top module.

    Members
    -------
    site: the package's pin
    attributes: of the family's constraint file
    inverted: the signal is active low
    """
    port: str
    site: str
    attributes: tuple[tuple[str, str], ...] = ()
    inverted: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """A board as data; its pins come from amaranth-boards.

    Members
    -------
    part: what Yosys and nextpnr are told
    platform: module of amaranth_boards and class in it
    uart: resource and number of the serial port, or connector pins of rx and tx
    lights: resources of lights with their numbers and, of coloured ones, the part of each, in the
        order of `boards.top.LIGHTS`; None for one that is left out
    pll: how the clock comes: `pqhw.flow`'s name of the cell
    packing: options of the tool that packs the bitstream
    buffer_bytes, buffers: of the serial link, and the memories they stand in, as of `LinkSpec`
    usb_ids: vendor and product of the board's own serial adapter; none where it has no such
    program: command that loads the bitstream, with {file}
    note: what has to be known to use it
    """
    name: str
    title: str
    part: Device
    platform: tuple[str, str]
    uart: tuple[str, int] | tuple[str, str]
    lights: tuple[tuple[str, int] | tuple[str, int, str] | None, ...]
    pll: str
    packing: tuple[str, ...] = ()
    buffer_bytes: int
    buffers: str = "bram"
    usb_ids: tuple[tuple[int, int], ...] = ()
    program: str
    note: str = ""

    def pins(self) -> tuple[int, list[Pin]]:
        """The clock's frequency in Hz, and the pins of clk, rx, tx and light<n>.

        Raises `SpecError` where amaranth-boards is missing.
        """
        platform = self._platform()
        clock = platform.lookup(platform.default_clk)
        found = [_pin("clk", platform, clock, clock.ios[0])]
        if isinstance(self.uart[1], int):
            uart = platform.lookup(*self.uart)
            found += [_pin(sub.name, platform, uart, sub.ios[0], sub) for sub in uart.ios
                      if sub.name in ("rx", "tx")]
        else:
            standard = _attributes(platform, clock.attrs)
            found += [Pin(port, platform._conn_pins[f"io_0:{pin}"], standard)
                      for port, pin in zip(("rx", "tx"), self.uart)]
        for index, light in enumerate(self.lights):
            if light is None:
                continue
            resource = platform.lookup(*light[:2])
            parts = {part.name: part for part in resource.ios} if len(light) > 2 else {}
            pins = parts[light[2]].ios[0] if len(light) > 2 else resource.ios[0]
            found.append(_pin(f"light{index}", platform, resource, pins))
        return round(clock.clock.frequency), found

    def _platform(self) -> Any:
        module, name = self.platform
        try:
            return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)()
        except ModuleNotFoundError:
            raise SpecError("amaranth-boards is not installed; run: pip install 'pqhw[boards]'"
                            ) from None


def _attributes(platform: Any, attributes: Any) -> tuple[tuple[str, str], ...]:
    given = {name: value(platform) if callable(value) else value
             for name, value in attributes.items()}
    return tuple(sorted((name, str(value)) for name, value in given.items()))


def _pin(port: str, platform: Any, resource: Any, pins: Any, part: Any = None) -> Pin:
    attributes = dict(resource.attrs) | (dict(part.attrs) if part is not None else {})
    return Pin(port, pins.names[0], _attributes(platform, attributes), bool(pins.invert))
