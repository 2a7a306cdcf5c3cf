"""Emitted Verilog in Icarus against Amaranth's own simulator, on purpose-made components."""

import random

import pytest
from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from icarus import assert_same_meaning, needs_icarus

pytestmark = needs_icarus
INPUTS = {"a": signed(5), "b": unsigned(4), "c": signed(7), "d": unsigned(1), "e": signed(1),
          "s": unsigned(3), "u": unsigned(9)}


class Parts(wiring.Component):
    """The inputs above, and outputs made by `build(m, self)`, which returns values by name."""

    def __init__(self, outputs, build):
        self.build = build
        super().__init__({**{name: In(shape) for name, shape in INPUTS.items()},
                          **{name: Out(shape) for name, shape in outputs.items()}})

    def elaborate(self, platform):
        m = Module()
        for name, value in (self.build(m, self) or {}).items():
            m.d.comb += getattr(self, name).eq(value)
        return m


EXPRESSIONS = {
    "signed compare": lambda p: Cat(p.a < p.c, p.a <= p.c, p.a > p.c, p.a >= p.c, p.a == p.c),
    "mixed compare": lambda p: Cat(p.a < p.b, p.u >= p.c, p.b > p.a, p.a == p.b, p.e < p.d,
                                   p.e == p.d, p.a != p.u),
    "compare with constants": lambda p: Cat(p.a < -3, p.a >= 0, p.b < 20, p.c == -64, p.u > 255),
    "sums": lambda p: p.a + p.b + p.c, "differences": lambda p: (p.a - p.u) - p.b,
    "products": lambda p: p.a * p.b + p.c * p.a, "negation": lambda p: -p.a + -p.b,
    "inversion": lambda p: Cat(~p.a, ~p.b, ~p.d, ~p.e), "magnitude": lambda p: abs(p.c) + abs(p.a),
    "shift left": lambda p: (p.a << p.s) + (p.b << p.s),
    "shift right": lambda p: (p.a >> p.s) + (p.u >> p.s), "fixed shifts": lambda p: Cat(
        p.a >> 2, p.c << 3, p.u.shift_right(9), p.a.shift_right(20)),
    "shifted inside": lambda p: (p.a + p.c) >> p.s, "rotated": lambda p: p.u.rotate_left(4),
    "bit select": lambda p: Cat(p.u.bit_select(p.s, 3), p.a.bit_select(p.b, 2)),
    "word select": lambda p: Cat(p.u.word_select(p.s, 2), p.c.word_select(p.d, 4)),
    "slices": lambda p: Cat(p.u[2:7], p.a[:3], p.c[-2:], p.a[4]),
    "slice of a sum": lambda p: Cat((p.a + p.c)[3:7], (p.b - p.u)[-1]),
    "reductions": lambda p: Cat(p.a.any(), p.u.all(), p.c.xor(), p.b.bool(), (p.a & p.c).any()),
    "choices": lambda p: Mux(p.a < p.c, p.a, p.b) + Mux(p.u, p.c, 0),
    "choice of one bit": lambda p: Mux(p.d, p.e, p.u[0]) ^ (p.d & ~p.e),
    "sign changes": lambda p: p.u.as_signed() + p.a.as_unsigned() + p.b.as_signed(),
    "constants": lambda p: Cat(Const(-3, 4), Const(0xABC, 12), Const(0, 1)) ^ p.u,
    "repetition": lambda p: Cat(p.d.replicate(5), p.a[-1].replicate(3), p.a),
    "array": lambda p: Array([p.a, p.b, p.c, p.u])[p.s], "matches": lambda p: Cat(
        p.u.matches("1--0--1-1", 3), p.s.matches(1, 2, 7), p.b.matches("0---")),
    "one bit arithmetic": lambda p: Cat((p.d + p.e)[:2], p.d * p.e, p.d - p.e),
    "wide operands": lambda p: Cat(p.a, p.u, p.c, p.b) * Cat(p.c, p.b, p.a),
    "deep": lambda p: ((p.a & p.c) | ~(p.b ^ p.u)) + Mux(~(p.a == p.c), -p.b, p.c << 1),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_keeps_its_meaning(name, tmp_path):
    build = EXPRESSIONS[name]
    shapes = {"same": unsigned(40), "wide": signed(48), "narrow": unsigned(3), "one": unsigned(1)}
    parts = Parts(shapes, lambda m, p: dict.fromkeys(shapes, build(p)))
    assert_same_meaning(parts, random.Random(1), tmp_path)


def switches(m, p):
    x, y = Signal(8), Signal(signed(6))
    m.d.comb += [x.eq(p.u), y.eq(-1)]
    with m.If(p.a < 0):
        m.d.comb += [x[2:5].eq(p.s), y.eq(p.a)]
        with m.If((p.d & p.e).bool()):
            m.d.comb += x[4:].eq(p.b)
    with m.Elif(p.c > p.a):
        m.d.comb += Cat(x[0], y[0], x[7]).eq(p.s)
    with m.Else():
        m.d.comb += x.bit_select(p.s, 2).eq(3)
    with m.Switch(p.u):
        with m.Case("1----0--1", "000000---"):
            m.d.comb += y[1:3].eq(p.b)
        with m.Case(5, 500):
            m.d.comb += y.eq(p.c)
        with m.Case("--1-1----"):
            m.d.comb += x.word_select(p.s, 3).eq(p.b)
        with m.Default():
            m.d.comb += x[1].eq(p.e)
    with m.Switch(p.s):
        with m.Case(0):
            pass
        with m.Case(1, 2):
            m.d.comb += x[6].eq(~p.d)
    return {"x": x, "y": y}


def registers(m, p):
    x, y, z, flag = Signal(8, init=0x5A), Signal(signed(6), init=-7), Signal(9), Signal()
    m.d.sync += z.eq(z + p.u)
    with m.If(p.d):
        m.d.sync += [x.eq(x + p.a), y.eq(p.c)]
        with m.If(p.s == 3):
            m.d.sync += [x[:4].eq(p.b), flag.eq(~flag)]
    with m.Elif(p.e.bool()):
        m.d.sync += x.bit_select(p.s, 3).eq(p.s)
    with m.Switch(p.b):
        with m.Case("1-0-", "0011"):
            m.d.sync += [y.eq(y >> 1), z[3:6].eq(p.s)]
        with m.Case(2):
            m.d.sync += z.eq(0)
    return {"x": x ^ Mux(flag, 0xFF, 0), "y": y, "z": z}


def machine(m, p):
    count = Signal(5)
    with m.FSM(init="WAIT") as fsm:
        with m.State("WAIT"):
            with m.If(p.d):
                m.next = "COUNT"
        with m.State("COUNT"):
            m.d.sync += count.eq(count + p.b)
            with m.If(count > 20):
                m.next = "DONE"
        with m.State("DONE"):
            m.d.sync += count.eq(0)
            m.next = "WAIT"
    return {"x": count, "y": fsm.ongoing("COUNT"), "z": fsm.ongoing("DONE")}


def memories(m, p):
    m.submodules.one = one = Memory(shape=unsigned(9), depth=8, init=[3, 0x1FF, 5, 0, 0xAA])
    write, read, now = one.write_port(granularity=3), one.read_port(), one.read_port(domain="comb")
    m.submodules.two = two = Memory(shape=signed(5), depth=16, init=range(-8, 8))
    write2, read2 = two.write_port(), two.read_port()
    m.d.comb += [
        write.addr.eq(p.s), write.data.eq(p.u), write.en.eq(p.b), read.addr.eq(p.c),
        read.en.eq(p.d | p.e), now.addr.eq(p.b), write2.addr.eq(p.b), write2.data.eq(p.a),
        write2.en.eq(p.e), read2.addr.eq(p.s)]
    return {"x": Cat(now.data), "y": read2.data, "z": Cat(read.data)}


def names(m, p):
    """Keywords, dollar signs, brackets, and two signals of one name."""
    values = []
    for name in ("reg", "output", "a$b", "a[3]", "always", "x", "x", "0", "ünit", "logic"):
        value = Signal(4, name=name)
        m.d.sync += value.eq(value + p.b)
        values.append(value)
    inner = Module()
    hidden = Signal(4, name="begin")
    inner.d.sync += hidden.eq(p.b ^ hidden)
    m.submodules["module"] = inner
    return {"x": sum(values[:5]), "y": Cat(values[5], hidden)[:6], "z": Cat(values[6:])[:9]}


@pytest.mark.parametrize("build", [switches, registers, machine, memories, names],
                         ids=lambda build: build.__name__)
def test_statements_keep_their_meaning(build, tmp_path):
    shapes = {"x": unsigned(8), "y": signed(6), "z": unsigned(9)}
    assert_same_meaning(Parts(shapes, build), random.Random(2), tmp_path, cycles=400,
          skip=4 if build is memories else 0)


# A bit selection takes a Cat: Amaranth 0.5.10's simulator selects from ~a before cutting it.
OPERATORS = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a & b,
             lambda a, b: a | b, lambda a, b: a ^ b, lambda a, b: a < b, lambda a, b: a >= b,
             lambda a, b: a == b, lambda a, b: a != b, lambda a, b: a << b[:3].as_unsigned(),
             lambda a, b: a >> b.as_unsigned()[:4], lambda a, b: Mux(a, b, a),
             lambda a, b: Cat(a, b), lambda a, b: Cat(a).bit_select(b.as_unsigned()[:3], 4),
             lambda a, b: -a, lambda a, b: ~a, lambda a, b: a.as_signed(), lambda a, b: abs(b),
             lambda a, b: a[len(a) // 2:], lambda a, b: b.any(), lambda a, b: a.xor()]


def random_value(rng, leaves, depth):
    """A random expression of at most 40 bits."""
    if depth == 0 or rng.random() < 0.1:
        return rng.choice(leaves)
    operator = rng.choice(OPERATORS)
    value = operator(random_value(rng, leaves, depth - 1), random_value(rng, leaves, depth - 1))
    value = value if len(value) <= 40 else value[:40]
    return value.as_signed() if rng.random() < 0.1 and len(value) else value


def random_logic(seed):
    """Random expressions; some go through named signals, some into registers under conditions."""
    def build(m, p):
        rng = random.Random(seed)
        leaves = [getattr(p, name) for name in INPUTS] + [Const(-5, 4), Const(9, 5)]
        for index in range(6):
            named = Signal(rng.choice([signed(6), unsigned(7), signed(1), unsigned(12)]),
                           name=f"named{index}")
            domain = m.d.comb if index % 2 else m.d.sync
            domain += named.eq(random_value(rng, leaves, 2))
            with m.If(random_value(rng, leaves, 1).bool()):
                domain += named[:rng.randint(1, len(named))].eq(random_value(rng, leaves, 2))
            with m.Elif(random_value(rng, leaves, 1).bool()):
                domain += named.eq(random_value(rng, leaves, 1))
            leaves.append(named)
        return {f"y{index}": random_value(rng, leaves, 3) for index in range(24)}

    shapes = [signed(20), unsigned(20), signed(44), unsigned(5), unsigned(1)]
    return Parts({f"y{index}": shapes[index % 5] for index in range(24)}, build)


@pytest.mark.parametrize("seed", range(8))
def test_random_logic_keeps_its_meaning(seed, tmp_path):
    assert_same_meaning(random_logic(seed), random.Random(seed), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 250))
def test_much_random_logic_keeps_its_meaning(seed, tmp_path):
    assert_same_meaning(random_logic(seed), random.Random(seed), tmp_path)
