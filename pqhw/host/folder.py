"""The folder that `pqhw build` writes: everything that runs a design on its board."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from boards.board import Board
from boards.catalog import BOARDS, SIMULATED
from boards.top import BOARD, board_verilog

from ..emit.constants import bind_constants
from ..emit.design import TOP
from ..emit.product import write_product
from ..flow.bitstream import Bitstream, make_bitstream
from ..flow.cache import Cache
from ..rtl import TARGETS
from ..spec import SpecError
from ..spec.dataflow import load_design, load_design_parameters
from ..spec.design import Design
from ..spec.devices import resolve
from ..spec.link import IDENTITY_BYTES, MAGIC, VERSION, LinkSpec
from ..spec.parameters import Parameters
from .ports import LinkError

__all__ = ["BoardFolder", "build_board", "identity_of"]

MANIFEST, ABOUT, PARAMETERS, IMAGE = "manifest.json", "board.json", "parameters.npz", \
    "parameters.bin"
SIMULATED_CLOCK, SIMULATED_BUFFER = 8_000_000, 512
SCHEMA = 1


def identity_of(manifest: bytes, buffer_bytes: int) -> bytes:
    """What a board says that it is, from the bytes of `manifest.json`."""
    about = MAGIC + bytes([VERSION, buffer_bytes.bit_length() - 1])
    return about + hashlib.sha256(manifest).digest()[:IDENTITY_BYTES - len(about)]


@dataclasses.dataclass(frozen=True)
class BoardFolder:
    """A folder of `pqhw build`, read back and checked.

    Members
    -------
    board: its name in `boards.catalog`, or `sim`
    link: the board's clock, line and buffers
    identity: what the board must say that it is
    image: the parameter image; empty where there is none
    """
    path: Path
    board: str
    design: Design
    link: LinkSpec
    identity: bytes
    image: bytes

    @staticmethod
    def read(path: Path) -> "BoardFolder":
        """Read a folder.

        Raises `SpecError` or `LinkError`, one sentence, where it is no folder of `pqhw build`, or
        its files are not those that the bitstream was made of.
        """
        about = _about(path)
        try:
            link = LinkSpec(**{name: about[name] for name in ("clock_hz", "baud", "buffer_bytes")})
            board, identity = str(about["board"]), bytes.fromhex(about["identity"])
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError(f"{path / ABOUT}: is damaged ({error}).") from None
        manifest = _bytes(path / MANIFEST)
        if identity != identity_of(manifest, link.buffer_bytes):
            raise LinkError(f"{path / MANIFEST}: is not the one that the bitstream was built with; "
                            "run pqhw build again.")
        design, _ = load_design(path / "spec.toml")
        image = _bytes(path / IMAGE) if (path / IMAGE).exists() else b""
        return BoardFolder(path, board, design, link, identity, image)

    @property
    def verilog(self) -> str:
        """The accelerator's module and the board's."""
        return "".join(_bytes(self.path / f"{name}.v").decode() for name in (TOP, BOARD))

    def parameters(self, path: Path | None = None) -> tuple[Parameters, ...]:
        """The parameters that it was built with, or those of another file."""
        own = self.path / PARAMETERS if path is None else path
        if not own.exists() and path is None:
            raise SpecError(f"{self.path}: was built without --params; give them with --params.")
        return load_design_parameters(self.design, own)


def build_board(cache: Cache, design: Design, folder: Path, board_name: str, *,
                parameters: Path | None = None, freq_mhz: float | None = None,
                baud: int = 1_000_000, seeds: Sequence[int] = (1,), toolchain: str = "yowasp",
                timeout: float = 3600,
                progress: Callable[[str], None] = lambda step: None) -> dict[str, Any]:
    """Write a design's files for a board into `folder`, its bitstream among them.

    Parameters
    ----------
    board_name:
        One of `boards.catalog.BOARDS`, or ``sim``, which needs no bitstream.
    parameters:
        File of parameters, which the folder then holds.
    freq_mhz, baud, seeds, toolchain, timeout, progress:
        See `make_bitstream`.

    Returns
    -------
    What stands in `board.json`.
    """
    board = None if board_name == SIMULATED else BOARDS[board_name]
    if board is not None:
        board.pins()  # What amaranth-boards is needed for is said before anything is written.
        design = resolve(design, board.part)
    own = None if parameters is None else load_design_parameters(design, parameters)
    bound = design if own is None else bind_constants(design, own)
    target = board.part.family if board is not None and board.part.family in TARGETS else "generic"
    write_product(design, folder, target=target, parameters=own)
    if parameters is not None and parameters.resolve() != (folder / PARAMETERS).resolve():
        shutil.copyfile(parameters, folder / PARAMETERS)
    manifest = (folder / MANIFEST).read_bytes()
    if board is None:
        hz = SIMULATED_CLOCK if freq_mhz is None else round(freq_mhz * 1e6)
        link = LinkSpec(clock_hz=hz, baud=baud, buffer_bytes=SIMULATED_BUFFER)
        identity = identity_of(manifest, link.buffer_bytes)
        verilog = board_verilog(bound, link, identity, target=target)
        about = _write(folder, SIMULATED, link, identity, {f"{BOARD}.v": verilog.link})
    else:
        identity = identity_of(manifest, board.buffer_bytes)
        made = make_bitstream(cache, bound, board, identity, freq_mhz=freq_mhz, baud=baud,
                              seeds=seeds, toolchain=toolchain, timeout=timeout, progress=progress)
        link = LinkSpec(clock_hz=made.clock_hz, baud=baud, buffer_bytes=board.buffer_bytes)
        about = _write(folder, board.name, link, identity, made.sources) | _routed(board, made)
        shutil.copyfile(made.file, folder / made.file.name)
    about["cycles_per_row"] = design.cycles_per_row
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return about


def _write(folder: Path, board: str, link: LinkSpec, identity: bytes,
           sources: dict[str, str]) -> dict[str, Any]:
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {"document": "board", "schema_version": SCHEMA, "board": board,
            "clock_hz": link.clock_hz, "baud": link.baud, "buffer_bytes": link.buffer_bytes,
            "identity": identity.hex()}


def _routed(board: Board, made: Bitstream) -> dict[str, Any]:
    used = {kind: count for kind, count in sorted(made.used.items()) if count}
    return {"bitstream": made.file.name, "reached_mhz": round(made.reached_mhz, 2),
            "seed": made.seed, "used": used, "program": board.program.format(file=made.file.name)}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None


def _about(path: Path) -> dict[str, Any]:
    if not (path / ABOUT).is_file():
        raise SpecError(f"--design must be a folder that pqhw build wrote, but {path} has no "
                        f"{ABOUT}.")
    try:
        about = json.loads(_bytes(path / ABOUT))
    except ValueError:
        raise SpecError(f"{path / ABOUT}: is not a JSON file.") from None
    if not isinstance(about, dict) or about.get("document") != "board":
        raise SpecError(f"{path / ABOUT}: is no document of pqhw build.")
    if about.get("schema_version") != SCHEMA:
        raise SpecError(f"{path / ABOUT}: schema_version must be {SCHEMA}, but is "
                        f"{about.get('schema_version')}.")
    return about
