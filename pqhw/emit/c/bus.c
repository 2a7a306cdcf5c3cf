/* Talks to the registers of pqhw_top, and cuts rows into transfers.
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

/* Whether ID, VERSION and CONFIGURATION are those that this file was written for. */
static enum pqhw_top_result check_identity(const struct pqhw_top_bus *bus)
{
    uint32_t version = get(bus, PQHW_TOP_VERSION);

    if (get(bus, PQHW_TOP_ID) != PQHW_TOP_ID_MAGIC_VALUE)
        return PQHW_TOP_WRONG_ID;
    if (field(version, PQHW_TOP_VERSION_MAP_MASK, PQHW_TOP_VERSION_MAP_SHIFT)
        != PQHW_TOP_VERSION_MAP_VALUE)
        return PQHW_TOP_WRONG_VERSION;
    if (get(bus, PQHW_TOP_CONFIGURATION) != PQHW_TOP_CONFIGURATION_HASH_VALUE)
        return PQHW_TOP_WRONG_CONFIGURATION;
    return PQHW_TOP_OK;
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
