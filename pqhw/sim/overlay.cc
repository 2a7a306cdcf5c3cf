// Runs a CXXRTL model of an overlay accelerator: a memory that holds its program, images in, results
// out, all of them stalled at random. Compiled together with the model, which is included first.
//
// One evaluation per cycle, as in harness.cc.

#include MODEL
#include <cstddef>
#include <cstdint>
#include <deque>

#ifndef PQHW_PORT_BITS
#error "compile with the PQHW_* constants of the overlay"
#endif

namespace {

using Model = cxxrtl_design::p_pqhw__top;

struct Job {
    const uint8_t *program;     // what the memory holds
    size_t program_words;
    const int16_t *transfers;   // [images][transfers_in][PQHW_LANES]
    size_t images, transfers_in, transfers_out;
    int64_t *results;           // [images][transfers_out][PQHW_LANES]
    uint64_t *image_ends;       // [images] cycle of each image's last transfer
    uint32_t valid_256, ready_256, memory_256;  // chance per cycle that each is willing, of 256
    uint32_t latency;           // cycles from a request to its first word
    // Cycles in which the memory, or the streams, may act, then cycles in which they may not.
    uint32_t memory_open, memory_closed, stream_open, stream_closed;
    uint64_t unmarked;          // the request, from 0 on, whose last word is not marked as such
    uint64_t seed, cycle_limit;
    uint64_t cycles, first_in;  // out
    uint32_t error, error_block, misplaced_last, asked_beyond;  // out
};

#include "ports.h"

uint64_t word_at(const Job &job, size_t at) {
    uint64_t word = 0;
    if (at >= job.program_words) return word;
    const size_t bytes = PQHW_PORT_BITS / 8;
    for (size_t i = 0; i < bytes; i++) word |= uint64_t(job.program[at * bytes + i]) << 8 * i;
    return word;
}

bool open_in(uint64_t cycle, uint32_t open, uint32_t closed) {
    return cycle % (uint64_t(open) + closed) < open;
}

// Words that were asked for, in order; each may come from a cycle on.
struct Word { size_t at; bool last; uint64_t from; };

} // namespace

extern "C" int pqhw_run_overlay(Job *job_pointer) {
    Job &job = *job_pointer;
    Model top;
    Random random{2 * job.seed + 1};
    top.p_rst.set<bool>(true);
    top.eval(), top.commit();
    top.p_rst.set<bool>(false);
    std::deque<Word> memory;
    size_t image_in = 0, transfer_in = 0, image_out = 0, transfer_out = 0;
    uint64_t requests = 0;
    bool offered = false, coming = false, seen = false;
    for (uint64_t cycle = 0; image_out < job.images; cycle++) {
        job.cycles = cycle;
        if (cycle >= job.cycle_limit) return 2;
        bool memory_acts = open_in(cycle, job.memory_open, job.memory_closed);
        bool streams_act = open_in(cycle, job.stream_open, job.stream_closed);
        if (!offered && image_in < job.images && streams_act && random.chance(job.valid_256)) {
            const int16_t *row = job.transfers
                + (image_in * job.transfers_in + transfer_in) * PQHW_LANES;
            for (size_t lane = 0; lane < PQHW_LANES; lane++)
                put(top.p_i____payload, 8 * lane, 8, uint64_t(int64_t(row[lane])));
            put(top.p_i____payload, 8 * PQHW_LANES, 1, transfer_in == job.transfers_in - 1);
            offered = true;
        }
        if (!coming && !memory.empty() && memory.front().from <= cycle
            && memory_acts && random.chance(job.memory_256)) {
            put(top.p_memory____payload, 0, PQHW_PORT_BITS, word_at(job, memory.front().at));
            put(top.p_memory____payload, PQHW_PORT_BITS, 1, memory.front().last);
            coming = true;
        }
        bool willing = streams_act && random.chance(job.ready_256);
        bool asks = memory_acts && random.chance(job.memory_256);
        top.p_i____valid.set<bool>(offered);
        top.p_memory____valid.set<bool>(coming);
        top.p_request____ready.set<bool>(asks);
        top.p_o____ready.set<bool>(willing);
        top.eval();
        job.error = now(top.p_status____error).get<uint32_t>();
        if (job.error) {
            job.error_block = now(top.p_status____error__block).get<uint32_t>();
            return 1;
        }
        if (coming && now(top.p_memory____ready).get<bool>()) coming = false, memory.pop_front();
        if (asks && now(top.p_request____valid).get<bool>()) {
            size_t at = get(now(top.p_request____payload), 0, 32);
            size_t words = get(now(top.p_request____payload), 32, PQHW_BURST_BITS);
            // A memory that holds less ends the burst early, with a word of anything if need be.
            size_t there = at < job.program_words ? job.program_words - at : 0;
            if (there < words) job.asked_beyond++, words = there ? there : 1;
            bool marked = requests++ != job.unmarked;
            for (size_t i = 0; i < words; i++)
                memory.push_back({at + i, marked && i == words - 1, cycle + 1 + job.latency});
        }
        if (offered && now(top.p_i____ready).get<bool>()) {
            if (!seen) job.first_in = cycle, seen = true;
            offered = false;
            if (++transfer_in == job.transfers_in) transfer_in = 0, image_in++;
        }
        if (willing && now(top.p_o____valid).get<bool>()) {
            int64_t *row = job.results
                + (image_out * job.transfers_out + transfer_out) * PQHW_LANES;
            for (size_t lane = 0; lane < PQHW_LANES; lane++) {
                uint64_t bits = get(now(top.p_o____payload), lane * PQHW_SUM_BITS, PQHW_SUM_BITS);
                row[lane] = int64_t(bits << (64 - PQHW_SUM_BITS)) >> (64 - PQHW_SUM_BITS);
            }
            bool last = get(now(top.p_o____payload), PQHW_LANES * PQHW_SUM_BITS, 1);
            job.misplaced_last += last != (transfer_out == job.transfers_out - 1);
            if (++transfer_out == job.transfers_out) {
                transfer_out = 0;
                job.image_ends[image_out++] = cycle;
            }
        }
        top.commit();
    }
    return 0;
}
