/* How the registers are reached; offsets are in bytes. */
struct pqhw_top_bus {
    void *context;
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
};

/* Registers that stand at an address of memory. */
struct pqhw_top_bus pqhw_top_at(uintptr_t base);

/* What the bit RESET of CONTROL does. */
void pqhw_top_reset(const struct pqhw_top_bus *bus);

/* ERRORS, and clearing some of its bits. */
uint32_t pqhw_top_errors(const struct pqhw_top_bus *bus);
void pqhw_top_clear(const struct pqhw_top_bus *bus, uint32_t errors);
