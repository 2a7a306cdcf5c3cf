"""Overlays as Verilog, and their programs as bytes for the memory."""

import functools
import hashlib
import importlib.metadata
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib.wiring import Out

from .. import __version__
from ..rtl.overlay import Overlay, overlay_signature
from ..spec.overlay import Block, Kind, Program
from ..spec.overlay.job import (BOOT, BOOT_MAGIC, HEADER, MAGIC, VERSION, descriptor_beats,
                                header_beats, pack_fields)
from ..spec.network import NetworkSpec
from ..spec.overlay.cycles import program_cycles
from ..spec.overlay.files import dump_overlay
from ..spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS, OverlaySpec
from ..spec.widths import MULTIPLIER_BITS
from .design import TOP, component_verilog, rtl_hash
from .product import CORE

__all__ = ["overlay_manifest", "overlay_verilog", "pack_program", "write_overlay"]


@functools.lru_cache(maxsize=4)
def overlay_verilog(spec: OverlaySpec, *, target: str = "generic") -> str:
    """The Verilog of an overlay, which depends on its spec alone."""
    return component_verilog(Overlay(spec), target=target)


def overlay_manifest(program: Program, verilog: str, target: str) -> dict[str, Any]:
    """Everything a user of the Verilog and of the program needs to know, in plain JSON values."""
    spec, signature = program.spec, overlay_signature(program.spec)
    ports: list[dict[str, Any]] = [{"name": name, "direction": "input", "bits": 1}
                                   for name in ("clk", "rst")]
    for path, member, _ in signature.flatten(signature.create()):
        ports.append({"name": "__".join(map(str, path)),
                      "direction": "output" if member.flow == Out else "input",
                      "bits": Shape.cast(member.shape).width})
    image = pack_program(program)
    return {
        "name": TOP, "kind": "overlay", "target": target, "spec": spec.to_mapping(),
        "clock": "clk", "reset": "rst, synchronous, active high", "ports": ports,
        "streams": {"i": {"shape": list(program.input.shape), "lanes": spec.lanes,
                          "lane_bits": ACTIVATION_BITS, "transfers": program.input.transfers},
                    "o": {"shape": list(program.results.shape), "lanes": spec.lanes,
                          "lane_bits": spec.accumulator_bits,
                          "transfers": program.results.transfers},
                    "memory": {"port_bits": spec.port_bits}},
        "program": {"network": program.name, "bytes": len(image), "blocks": len(program.blocks),
                    "configuration": f"{spec.configuration:08x}",
                    "sha256": hashlib.sha256(image).hexdigest(),
                    "cycles_per_image": program_cycles(program)},
        "hashes": {"rtl_sha256": rtl_hash(verilog),
                   "file_sha256": hashlib.sha256(verilog.encode()).hexdigest()},
        "versions": {"pqhw": __version__, "amaranth": importlib.metadata.version("amaranth")}}


def write_overlay(program: Program, network: NetworkSpec, folder: Path, *,
                  target: str = "generic") -> dict[str, Any]:
    """Write an overlay and a network's program for it into `folder`; returns the manifest.

    `pqhw_top.v` and `pqhw_top.core`, which depend on the overlay alone, `program.bin`,
    `manifest.json` and `spec.toml`. The same network and overlay give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    verilog = overlay_verilog(program.spec, target=target)
    about = overlay_manifest(program, verilog, target)
    texts = {f"{TOP}.v": verilog, "manifest.json": json.dumps(about, indent=2) + "\n",
             f"{TOP}.core": CORE.format(name=TOP, version=__version__, kind="overlay",
                                         driver=""),
             "spec.toml": dump_overlay(program.spec, network)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
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
