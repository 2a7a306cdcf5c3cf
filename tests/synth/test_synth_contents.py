"""Contents of block RAM stand where Yosys puts those of memories that it maps itself."""

import json
import random

import pytest

from pqhw.flow.tools import run_tool
from pqhw.rtl.ecp5 import BLOCK_WIDTHS, initial_values

SOURCE = """module rom (input clk, input [{top}:0] at, output reg [{last}:0] data);
  (* rom_style = "block" *) reg [{last}:0] words [0:{end}];
  initial begin
{values}
  end
  always @(posedge clk) data <= words[at];
endmodule
"""


def mapped(words, lane, folder):
    """Parameters of the block that Yosys makes of a memory."""
    values = "\n".join(f"    words[{place}] = {lane}'d{word};" for place, word in enumerate(words))
    (folder / "rom.v").write_text(SOURCE.format(
        top=(len(words) - 1).bit_length() - 1, last=lane - 1, end=len(words) - 1, values=values))
    run_tool("yosys", ["-q", "-p", "read_verilog rom.v; synth_ecp5 -top rom -json rom.json"],
             folder)
    cells = json.loads((folder / "rom.json").read_text())["modules"]["rom"]["cells"].values()
    (block,) = [cell for cell in cells if cell["type"] in ("DP16KD", "PDPW16KD")]
    assert lane in {int(value, 2) for name, value in block["parameters"].items()
                    if "DATA_WIDTH" in name}
    return {name: int(value.replace("x", "0"), 2) for name, value in block["parameters"].items()
            if name.startswith("INITVAL")}


@pytest.mark.parametrize("depth, lane", BLOCK_WIDTHS[:4])
def test_contents_stand_where_yosys_puts_them(depth, lane, tmp_path):
    rng = random.Random(lane)
    words = [rng.getrandbits(lane) for _ in range(depth)]
    own = {name.removeprefix("p_"): value.value
           for name, value in initial_values(words, lane).items()}
    assert own == mapped(words, lane, tmp_path)
