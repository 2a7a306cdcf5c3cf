"""An overlay's programs, job after job, in exact integers: what the hardware does to its memories.

Nothing is known of the network here: a program is right if this gives what the golden network does.
"""

import numpy as np

from ..spec.overlay import Block, Job, Kind, Program
from ..spec.overlay.job import ADDRESS_BITS
from ..spec.overlay.overlay import ACTIVATION_BITS, TAPS, WINDOW
from .requantize import shift_half_up

__all__ = ["program_results"]

EMPTY = -1
"""What no word of the memories is, as long as nothing was stored."""


def program_results(program: Program, images: np.ndarray) -> np.ndarray:
    """Results [R, ...] of images [R, H, W, C], or rows [R, D], that fit the network."""
    state = _State(program, images)
    for block in program.blocks:
        state.run(block)
    results = np.concatenate(state.results, axis=1)
    if program.blocks[-1].job.argmax:
        results = results.argmax(axis=1)[:, None]
    return results.reshape(len(images), *program.results.shape)


class _State:
    """The memories of an overlay: banks [R, 3, 3, words, lanes], codes [R, words, lanes]."""

    def __init__(self, program: Program, images: np.ndarray):
        spec = self.spec = program.spec
        self.images = np.asarray(images, np.int64).reshape(len(images), -1)
        self.banks = np.zeros((len(images), WINDOW, WINDOW, spec.activation_words, spec.lanes),
                              np.int64)
        self.codes = np.full((len(images), spec.code_words, spec.lanes), EMPTY)
        self.results: list[np.ndarray] = []

    def run(self, block: Block) -> None:
        """One job."""
        job = block.job
        match job.kind:
            case Kind.INPUT:
                words = self.entering(job)
            case Kind.ENCODE | Kind.REPLAY:
                words = self.lookups(block)
            case Kind.SUM:
                words = self.sums(block)
            case Kind.LANES:
                words = self.lanes(block)
            case Kind.LARGEST:
                words = self.windows(job, -(1 << ACTIVATION_BITS - 1) if job.signed else 0).max(4)
        self.give(block, words)

    # -- Words of pixels [R, pixels, words, lanes] -------------------------------------------

    def entering(self, job: Job) -> np.ndarray:
        """What comes in, the lanes beyond the last channel cleared."""
        lanes, words = self.spec.lanes, job.groups
        channels = (words - 1) * lanes + job.lanes_last
        pixels = self.images.reshape(len(self.images), job.windows, channels)
        padded = np.pad(pixels, ((0, 0), (0, 0), (0, words * lanes - channels)))
        return padded.reshape(len(self.images), job.windows, words, lanes)

    def windows(self, job: Job, outside: int = 0) -> np.ndarray:
        """Windows [R, pixels, groups, lanes, taps]; what a kernel or an image has not is
        `outside`."""
        shape = (len(self.images), job.out_height, job.out_width, job.groups, self.spec.lanes)
        found = np.full((*shape, TAPS), outside)
        mask = (1 << ADDRESS_BITS) - 1
        group = np.arange(job.groups)
        for y in range(job.out_height):
            for x in range(job.out_width):
                for tap in range(job.kernel_y * WINDOW):
                    dy, dx = divmod(tap, WINDOW)
                    top, left = job.top + y * job.stride_y, job.left + x * job.stride_x
                    if (dx >= job.kernel_x or not 0 <= top + dy < job.height
                            or not 0 <= left + dx < job.width):
                        continue
                    row, column = (job.row_phase + y * job.stride_y + dy,
                                   job.column_phase + x * job.stride_x + dx)
                    at = (job.row_start + row // WINDOW * job.row_step + job.column_start
                          + column // WINDOW) & mask
                    word = self.banks[:, row % WINDOW, column % WINDOW][:, at + group * job.plane]
                    found[:, y, x, :, :, tap] = self.signed(word, job.signed)
        return found.reshape(shape[0], job.windows, *shape[3:], TAPS)

    def signed(self, words: np.ndarray, signed: int) -> np.ndarray:
        """Stored bits as values."""
        return np.where(words >> ACTIVATION_BITS - 1 & signed, words - (1 << ACTIVATION_BITS),
                        words)

    def plain(self, start: int, row_step: int, y: int, x: int) -> tuple[tuple[int, int], int]:
        """The bank and the address of a pixel."""
        return (y % WINDOW, x % WINDOW), start + y // WINDOW * row_step + x // WINDOW

    def words(self, count: int, plane: int) -> np.ndarray:
        """Addresses of a pixel's words behind that of the first."""
        return np.arange(count) * plane

    def lookups(self, block: Block) -> np.ndarray:
        """Sums of table entries at the codes of every pixel."""
        job, lanes = block.job, self.spec.lanes
        groups = (len(block.tables) // self.spec.prototypes) or len(block.thresholds)
        count = job.windows * groups
        if job.kind is Kind.ENCODE:
            self.codes[:, :count] = self.encoded(block, groups).reshape(-1, count, lanes)
        codes = self.codes[:, :count].reshape(-1, job.windows, groups, lanes)
        assert (codes != EMPTY).all()
        if job.drop:
            return np.zeros((len(codes), job.windows, job.out_words, lanes), np.int64)
        entries = block.tables.reshape(groups, self.spec.prototypes, lanes, -1)
        sums = entries[np.arange(groups)[:, None], codes, np.arange(lanes)].sum(axis=(2, 3))
        words = sums.reshape(*sums.shape[:2], -1, lanes)
        return words[:, :, :job.out_words]

    def encoded(self, block: Block, groups: int) -> np.ndarray:
        """Codes [R, pixels, groups, lanes]."""
        job, lanes = block.job, self.spec.lanes
        if job.by_channels:
            channels = self.windows(job)[..., 0].reshape(len(self.images), job.windows, -1)
            length = job.vector_words * lanes
            wanted = groups * lanes * length
            channels = np.pad(channels, ((0, 0), (0, 0), (0, wanted - channels.shape[2])))
            vectors = channels.reshape(*channels.shape[:2], groups, lanes, length)
        else:
            vectors = self.windows(job)
        node = np.ones(vectors.shape[:-1], np.int64)
        place = np.arange(groups)[:, None], np.arange(lanes)
        for level in range(self.spec.depth):
            dims = np.broadcast_to(block.dims[..., level], node.shape)[..., None]
            dims = np.minimum(dims, vectors.shape[-1] - 1)
            element = np.take_along_axis(vectors, dims, axis=-1)[..., 0]
            node = 2 * node + (element >= block.thresholds[(*place, node)])
        return node - self.spec.prototypes

    def weights(self, block: Block) -> np.ndarray:
        """Weights [words, lanes, taps], those that are not loaded zero."""
        missing = TAPS - block.weights.shape[2]
        return np.pad(block.weights, ((0, 0), (0, 0), (0, missing)))

    def sums(self, block: Block) -> np.ndarray:
        """Products summed over taps and channels, output by output."""
        job, lanes = block.job, self.spec.lanes
        weights = self.weights(block).reshape(job.outputs, job.groups, lanes, TAPS)
        sums = np.einsum("rpglt,nglt->rpn", self.windows(job), weights)
        return sums.reshape(*sums.shape[:2], -1, lanes)

    def lanes(self, block: Block) -> np.ndarray:
        """Products summed over taps, and where they go across pixels over all of these."""
        sums = (self.windows(block.job) * self.weights(block)).sum(axis=4)
        return sums.sum(axis=1, keepdims=True) if block.job.across else sums

    # -- Results -----------------------------------------------------------------------------

    def give(self, block: Block, words: np.ndarray) -> None:
        """Requantise, add, clamp, and store or let go."""
        job = block.job
        count = words.shape[1]
        width = job.out_width if not job.across else 1
        if job.biased or job.scaled:
            outputs = block.outputs[:job.out_words]
            words = words + outputs[..., 0] * job.biased
            words = words * outputs[..., 1] if job.scaled else words
        if not job.raw:
            words = np.clip(shift_half_up(words, job.shift), job.low, job.high)
            for pixel in range(count) if job.add_words else ():
                bank, at = self.plain(job.add_start, job.add_row_step, *divmod(pixel, width))
                own = self.banks[(slice(None), *bank)][:, at + self.words(job.add_words,
                                                                          job.add_plane)]
                words[:, pixel] += self.signed(own, job.add_signed)
            words = np.clip(words, job.add_low, job.add_high)
        if job.stream or job.drop:
            if job.stream:
                self.leave(job, words)
            return
        for pixel in range(count):
            if job.flat:
                bank, at = (0, 0), job.out_start + pixel * job.out_row_step
            else:
                bank, at = self.plain(job.out_start, job.out_row_step,
                                      *divmod(pixel, job.store_width))
            stored = words[:, pixel] & (1 << ACTIVATION_BITS) - 1
            self.banks[(slice(None), *bank)][:, at + self.words(job.out_words,
                                                                job.out_plane)] = stored

    def leave(self, job: Job, words: np.ndarray) -> None:
        """The results of a job, without the lanes beyond the last channel."""
        images, pixels, count, lanes = words.shape
        channels = (count - 1) * lanes + job.lanes_last
        rows = words.reshape(images, pixels, count * lanes)[:, :, :channels]
        self.results.append(rows.reshape(images, -1))


