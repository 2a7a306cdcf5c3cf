/* Talks to the registers of pqhw_top: check, load, reset, errors; and cuts rows into transfers.
 *
 * C99, nothing but the standard headers, no memory of its own, no interrupts. */

#include "pqhw_top.h"

static uint32_t field(uint32_t word, uint32_t mask, unsigned int shift)
{
    return (word & mask) >> shift;
}

static uint32_t mapped_read(void *context, uint32_t offset)
{
    return *(volatile uint32_t *)((uintptr_t)context + offset);
}

static void mapped_write(void *context, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((uintptr_t)context + offset) = value;
}

struct pqhw_top_bus pqhw_top_at(uintptr_t base)
{
    struct pqhw_top_bus bus;

    bus.context = (void *)base;
    bus.read = mapped_read;
    bus.write = mapped_write;
    return bus;
}

static uint32_t get(const struct pqhw_top_bus *bus, uint32_t offset)
{
    return bus->read(bus->context, offset);
}

static void put(const struct pqhw_top_bus *bus, uint32_t offset, uint32_t value)
{
    bus->write(bus->context, offset, value);
}

static enum pqhw_top_result check_port(const struct pqhw_top_bus *bus, uint32_t first,
                                       uint32_t lanes, uint32_t elements, uint32_t transfers)
{
    const uint32_t step = PQHW_TOP_INPUT_ELEMENTS - PQHW_TOP_INPUT_LANES;

    if (get(bus, first) != lanes || get(bus, first + step) != elements
        || get(bus, first + 3 * step) != transfers)
        return PQHW_TOP_WRONG_GEOMETRY;
    return PQHW_TOP_OK;
}

enum pqhw_top_result pqhw_top_check(const struct pqhw_top_bus *bus)
{
    uint32_t version = get(bus, PQHW_TOP_VERSION);
    enum pqhw_top_result result;

    if (get(bus, PQHW_TOP_ID) != PQHW_TOP_ID_MAGIC_VALUE)
        return PQHW_TOP_WRONG_ID;
    if (field(version, PQHW_TOP_VERSION_MAP_MASK, PQHW_TOP_VERSION_MAP_SHIFT)
        != PQHW_TOP_VERSION_MAP_VALUE)
        return PQHW_TOP_WRONG_VERSION;
    if (get(bus, PQHW_TOP_CONFIGURATION) != PQHW_TOP_CONFIGURATION_HASH_VALUE)
        return PQHW_TOP_WRONG_CONFIGURATION;
    result = check_port(bus, PQHW_TOP_INPUT_LANES, PQHW_TOP_INPUT_LANES_WORD,
                        PQHW_TOP_INPUT_ELEMENTS_COUNT_VALUE,
                        PQHW_TOP_INPUT_TRANSFERS_COUNT_VALUE);
    if (result == PQHW_TOP_OK)
        result = check_port(bus, PQHW_TOP_RESULT_LANES, PQHW_TOP_RESULT_LANES_WORD,
                            PQHW_TOP_RESULT_ELEMENTS_COUNT_VALUE,
                            PQHW_TOP_RESULT_TRANSFERS_COUNT_VALUE);
    return result;
}

void pqhw_top_reset(const struct pqhw_top_bus *bus)
{
    put(bus, PQHW_TOP_CONTROL, PQHW_TOP_CONTROL_RESET_MASK);
}

uint32_t pqhw_top_errors(const struct pqhw_top_bus *bus)
{
    return get(bus, PQHW_TOP_ERRORS);
}

void pqhw_top_clear(const struct pqhw_top_bus *bus, uint32_t errors)
{
    put(bus, PQHW_TOP_ERRORS, errors);
}

/* Reads STATUS until the bits of `mask` are `wanted`, `polls` times at most. */
static enum pqhw_top_result wait_for(const struct pqhw_top_bus *bus, uint32_t mask,
                                     uint32_t wanted, uint32_t polls)
{
    do {
        if ((get(bus, PQHW_TOP_STATUS) & mask) == wanted)
            return PQHW_TOP_OK;
    } while (polls-- != 0);
    return PQHW_TOP_TIMEOUT;
}

static enum pqhw_top_result wait_free(const struct pqhw_top_bus *bus, uint32_t polls)
{
    return wait_for(bus, PQHW_TOP_STATUS_LOAD_FREE_MASK, PQHW_TOP_STATUS_LOAD_FREE_MASK, polls);
}

/* Ends an image that someone left unfinished, which is refused for that. */
static enum pqhw_top_result finish_unfinished(const struct pqhw_top_bus *bus, uint32_t polls)
{
    enum pqhw_top_result result;

    if ((get(bus, PQHW_TOP_STATUS) & PQHW_TOP_STATUS_LOADING_MASK) == 0)
        return PQHW_TOP_OK;
    result = wait_free(bus, polls);
    if (result != PQHW_TOP_OK)
        return result;
    if ((get(bus, PQHW_TOP_STATUS) & PQHW_TOP_STATUS_LOADING_MASK) != 0)
        put(bus, PQHW_TOP_LOAD_LAST, 0);
    return wait_for(bus, PQHW_TOP_STATUS_LOADING_MASK, 0, polls);
}

enum pqhw_top_result pqhw_top_load(const struct pqhw_top_bus *bus, const uint8_t *image,
                                   size_t bytes, uint32_t polls)
{
    const size_t word = PQHW_TOP_LOAD_FORMAT_WORD_BYTES_VALUE;
    const size_t part = word < 4 ? word : 4;
    enum pqhw_top_result result;
    size_t at, i;

    if (bytes == 0 || bytes != PQHW_TOP_LOAD_BYTES_COUNT_VALUE)
        return PQHW_TOP_WRONG_SIZE;
    result = finish_unfinished(bus, polls);
    if (result != PQHW_TOP_OK)
        return result;
    pqhw_top_clear(bus, PQHW_TOP_ERRORS_LOAD_MASK | PQHW_TOP_ERRORS_OVERRUN_MASK);
    for (at = 0; at < bytes; at += part) {
        uint32_t value = 0;

        for (i = 0; i < part; i++)
            value |= (uint32_t)image[at + i] << (8 * i);
        put(bus, at + part < bytes ? PQHW_TOP_LOAD_DATA : PQHW_TOP_LOAD_LAST, value);
        if (at + part == word) { /* The first word waits until the image may begin. */
            result = wait_free(bus, polls);
            if (result != PQHW_TOP_OK)
                return result;
        }
    }
    result = wait_for(bus, PQHW_TOP_STATUS_LOADING_MASK, 0, polls);
    if (result != PQHW_TOP_OK)
        return result;
    if ((pqhw_top_errors(bus) & (PQHW_TOP_ERRORS_LOAD_MASK | PQHW_TOP_ERRORS_OVERRUN_MASK)) != 0)
        return PQHW_TOP_REFUSED;
    return PQHW_TOP_OK;
}

unsigned int pqhw_top_load_error(const struct pqhw_top_bus *bus)
{
    return field(get(bus, PQHW_TOP_LOAD_ERROR), PQHW_TOP_LOAD_ERROR_CODE_MASK,
                 PQHW_TOP_LOAD_ERROR_CODE_SHIFT);
}

void pqhw_top_row_to_transfers(const pqhw_top_input *row, pqhw_top_input *transfers)
{
    size_t unit, i;

    for (unit = 0; unit < PQHW_TOP_INPUT_UNITS_COUNT_VALUE; unit++)
        for (i = 0; i < PQHW_TOP_INPUT_UNIT_LANES; i++)
            *transfers++ = i < PQHW_TOP_INPUT_UNIT_ELEMENTS ? *row++ : 0;
}

void pqhw_top_transfers_to_row(const pqhw_top_output *transfers, pqhw_top_output *row)
{
    size_t unit, i;

    for (unit = 0; unit < PQHW_TOP_RESULT_UNITS_COUNT_VALUE; unit++) {
        for (i = 0; i < PQHW_TOP_RESULT_UNIT_ELEMENTS; i++)
            *row++ = *transfers++;
        transfers += PQHW_TOP_RESULT_UNIT_LANES - PQHW_TOP_RESULT_UNIT_ELEMENTS;
    }
}
