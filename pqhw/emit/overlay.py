"""Overlays as Verilog, and their programs as bytes for the memory."""

import functools
import hashlib
import importlib.metadata
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.lib.wiring import In

from .. import __version__
from ..rtl.axi import BYTE_ADDRESS_BITS, AxiOverlay, AxiTop, overlay_members
from ..rtl.overlay import Overlay, overlay_signature
from ..spec.overlay import Block, Kind, Program
from ..spec.overlay.job import (BOOT, BOOT_MAGIC, BURST_WORDS, HEADER, MAGIC, VERSION,
                                descriptor_beats, header_beats, pack_fields)
from ..spec.network import NetworkSpec
from ..spec.overlay.cycles import program_cycles
from ..spec.overlay.files import dump_overlay
from ..spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS, OverlaySpec
from ..spec.overlay.registers import MAP_VERSION, input_rows, overlay_registers, result_rows
from ..spec.registers import BusPort
from ..spec.widths import MULTIPLIER_BITS
from .design import TOP, component_verilog, rtl_hash
from .driver import overlay_driver_files
from .product import bus_entries, core_file, flat_ports, port_entries, write_texts

__all__ = ["overlay_manifest", "overlay_verilog", "pack_program", "write_overlay"]


@functools.lru_cache(maxsize=4)
def overlay_verilog(spec: OverlaySpec, *, target: str = "generic", bus: str = "stream") -> str:
    """The Verilog of an overlay, which depends on its spec alone, with ports of its own (`stream`)
    or of AXI (`axi`)."""
    top = AxiTop(AxiOverlay(spec)) if bus == "axi" else Overlay(spec)
    return component_verilog(top, target=target)


def overlay_manifest(program: Program, verilog: str, target: str,
                     bus: str = "stream") -> dict[str, Any]:
    """Everything a user of the Verilog and of the program needs to know, in plain JSON values."""
    spec, image = program.spec, pack_program(program)
    return {
        "name": TOP, "kind": "overlay", "target": target, "spec": spec.to_mapping(),
        **(_axi(program) if bus == "axi" else _plain(program)),
        "program": {"network": program.name, "bytes": len(image), "blocks": len(program.blocks),
                    "configuration": f"{spec.configuration:08x}",
                    "sha256": hashlib.sha256(image).hexdigest(),
                    "cycles_per_image": program_cycles(program)},
        "hashes": {"rtl_sha256": rtl_hash(verilog),
                   "file_sha256": hashlib.sha256(verilog.encode()).hexdigest()},
        "versions": {"pqhw": __version__, "amaranth": importlib.metadata.version("amaranth")}}


def _plain(program: Program) -> dict[str, Any]:
    """Ports of the overlay itself."""
    spec = program.spec
    ports = [("clk", In(1)), ("rst", In(1)), *flat_ports(overlay_signature(spec))]
    return {
        "clock": "clk", "reset": "rst, synchronous, active high", "ports": port_entries(ports),
        "streams": {"i": {"shape": list(program.input.shape), "lanes": spec.lanes,
                          "lane_bits": ACTIVATION_BITS, "transfers": program.input.transfers},
                    "o": {"shape": list(program.results.shape), "lanes": spec.lanes,
                          "lane_bits": spec.accumulator_bits,
                          "transfers": program.results.transfers},
                    "memory": {"port_bits": spec.port_bits}}}


def _axi(program: Program) -> dict[str, Any]:
    """The same on a bus, with the register map."""
    spec = program.spec
    clocked, bus = bus_entries(overlay_members(spec), overlay_registers(spec), MAP_VERSION)
    given = {"s_axis": (program.input, input_rows(spec)),
             "m_axis": (program.results, result_rows(spec))}
    streams: dict[str, Any] = {name: {
        "data_bytes": BusPort(bytes_).data_bytes, "lanes": spec.lanes,
        "lane_bytes": BusPort(bytes_).lane_bytes, "value_bits": rows.range.bits,
        "signed": rows.range.signed, "shape": list(rows.shape), "elements": rows.features,
        "units": rows.units, "transfers": rows.transfers}
        for name, (rows, bytes_) in given.items()}
    return {**clocked, "bus": bus,
            "streams": {**streams, "m_axi": {"data_bytes": spec.port_bits // 8,
                                             "address_bits": BYTE_ADDRESS_BITS,
                                             "burst_words": BURST_WORDS}}}


def write_overlay(program: Program, network: NetworkSpec, folder: Path, *,
                  target: str = "generic", bus: str = "stream") -> dict[str, Any]:
    """Write an overlay and a network's program for it into `folder`; returns the manifest.

    `pqhw_top.v` and `pqhw_top.core`, which depend on the overlay alone, `program.bin`,
    `manifest.json` and `spec.toml`. With bus `axi` a header and a driver in C as well, likewise of
    the overlay alone. The same network and overlay give the same bytes.
    """
    verilog = overlay_verilog(program.spec, target=target, bus=bus)
    about = overlay_manifest(program, verilog, target, bus)
    driver = overlay_driver_files(program.spec, TOP) if bus == "axi" else {}
    write_texts(folder, {
        f"{TOP}.v": verilog, "manifest.json": json.dumps(about, indent=2) + "\n",
        f"{TOP}.core": core_file("overlay", bool(driver)),
        "spec.toml": dump_overlay(program.spec, network), **driver})
    (folder / "program.bin").write_bytes(pack_program(program))
    return about


def pack_program(program: Program) -> bytes:
    """What the memory holds from the program's first word on, least significant byte first.

    What a program begins with, then its blocks: header, descriptor, biases and multipliers, trees,
    tables or weights. Each ends with the CRC-32 of its words, in a word of its own.
    """
    spec = program.spec
    boot = pack_fields(BOOT, {"magic": BOOT_MAGIC, "configuration": spec.configuration,
                              "beats": program.beats, "version": VERSION})
    parts = [_checked(spec, _words(spec, boot, spec.beats(sum(BOOT.values()))))]
    for number, block in enumerate(program.blocks):
        parts.append(_checked(spec, _block(spec, block, number)))
    return b"".join(parts)


def _checked(spec: OverlaySpec, body: bytes) -> bytes:
    """Words and their checksum, which stands at the end of its word."""
    zeros = bytes(spec.port_bits // 8 - 4)
    return body + zeros + zlib.crc32(body + zeros).to_bytes(4, "little")


def _words(spec: OverlaySpec, bits: int, beats: int) -> bytes:
    return bits.to_bytes(beats * spec.port_bits // 8, "little")


def _block(spec: OverlaySpec, block: Block, number: int) -> bytes:
    beats = block.word_beats(spec)
    header = pack_fields(HEADER, {
        "magic": MAGIC, "number": number, "outputs": len(block.outputs),
        "trees": len(block.thresholds), "words": block.words, "beats": beats})
    parts = [_words(spec, header, header_beats(spec)),
             _words(spec, block.job.pack(), descriptor_beats(spec))]
    acc = spec.accumulator_bits
    parts += [_words(spec, _packed([(_packed([(bias, acc), (factor, MULTIPLIER_BITS)]),
                                     spec.output_bits) for bias, factor in word.tolist()]),
                     spec.output_beats) for word in block.outputs]
    for thresholds, dims in zip(block.thresholds.tolist(), block.dims.tolist()):
        for own, split in zip(thresholds, dims):
            fields = [(value, ELEMENT_BITS) for value in own]
            fields += [(value, spec.dim_bits) for value in split]
            parts.append(_words(spec, _packed(fields), spec.tree_beats))
    values, bits = ((block.weights, ACTIVATION_BITS) if block.job.kind in (Kind.SUM, Kind.LANES)
                    else (block.tables, spec.table_bits))
    # Outputs or taps side by side, of each those of all lanes.
    parts.append(_packed_words(values.transpose(0, 2, 1), bits, beats * spec.port_bits))
    return b"".join(parts)


def _packed(fields: list[tuple[int, int]]) -> int:
    """Values side by side, the first one least significant."""
    bits = at = 0
    for value, width in fields:
        bits |= (int(value) & (1 << width) - 1) << at
        at += width
    return bits


def _packed_words(values: np.ndarray, bits: int, width: int) -> bytes:
    """Words of equally wide values [words, ...], each filled up to `width` bits."""
    if not len(values):
        return b""
    flat = values.reshape(len(values), -1)
    planes = (flat[:, :, None] >> np.arange(bits) & 1).astype(np.uint8).reshape(len(flat), -1)
    filled = np.zeros((len(flat), width), np.uint8)
    filled[:, :planes.shape[1]] = planes
    return np.packbits(filled, axis=1, bitorder="little").tobytes()
