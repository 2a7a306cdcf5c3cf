// Bits in and out of a CXXRTL model's ports, and a generator that draws its stalls. Included behind
// the model, within a harness's own namespace.

struct Random {
    uint64_t state;
    uint64_t draw() {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return state >> 24;
    }
    bool chance(uint32_t of_256) { return of_256 >= 256 || (draw() & 255) < of_256; }
};

template<size_t Bits>
void put(cxxrtl::value<Bits> &port, size_t at, size_t width, uint64_t bits) {
    while (width) {
        size_t shift = at % 32, take = width < 32 - shift ? width : 32 - shift;
        uint32_t mask = take == 32 ? ~0u : (1u << take) - 1;
        uint32_t &chunk = port.data[at / 32];
        chunk = (chunk & ~(mask << shift)) | (uint32_t(bits) & mask) << shift;
        bits >>= take, at += take, width -= take;
    }
}

// An output is a register's wire or a computed value.
template<size_t Bits>
const cxxrtl::value<Bits> &now(const cxxrtl::value<Bits> &port) { return port; }
template<size_t Bits>
const cxxrtl::value<Bits> &now(const cxxrtl::wire<Bits> &port) { return port.curr; }

template<size_t Bits>
uint64_t get(const cxxrtl::value<Bits> &port, size_t at, size_t width) {
    uint64_t bits = 0;
    for (size_t done = 0; done < width;) {
        size_t shift = at % 32, take = width - done < 32 - shift ? width - done : 32 - shift;
        uint64_t part = (port.data[at / 32] >> shift) & (take == 32 ? ~0u : (1u << take) - 1);
        bits |= part << done, at += take, done += take;
    }
    return bits;
}
