"""How elements of few bits share the words of a memory."""

import dataclasses
import math

from .nest import Values

__all__ = ["Packing"]


@dataclasses.dataclass(frozen=True)
class Packing:
    """Elements of `bits` in words of `word_bits`.

    Without `straddle` a word holds as many whole elements as fit, or an element takes whole words;
    with it elements follow each other without gaps.
    """
    bits: int
    word_bits: int
    straddle: bool = False

    @property
    def per_word(self) -> int:
        """Whole elements in a word: 0 where one is larger."""
        return self.word_bits // self.bits

    @property
    def density(self) -> float:
        """Elements in a word, on average."""
        if self.straddle:
            return self.word_bits / self.bits
        return self.per_word or 1 / -(-self.bits // self.word_bits)

    def words(self, elements: Values) -> Values:
        """Words that hold so many elements in a row, or that move them."""
        if self.straddle:
            return -(-elements * self.bits // self.word_bits)
        if self.per_word:
            return -(-elements // self.per_word)
        return elements * -(-self.bits // self.word_bits)

    def words_one_by_one(self, elements: Values) -> Values:
        """Words that are accessed where every element is fetched by itself.

        Straddling elements begin at all multiples of the common divisor of both widths equally
        often; those that end in another word take one access more.
        """
        if self.straddle:
            step = math.gcd(self.bits, self.word_bits)
            return -(-elements * (self.bits + self.word_bits - step) // self.word_bits)
        return elements * -(-self.bits // self.word_bits)
