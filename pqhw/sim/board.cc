// Runs a CXXRTL model of a board's top at its pins: a serial port of its own sends bits to rx and
// samples tx. Compiled together with the model, which is included first.
//
// One evaluation per cycle, as in harness.cc.

#include MODEL
#include <cstddef>
#include <cstdint>
#include <memory>

namespace {

using Model = cxxrtl_design::p_pqhw__board;

template<size_t Bits>
uint32_t now(const cxxrtl::value<Bits> &port) { return port.data[0]; }
template<size_t Bits>
uint32_t now(const cxxrtl::wire<Bits> &port) { return port.curr.data[0]; }

// Times are cycles of the board's clock, which is no whole multiple of the host's bit time.
struct Board {
    std::unique_ptr<Model> top;
    double bit_time;
    uint64_t cycle = 0;
    double send_at = 0, sample_at = 0;  // when the next bit is sent, when one is sampled
    uint32_t sending = 0, send_left = 0, received = 0, receive_left = 0;
    uint64_t broken = 0;                // bytes without a stop bit
    uint64_t quiet_since = 0;

    explicit Board(double bits) : bit_time(bits) { power_up(); }

    void power_up() {
        top = std::make_unique<Model>();
        top->p_rx.set<bool>(true);
        top->p_rst.set<bool>(true);
        for (int i = 0; i < 2; i++) top->eval(), top->commit();
        top->p_rst.set<bool>(false);
        receive_left = 0;
        sending = 1, send_left = 0;
    }
};

} // namespace

extern "C" {

Board *pqhw_board_new(double bit_time) { return new Board(bit_time); }

void pqhw_board_free(Board *board) { delete board; }

void pqhw_board_reset(Board *board) { board->power_up(); }

uint64_t pqhw_board_cycle(const Board *board) { return board->cycle; }

uint32_t pqhw_board_lights(Board *board) { return now(board->top->p_lights); }

// Sends `count` bytes and goes on for `cycles`; returns early, once all was sent, when bytes came
// and then none for two byte times. Returns how many bytes came, at most `room`.
size_t pqhw_board_run(Board *board, uint64_t cycles, const uint8_t *bytes, size_t count,
                      uint8_t *given, size_t room) {
    Board &b = *board;
    size_t sent = 0, got = 0;
    uint64_t end = b.cycle + cycles;
    while (got < room) {
        bool idle = sent == count && !b.send_left;
        if (idle && b.cycle >= end) break;
        if (idle && got && !b.receive_left && b.cycle > b.quiet_since + 20 * b.bit_time) break;
        if (double(b.cycle) >= b.send_at) {
            if (b.send_left) b.sending >>= 1, b.send_left--;
            if (!b.send_left) {
                b.sending = 1;
                if (sent < count) b.sending = uint32_t(bytes[sent++]) << 1 | 1u << 9, b.send_left = 10;
            }
            if (double(b.cycle) > b.send_at + 1) b.send_at = double(b.cycle);
            if (b.send_left) b.send_at += b.bit_time;
        }
        b.top->p_rx.set<bool>(b.sending & 1);
        b.top->eval();
        bool line = now(b.top->p_tx);
        if (!b.receive_left && !line) {
            b.receive_left = 10, b.sample_at = b.cycle + b.bit_time / 2;
        } else if (b.receive_left && b.cycle >= b.sample_at) {
            b.received = b.received >> 1 | uint32_t(line) << 9, b.sample_at += b.bit_time;
            if (!--b.receive_left) {
                if (line) given[got++] = uint8_t(b.received >> 1);
                else b.broken++;
                b.quiet_since = b.cycle;
            }
        }
        b.top->commit();
        b.cycle++;
    }
    return got;
}

}
