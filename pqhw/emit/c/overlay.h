enum pqhw_top_result {
    PQHW_TOP_OK,
    PQHW_TOP_WRONG_ID,            /* something else answers at this address */
    PQHW_TOP_WRONG_VERSION,       /* another register map */
    PQHW_TOP_WRONG_CONFIGURATION, /* an overlay of another spec */
    PQHW_TOP_WRONG_ADDRESS,       /* not that of a whole word of the memory port */
    PQHW_TOP_TIMEOUT,             /* the memory does not answer */
    PQHW_TOP_REFUSED              /* the program is faulty: see pqhw_top_program_error */
};

/* Whether the overlay is the one that this header was written for. */
enum pqhw_top_result pqhw_top_check(const struct pqhw_top_bus *bus);

/* Ends what runs and begins the program at a byte address of the memory; `polls` is how often
 * STATUS is read at most until the beginning was found good. */
enum pqhw_top_result pqhw_top_start(const struct pqhw_top_bus *bus, uint64_t base,
                                    uint32_t polls);

/* Ends what runs, and waits until nothing is read from memory any more. */
enum pqhw_top_result pqhw_top_stop(const struct pqhw_top_bus *bus, uint32_t polls);

/* Why the first program since ERRORS was cleared was refused, PQHW_TOP_ERROR_..., and where. */
unsigned int pqhw_top_program_error(const struct pqhw_top_bus *bus);
unsigned int pqhw_top_program_block(const struct pqhw_top_bus *bus);

/* An image of `pixels` times `channels` integers as integers to send, every pixel filled up to
 * whole transfers; and the same the other way for results. manifest.json tells both numbers. */
void pqhw_top_image_to_transfers(const pqhw_top_input *image, size_t pixels, size_t channels,
                                 pqhw_top_input *transfers);
void pqhw_top_transfers_to_results(const pqhw_top_output *transfers, size_t pixels,
                                   size_t channels, pqhw_top_output *results);
