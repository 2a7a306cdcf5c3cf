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
    enum pqhw_top_result result = check_identity(bus);

    if (result != PQHW_TOP_OK)
        return result;
    result = check_port(bus, PQHW_TOP_INPUT_LANES, PQHW_TOP_INPUT_LANES_WORD,
                        PQHW_TOP_INPUT_ELEMENTS_COUNT_VALUE,
                        PQHW_TOP_INPUT_TRANSFERS_COUNT_VALUE);
    if (result == PQHW_TOP_OK)
        result = check_port(bus, PQHW_TOP_RESULT_LANES, PQHW_TOP_RESULT_LANES_WORD,
                            PQHW_TOP_RESULT_ELEMENTS_COUNT_VALUE,
                            PQHW_TOP_RESULT_TRANSFERS_COUNT_VALUE);
    return result;
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
