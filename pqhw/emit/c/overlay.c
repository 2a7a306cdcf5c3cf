enum pqhw_top_result pqhw_top_check(const struct pqhw_top_bus *bus)
{
    return check_identity(bus);
}

enum pqhw_top_result pqhw_top_stop(const struct pqhw_top_bus *bus, uint32_t polls)
{
    pqhw_top_reset(bus);
    return wait_for(bus, PQHW_TOP_STATUS_DRAINING_MASK, 0, polls);
}

enum pqhw_top_result pqhw_top_start(const struct pqhw_top_bus *bus, uint64_t base,
                                    uint32_t polls)
{
    if (base % PQHW_TOP_MEMORY_PORT_BYTES_VALUE != 0)
        return PQHW_TOP_WRONG_ADDRESS;
    pqhw_top_reset(bus);
    pqhw_top_clear(bus, PQHW_TOP_ERRORS_PROGRAM_MASK);
    put(bus, PQHW_TOP_BASE_LOW, (uint32_t)(base & 0xffffffffu));
    put(bus, PQHW_TOP_BASE_HIGH, (uint32_t)(base >> 32));
    put(bus, PQHW_TOP_CONTROL, PQHW_TOP_CONTROL_START_MASK);
    do {
        if ((pqhw_top_errors(bus) & PQHW_TOP_ERRORS_PROGRAM_MASK) != 0)
            return PQHW_TOP_REFUSED;
        if ((get(bus, PQHW_TOP_STATUS) & PQHW_TOP_STATUS_READY_MASK) != 0)
            return PQHW_TOP_OK;
    } while (polls-- != 0);
    return PQHW_TOP_TIMEOUT;
}

unsigned int pqhw_top_program_error(const struct pqhw_top_bus *bus)
{
    return field(get(bus, PQHW_TOP_PROGRAM_ERROR), PQHW_TOP_PROGRAM_ERROR_CODE_MASK,
                 PQHW_TOP_PROGRAM_ERROR_CODE_SHIFT);
}

unsigned int pqhw_top_program_block(const struct pqhw_top_bus *bus)
{
    return field(get(bus, PQHW_TOP_PROGRAM_ERROR), PQHW_TOP_PROGRAM_ERROR_BLOCK_MASK,
                 PQHW_TOP_PROGRAM_ERROR_BLOCK_SHIFT);
}

void pqhw_top_image_to_transfers(const pqhw_top_input *image, size_t pixels, size_t channels,
                                 pqhw_top_input *transfers)
{
    const size_t lanes = PQHW_TOP_INPUT_LANES_COUNT_VALUE;
    size_t pixel, i;

    for (pixel = 0; pixel < pixels; pixel++)
        for (i = 0; i < (channels + lanes - 1) / lanes * lanes; i++)
            *transfers++ = i < channels ? *image++ : 0;
}

void pqhw_top_transfers_to_results(const pqhw_top_output *transfers, size_t pixels,
                                   size_t channels, pqhw_top_output *results)
{
    const size_t lanes = PQHW_TOP_RESULT_LANES_COUNT_VALUE;
    size_t pixel, i;

    for (pixel = 0; pixel < pixels; pixel++)
        for (i = 0; i < (channels + lanes - 1) / lanes * lanes; i++, transfers++)
            if (i < channels)
                *results++ = *transfers;
}
