"""The host and a board's real top-level RTL, byte for byte over a line that damages bytes."""

import random

import pytest
from conftest import IDENTITY
from faulty import FAULTS, FaultyPort

from pqhw.host.board import run_rows, test_link as patterns
from pqhw.host.client import Client, SessionLost
from pqhw.host.frames import FrameDecoder, encode_frame
from pqhw.host.packing import pack_rows, results_per_row, unpack_results
from pqhw.host.ports import LinkError
from pqhw.spec.link import Code, Kind, LinkSpec

SLOW = pytest.mark.slow
EVERY = ["pq", "precisions", *(pytest.param(name, marks=SLOW)
                               for name in ("convolution", "constants", "network"))]


def outcome(bench, port, count, **options):
    """A run of random rows, which must give the golden results."""
    rows, precisions, wanted = bench.rows(count)
    client = Client(port, bench.link)
    run = run_rows(client, bench.design, bench.image, rows, precisions=precisions,
                   identity=IDENTITY, **options)
    assert (run.results == wanted).all()
    return run, client.counts


@pytest.mark.parametrize("name", EVERY)
def test_results_over_the_line_are_golden(bench, name):
    own = bench(name)
    run, counts = outcome(own, own.port, 6 if name == "network" else 30)
    assert run.sessions == 1 and counts.repeated == counts.damaged == 0


@pytest.mark.parametrize("storage", ["bram", "spram"])
def test_memories_of_either_kind_hold_requests_and_results(bench, storage):
    own = bench("pq", storage=storage)
    port = FaultyPort(own.port, chance=0.2, seed=8)
    outcome(own, port, 30)
    assert port.done > 5 and patterns(Client(own.port, own.link)) > 4 * 60


@pytest.mark.parametrize("off", [-0.02, 0.02])
def test_a_line_may_be_off_by_two_percent(bench, off):
    own = bench("pq", off=off)
    assert outcome(own, own.port, 20)[1].damaged == 0


# -- Lines that damage bytes -------------------------------------------------------------------

@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_one_fault_does_to_a_line_results_are_golden(bench, fault):
    own = bench("pq")
    port = FaultyPort(own.port, [fault], 0.25, seed=3)
    _, counts = outcome(own, port, 30)
    assert port.done > 3
    if fault != "duplicate":
        assert counts.repeated


@pytest.mark.parametrize("seed", range(4))
def test_whatever_all_faults_do_together_results_are_golden(bench, seed):
    own = bench("pq")
    port = FaultyPort(own.port, chance=0.35, seed=seed)
    outcome(own, port, 30)
    assert port.done > 10


@pytest.mark.parametrize("outages", [[3], [5, 8], [12], [20, 21, 40]])
def test_power_that_goes_and_comes_costs_nothing_but_time(bench, outages):
    """While parameters load, while rows pass, and twice in a row."""
    own = bench("pq")
    run, _ = outcome(own, FaultyPort(own.port, seed=sum(outages), outages=outages), 40)
    assert 2 <= run.sessions <= 1 + len(outages)  # One may fall before a session is opened.


def test_rows_whose_results_came_are_not_sent_again(bench):
    own = bench("pq")
    port = FaultyPort(own.port, seed=1, outages=[18])
    done = []
    run, _ = outcome(own, port, 40,
                     progress=lambda what, count, total: done.append((what, count)))
    rows = [count for what, count in done if what == "rows"]
    assert run.sessions == 2 and rows == sorted(rows) and rows[-1] == 40
    again = next(index for index in range(1, len(done))
                 if done[index][0] == "parameters" and done[index - 1][0] == "rows")
    assert 0 < done[again - 1][1] < 40


def test_an_outage_on_a_bad_line_is_survived_too(bench):
    own = bench("pq")
    run, _ = outcome(own, FaultyPort(own.port, chance=0.2, seed=5, outages=[15, 60]), 40)
    assert run.sessions >= 2


def test_no_bytes_whatsoever_hang_the_board(bench):
    """Floods of any bytes, of flags, of whole frames that make no sense, and of broken ones."""
    own = bench("pq")
    port, rng = own.port, random.Random(4)
    for turn in range(30):
        flood = bytes(rng.choice([rng.randrange(256), 0x7E, 0x7D, 0]) for _ in range(200))
        if turn % 3 == 0:
            flood = b"".join(encode_frame(bytes(rng.randrange(256) for _ in range(
                rng.randrange(80)))) for _ in range(8))
        port.write(flood)
        port.read(1e-3)
    outcome(own, port, 5)


def test_a_session_goes_on_behind_a_flood(bench):
    own = bench("pq")
    rows, _, wanted = own.rows(2)
    client = Client(own.port, own.link)
    client.open()
    image, size = own.image, own.link.most_payload
    for at in range(0, len(image), size):
        last = at + size >= len(image)
        assert client.send(Kind.LOAD_END if last else Kind.LOAD,
                           image[at:at + size]).code == Code.OK
        client.port.write(bytes(range(256)))
    assert client.send(Kind.ROWS, pack_rows(own.design, rows)).code == Code.OK
    got = b"".join(client.send(Kind.ROWS).payload for _ in range(4))
    assert (unpack_results(own.design, got) == wanted).all()


# -- Sequence numbers --------------------------------------------------------------------------

class Raw:
    """Frames without a client."""

    def __init__(self, port):
        self.port, self.decoder = port, FrameDecoder()

    def ask(self, *content):
        """The responses to one frame."""
        self.port.write(encode_frame(bytes(content)))
        got = b"".join(self.port.read(2e-3) for _ in range(3))
        return self.decoder.feed(got)

    def code(self, *content):
        """The code of the only response."""
        (response,) = self.ask(*content)
        return Code(response[1] & 7)


def test_a_request_is_carried_out_once_however_often_it_comes(bench):
    raw = Raw(bench("pq").port)
    assert raw.code(200, Kind.OPEN) == Code.OK
    for _ in range(3):
        assert raw.code(201, Kind.ECHO, *b"once") == Code.OK
    assert [raw.ask(202, Kind.ECHO)[0][3:] for _ in range(3)] == [b"once"] * 3
    assert raw.ask(203, Kind.ECHO)[0][3:] == b""


def test_requests_out_of_turn_are_refused_and_change_nothing(bench):
    raw = Raw(bench("pq").port)
    assert raw.code(1, Kind.ECHO, 1) == Code.CLOSED
    assert raw.code(255, Kind.OPEN) == Code.OK
    assert raw.code(1, Kind.ECHO, 1) == Code.SEQUENCE
    assert raw.code(254, Kind.ECHO, 1) == Code.SEQUENCE
    assert raw.code(0, Kind.ECHO, 1, 2) == Code.OK
    assert raw.ask(1, Kind.ECHO)[0][3:] == b"\x01\x02"


def test_damaged_requests_are_told_at_once(bench):
    raw = Raw(bench("pq").port)
    frame = bytearray(encode_frame(bytes([1, Kind.OPEN, 5, 6])))
    frame[3] ^= 1
    raw.port.write(bytes(frame))
    (response,) = raw.decoder.feed(raw.port.read(2e-3))
    assert Code(response[1] & 7) == Code.DAMAGED


def test_a_payload_longer_than_the_memory_is_damaged(bench):
    raw = Raw(bench("pq").port)
    assert raw.code(1, Kind.OPEN) == Code.OK
    assert raw.code(2, Kind.ECHO, *range(61)) == Code.DAMAGED
    assert raw.code(2, Kind.ECHO, *range(60)) == Code.OK
    assert raw.ask(3, Kind.ECHO)[0][3:] == bytes(range(60))


def test_a_payload_that_comes_too_early_is_refused_for_good(bench):
    """Rows wait, as there are no parameters; what follows them is refused, and again so when it is
    repeated. Opening a session makes room."""
    raw = Raw(bench("pq").port)
    assert raw.code(1, Kind.OPEN) == Code.OK
    assert raw.code(2, Kind.ROWS, *range(40)) == Code.OK
    assert raw.code(3, Kind.ECHO, 9) == Code.REFUSED
    assert raw.code(3, Kind.ECHO, 9) == Code.REFUSED
    assert raw.code(4, Kind.ROWS) == Code.OK
    assert raw.code(9, Kind.OPEN) == Code.OK
    assert raw.code(10, Kind.ECHO, 9) == Code.OK
    assert raw.ask(11, Kind.ECHO)[0][3:] == b"\x09"


def test_results_wait_for_a_host_that_does_not_ask(bench):
    """There are more of them than the board's memory holds: rows wait, none is lost."""
    own = bench("pq")
    rows, _, wanted = own.rows(30)
    client = Client(own.port, own.link)
    run_rows(client, own.design, own.image, rows[:1])
    data = pack_rows(own.design, rows)
    got = bytearray(client.send(Kind.ROWS, data[:60]).payload)
    client.port.read(0.05)
    assert own.board.lights & 8, "rows wait"
    at = 60
    while len(got) < len(rows) * results_per_row(own.design):
        response = client.send(Kind.ROWS, data[at:at + 60])
        at += 60 * (response.code == Code.OK)
        got += response.payload
        client.port.read(0.003)
    assert (unpack_results(own.design, bytes(got)) == wanted).all()


# -- What else may be wrong --------------------------------------------------------------------

def test_patterns_pass_both_memories(bench):
    own = bench("pq")
    assert patterns(Client(FaultyPort(own.port, chance=0.1, seed=1), own.link)) > 4 * 60


def test_patterns_that_come_back_changed_are_told(bench, monkeypatch):
    client = Client(bench("pq").port, LinkSpec(clock_hz=8_000_000, buffer_bytes=64))
    send = client.send
    monkeypatch.setattr(client, "send", lambda kind, payload=b"": send(
        kind, payload.replace(b"\x11", b"\x10")))
    with pytest.raises(LinkError, match="gave back other bytes than it was sent, after 0 "):
        patterns(client)


def test_another_design_on_the_board_is_told_before_anything_is_sent(bench):
    own = bench("pq")
    client = Client(own.port, own.link)
    with pytest.raises(LinkError, match="the board holds another design, 000102.* instead of ff"):
        run_rows(client, own.design, own.image, own.rows(1)[0],
                 identity=IDENTITY[:4] + b"\xff" * 12)
    assert client.counts.requests == 1


@pytest.mark.parametrize("damage, why", [
    (lambda image: image[:-9] + bytes([image[-9] ^ 1]) + image[-8:], "checksum mismatch"),
    (lambda image: image[:-1], "image ends early"),
    (lambda image: image + b"\0", "image goes on too long"),
    (lambda image: b"X" + image[1:], "wrong magic"),
    (lambda image: image[:8] + b"\0\0\0\0" + image[12:], "image is for another configuration")])
def test_a_bad_image_is_refused_with_its_reason(bench, damage, why):
    own = bench("pq")
    with pytest.raises(LinkError, match=f"refused the parameter image: {why}."):
        run_rows(Client(own.port, own.link), own.design, damage(own.image), own.rows(1)[0])
    outcome(own, own.port, 3)


class Silent:
    """A line on which nobody answers, or something else does."""
    latency = 0.01

    def __init__(self, says=b""):
        self.time, self.says = 0.0, says

    def now(self):
        return self.time

    def write(self, data):
        pass

    def read(self, seconds):
        self.time += seconds
        return self.says


@pytest.mark.parametrize("says", [b"", b"hello", b"\x7e" * 50, b"\x7d", bytes(range(256))])
def test_nobody_who_answers_is_told_soon(says):
    port = Silent(says)
    with pytest.raises(LinkError, match="the board does not answer; is it the right port, at "):
        Client(port, LinkSpec(clock_hz=8_000_000)).identity()
    assert port.time < 5


@pytest.mark.parametrize("payload, sentence", [
    (b"", "what answers is no pqhw board"), (b"x" * 16, "what answers is no pqhw board"),
    (b"PQ\x02" + bytes(13), "the board speaks version 2 of the protocol")])
def test_what_answers_but_is_no_board_is_told(payload, sentence):
    port = Silent(encode_frame(bytes([0x5A, 0, 0]) + payload))
    with pytest.raises(LinkError, match=sentence):
        Client(port, LinkSpec(clock_hz=8_000_000)).identity()


def test_a_board_that_loses_its_session_again_and_again_is_given_up(bench):
    own = bench("pq")
    port = FaultyPort(own.port, seed=1, outages=range(4, 2000))
    with pytest.raises(LinkError, match="loses its session again and again"):
        outcome(own, port, 5)


def test_a_lost_session_is_an_error_where_nobody_opens_another(bench):
    own = bench("pq")
    client = Client(own.port, own.link)
    with pytest.raises(SessionLost, match="has lost its session"):
        client.send(Kind.ECHO, b"x")


def test_payloads_have_a_limit(bench):
    own = bench("pq")
    with pytest.raises(ValueError, match="payload must be at most 60 bytes, but is 61."):
        Client(own.port, own.link).send(Kind.ECHO, bytes(61))


def test_lights_tell_that_parameters_are_in_use(bench):
    own = bench("pq")
    port = own.port
    assert own.board.lights & 1 == 0
    outcome(own, port, 2)
    assert own.board.lights & 1 == 1
