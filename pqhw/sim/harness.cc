// Runs a CXXRTL model of an accelerator over whole data sets: random-stall source and sink in C++,
// rows and results as plain arrays. A row may be an image: units that each begin a transfer.
// Compiled together with the model, which is included first.
//
// One evaluation per cycle: the model is patched so that eval() is always a rising edge.
// Combinational values are those of the cycle, registers take their next ones on commit().

#include MODEL
#include <cstddef>
#include <cstdint>

#ifndef PQHW_LOAD_BITS
#error "compile with the PQHW_* constants of the accelerator"
#endif

namespace {

using Model = cxxrtl_design::p_pqhw__top;

struct Job {
    const uint8_t *image;      // parameter image
    size_t image_bytes;
    const int16_t *rows;       // [row_count][PQHW_ELEMENTS_IN]
    const uint8_t *precisions; // [row_count]
    size_t row_count;
    PQHW_RESULT *results;      // [row_count][PQHW_ELEMENTS_OUT]
    uint64_t *row_ends;        // [row_count] cycle of each row's last transfer
    uint32_t valid_256, ready_256;  // chance per cycle that source and sink are willing, of 256
    uint32_t longest_stall;         // or, unless 0, cycles on end that they are not, at the most
    uint64_t seed;
    uint64_t cycle_limit;
    uint64_t first_in, first_out, cycles;  // out: cycles counted from the first cycle of rows
    uint32_t error, rows_in, rows_out, misplaced_last;  // out
};

#include "ports.h"

// One side's will: cycle by cycle, or in long runs of refusing and shorter ones of taking.
struct Will {
    uint64_t until = 0;
    bool willing = false;
    bool now(Random &random, uint64_t cycle, uint32_t of_256, uint32_t longest) {
        if (!longest) return random.chance(of_256);
        if (cycle >= until) {
            willing = !willing;
            until = cycle + 1 + random.draw() % (willing ? longest / 4 + 1 : longest);
        }
        return willing;
    }
};

void step(Model &top) {
    top.eval();
}

template<size_t Bits>
int64_t get_lane(const cxxrtl::value<Bits> &port, size_t lane, size_t width, bool is_signed) {
    uint64_t bits = get(port, lane * width, width);
    return is_signed ? int64_t(bits << (64 - width)) >> (64 - width) : int64_t(bits);
}

#ifdef PQHW_TAPS
#include PQHW_TAPS
#else
void record_taps(const Model &) {}
#endif

void put_transfer(Model &top, const int16_t *row, uint8_t precision, size_t transfer) {
    const size_t per_unit = PQHW_TRANSFERS_IN / PQHW_UNITS_IN;
    size_t start = transfer % per_unit * PQHW_LANES_IN;
    row += transfer / per_unit * PQHW_UNIT_IN;
    for (size_t lane = 0; lane < PQHW_LANES_IN; lane++) {
        int64_t element = start + lane < PQHW_UNIT_IN ? row[start + lane] : 0;
        put(top.p_i____payload, lane * PQHW_BITS_IN, PQHW_BITS_IN, uint64_t(element));
    }
    put(top.p_i____payload, PQHW_LANES_IN * PQHW_BITS_IN, 1, transfer == PQHW_TRANSFERS_IN - 1);
    // Only that of the first transfer counts.
    put(top.p_i____payload, PQHW_LANES_IN * PQHW_BITS_IN + 1, PQHW_PRECISION_BITS,
        transfer ? ~precision : precision);
}

void get_transfer(const Model &top, PQHW_RESULT *row, size_t transfer) {
    const size_t per_unit = PQHW_TRANSFERS_OUT / PQHW_UNITS_OUT;
    size_t start = transfer % per_unit * PQHW_LANES_OUT;
    row += transfer / per_unit * PQHW_UNIT_OUT;
    for (size_t lane = 0; lane < PQHW_LANES_OUT && start + lane < PQHW_UNIT_OUT; lane++) {
        row[start + lane] = PQHW_RESULT(
            get_lane(now(top.p_o____payload), lane, PQHW_BITS_OUT, PQHW_SIGNED_OUT));
    }
}

bool load(Model &top, Job &job) {
    const size_t word_bytes = PQHW_LOAD_BITS / 8;
    size_t patience = 2 * job.image_bytes + 1000;
    for (size_t at = 0; at + word_bytes <= job.image_bytes;) {
        if (!patience--) return false;
        for (size_t i = 0; i < word_bytes; i++) put(top.p_load____payload, 8 * i, 8, job.image[at + i]);
        put(top.p_load____payload, PQHW_LOAD_BITS, 1, at + word_bytes == job.image_bytes);
        top.p_load____valid.set<bool>(true);
        step(top);
        if (now(top.p_load____ready).get<bool>()) at += word_bytes;
        top.commit();
    }
    top.p_load____valid.set<bool>(false);
    for (int i = 0; i < 8; i++) step(top), top.commit();
    step(top);
    job.error = now(top.p_status____error).get<uint32_t>();
    bool ready = now(top.p_status____ready).get<bool>();
    top.commit();
    return ready;
}

} // namespace

extern "C" int pqhw_run(Job *job_pointer) {
    Job &job = *job_pointer;
    Model top;
    Random random{2 * job.seed + 1};
    top.p_rst.set<bool>(true);
    step(top), top.commit();
    top.p_rst.set<bool>(false);
    if (!load(top, job)) return 1;

    size_t row_in = 0, transfer_in = 0, row_out = 0, transfer_out = 0;
    bool offered = false, seen_in = false, seen_out = false;
    uint64_t cycle = 0;
    Will source, sink;
    for (; row_out < job.row_count; cycle++) {
        if (cycle >= job.cycle_limit) { job.cycles = cycle; return 2; }
        if (!offered && row_in < job.row_count
            && source.now(random, cycle, job.valid_256, job.longest_stall)) {
            put_transfer(top, job.rows + row_in * PQHW_ELEMENTS_IN, job.precisions[row_in], transfer_in);
            offered = true;
        }
        bool willing = sink.now(random, cycle, job.ready_256, job.longest_stall);
        top.p_i____valid.set<bool>(offered);
        top.p_o____ready.set<bool>(willing);
        step(top);
        record_taps(top);
        if (offered && now(top.p_i____ready).get<bool>()) {
            if (!seen_in) job.first_in = cycle, seen_in = true;
            offered = false;
            if (++transfer_in == PQHW_TRANSFERS_IN) transfer_in = 0, row_in++;
        }
        if (willing && now(top.p_o____valid).get<bool>()) {
            if (!seen_out) job.first_out = cycle, seen_out = true;
            get_transfer(top, job.results + row_out * PQHW_ELEMENTS_OUT, transfer_out);
            bool last = get(now(top.p_o____payload), PQHW_LANES_OUT * PQHW_BITS_OUT, 1);
            job.misplaced_last += last != (transfer_out == PQHW_TRANSFERS_OUT - 1);
            if (++transfer_out == PQHW_TRANSFERS_OUT) {
                transfer_out = 0;
                job.row_ends[row_out++] = cycle;
            }
        }
        top.commit();
    }
    top.p_i____valid.set<bool>(false);
    step(top);
    job.cycles = cycle;
    job.rows_in = now(top.p_status____rows__in).get<uint32_t>();
    job.rows_out = now(top.p_status____rows__out).get<uint32_t>();
    return 0;
}
