enum pqhw_top_result {
    PQHW_TOP_OK,
    PQHW_TOP_WRONG_ID,            /* something else answers at this address */
    PQHW_TOP_WRONG_VERSION,       /* another register map */
    PQHW_TOP_WRONG_CONFIGURATION, /* an accelerator of another spec */
    PQHW_TOP_WRONG_GEOMETRY,      /* its streams are cut otherwise */
    PQHW_TOP_WRONG_SIZE,          /* an image of another size */
    PQHW_TOP_TIMEOUT,             /* rows under way did not leave */
    PQHW_TOP_REFUSED              /* the image is faulty: see pqhw_top_load_error */
};

/* Whether the accelerator is the one that this header was written for. */
enum pqhw_top_result pqhw_top_check(const struct pqhw_top_bus *bus);

/* Loads parameters.bin; `polls` is how often STATUS is read at most while nothing moves. */
enum pqhw_top_result pqhw_top_load(const struct pqhw_top_bus *bus, const uint8_t *image,
                                   size_t bytes, uint32_t polls);

/* Why the first image since ERRORS was cleared was refused: PQHW_TOP_ERROR_... */
unsigned int pqhw_top_load_error(const struct pqhw_top_bus *bus);

/* A row of PQHW_TOP_INPUT_ELEMENTS_COUNT_VALUE integers as PQHW_TOP_INPUT_ROW_LANES integers to
 * send, every unit filled up to whole transfers; and the same the other way for results. */
void pqhw_top_row_to_transfers(const pqhw_top_input *row, pqhw_top_input *transfers);
void pqhw_top_transfers_to_row(const pqhw_top_output *transfers, pqhw_top_output *row);
