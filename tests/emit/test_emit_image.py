"""The parameter image, byte by byte, for specs small enough to pack by hand."""

import hashlib
import json
import zlib

import numpy as np
import pytest
from builders import chain, chains, odd_cases, pq, small_mac
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.emit.checksum import POLYNOMIAL, fold_columns, line_bits, trailer
from pqhw.emit.image import arrange, pack_image, pack_section
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import Requantize, Section
from pqhw.spec.image import best_chunk_bits
from pqhw.spec.parameters import check_parameters
from pqhw.spec.tables import LOAD_BITS


def parameters(spec, **arrays):
    return (check_parameters(spec, {name: np.array(value) for name, value in arrays.items()}),)


TINY = {"D": 2, "N": 2, "V": 1, "K": 2, "activation_bits": 4, "prototype_bits": 4, "table_bits": 4}


def by_hand(spec, configuration):
    """S=2, K=2, V=1, N=2; one subspace, output, prototype and element at a time."""
    prototypes = [0x01, 0x02, 0x0F, 0x08]         # 1, 2 of subspace 0; -1, -8 of subspace 1
    tables = [0x01, 0x03, 0x05, 0x07,             # output 0: subspace 0, codes 0, 1; subspace 1
              0x0F, 0x0D, 0x0B, 0x09]             # output 1: -1, -3, -5, -7
    bias = [0x34, 0x01, 0xFF, 0x0F]               # 0x134 and -1, 12 bits each
    sections = b"".join(bytes([kind, 0, 0, 0, len(words), 0, 0, 0]) + bytes(words)
                        for kind, words in ((1, prototypes), (2, tables), (3, bias)))
    body = len(sections) + 4
    image = b"PQHW" + bytes([1, 1, 3, 0]) + configuration + bytes([body, 0, 0, 0]) + sections
    return image + zlib.crc32(image).to_bytes(4, "little")


def test_the_image_of_a_tiny_engine_is_the_one_packed_by_hand():
    spec = pq(**TINY)
    own = parameters(spec, prototypes=[[[1], [2]], [[-1], [-8]]],
                     tables=[[[1, -1], [3, -3]], [[5, -5], [7, -7]]], bias=[0x134, -1])
    configuration = chain(spec).image.configuration.to_bytes(4, "little")
    assert pack_image(chain(spec), own).hex(" ") == by_hand(spec, configuration).hex(" ")


def test_the_configuration_is_the_hash_of_the_layout_in_json():
    layout = chain(pq(**TINY)).image
    kinds = [["prototypes", 4, 1, 4], ["tables", 8, 1, 4], ["bias", 2, 1, 12]]
    sections = [[kind, words, fields, bits, 1, 0, 8] for kind, words, fields, bits in kinds]
    described = [["pq", {"in_features": 2, "out_features": 2},
                  {"activation_bits": 4, "activation_signed": True, "prototype_bits": 4,
                   "table_bits": 4, "compatibility": "none",
                   "output": "accumulator"}, "l2", 1, 2, False, [1, 1, 1]]]
    text = json.dumps([described, sections], sort_keys=True)
    assert layout.configuration == int.from_bytes(hashlib.sha256(text.encode()).digest()[:4],
                                                  "little")


@pytest.mark.parametrize("changes", [
    {"D": 3}, {"N": 3}, {"K": 3}, {"encoder": "l1"}, {"shared_prototypes": True},
    {"table_bits": 5}, {"activation_signed": False}, {"load_bits": 16}, {"bias_bits": 13},
    {"outputs_per_cycle": 2}, {"output": Requantize(bits=4, shift=1)},
    {"output": Requantize(bits=4, shift=2)}], ids=str)
def test_an_image_fits_no_engine_that_computes_or_stores_otherwise(changes):
    assert (chain(pq(**TINY)).image.configuration
            != chain(pq(**{**TINY, **changes})).image.configuration)


@pytest.mark.parametrize("one, other", [
    ({"prototypes_per_cycle": 2}, {"elements_per_cycle": 2}),
    ({"encoders_per_cycle": 1}, {"elements_per_cycle": 2})], ids=str)
def test_an_image_fits_no_engine_that_stores_as_much_in_another_order(one, other):
    shape = {"D": 8, "N": 2, "V": 2, "K": 4, "shared_prototypes": True,
             "subspaces_per_cycle": 2}
    assert (chain(pq(**shape, **one)).image.configuration
            != chain(pq(**shape, **other)).image.configuration)


@pytest.mark.parametrize("changes", [
    {"table_storage": "bram"}, {"bram_register": False}, {"counter_bits": 20},
    {"prototype_storage": "bram"}], ids=str)
def test_an_image_fits_every_engine_that_differs_only_in_its_storage(changes):
    assert (chain(pq(**TINY)).image.configuration
            == chain(pq(**{**TINY, **changes})).image.configuration)


@pytest.mark.parametrize("section, words, packed", [
    ({"words": 2, "fields": 3, "field_bits": 4}, [[1, -1, 2], [7, -8, 0]], "f1 02 87 00"),
    ({"words": 1, "fields": 3, "field_bits": 3}, [[1, 2, -1]], "d1 01"),
    ({"words": 1, "fields": 1, "field_bits": 12, "load_bits": 32}, [[-2]], "fe 0f 00 00"),
    ({"words": 1, "fields": 3, "field_bits": 8, "load_bits": 16}, [[1, 2, 3]], "01 02 03 00"),
    ({"words": 2, "fields": 1, "field_bits": 5, "banks": 2}, [[1, 2], [-1, 0]], "01 02 1f 00"),
    ({"words": 2, "fields": 1, "field_bits": 2, "banks": 2}, [[1, 2], [-1, 0]], "09 03"),
    ({"words": 1, "fields": 1, "field_bits": 5, "banks": 4, "load_bits": 16}, [[1, 2, 3, 4]],
     "41 0c 04 00"),
    ({"words": 1, "fields": 1, "field_bits": 1, "load_bits": 64}, [[1]], "01" + " 00" * 7)])
def test_fields_stand_least_significant_first_and_chunks_fill_load_words(section, words, packed):
    made = Section(kind="tables", **section)
    assert pack_section(made, np.array(words)).hex(" ") == packed
    assert made.bytes == len(bytes.fromhex(packed))


@pytest.mark.parametrize("load_bits, fields, chunks", [
    (8, 36, 1), (8, 37, 2), (16, 36, 1), (32, 36, 1), (32, 37, 5), (64, 65, 2), (64, 73, 5),
    (128, 36, 1), (128, 64, 2), (256, 64, 1), (256, 65, 2), (1024, 256, 1), (1024, 275, 2)])
def test_wide_words_are_cut_into_chunks(load_bits, fields, chunks):
    section = Section(kind="tables", words=2, fields=fields, field_bits=4, load_bits=load_bits)
    assert section.chunks == chunks
    words = np.arange(2 * fields).reshape(2, 1, fields) % 16
    packed = pack_section(section, words)
    beats = section.beats * load_bits // 8
    assert len(packed) == section.bytes == 2 * chunks * beats
    for word in range(2):
        parts = [packed[(word * chunks + chunk) * beats:][:beats] for chunk in range(chunks)]
        value = sum(int.from_bytes(part, "little") << chunk * section.chunk_bits
                    for chunk, part in enumerate(parts))
        assert value == sum(int(v) << 4 * i for i, v in enumerate(words[word, 0]))


@given(st.integers(1, 3000), st.sampled_from(LOAD_BITS))
def test_chunks_waste_no_memory_and_a_word_that_fits_is_written_at_once(width, load_bits):
    chunk = best_chunk_bits(width, load_bits)
    assert chunk == width or 4 <= chunk <= max(144, load_bits)
    parts = [min(chunk, width - low) for low in range(0, width, chunk)]
    for unit in (4, 16, 36):
        assert sum(-(-part // unit) for part in parts) == -(-width // unit)
    if width <= load_bits:
        assert len(parts) == 1
    fewest = -(-width // 144) * -(-144 // load_bits)
    assert len(parts) * -(-chunk // load_bits) <= fewest


def test_padding_prototypes_repeat_the_last_and_padding_elements_are_zero():
    """K=3 two at a time, V=3 two at a time: words (chunk of prototypes, chunk of elements)."""
    spec = pq(D=3, N=1, V=3, K=3, prototypes_per_cycle=2, elements_per_cycle=2)
    own, = parameters(spec, prototypes=[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]],
                      tables=np.zeros((1, 3, 1), int))
    words = arrange(spec.sections()[0], spec, own)
    assert words.tolist() == [[[1, 2, 4, 5]], [[3, 0, 6, 0]], [[7, 8, 7, 8]], [[9, 0, 9, 0]]]


def test_prototypes_lie_by_groups_of_the_encoder_where_it_has_fewer_lanes():
    """S=3 in lookup lanes of 2, encoded one at a time: a word per subspace."""
    spec = pq(D=3, N=1, V=1, K=2, subspaces_per_cycle=2, encoders_per_cycle=1,
              prototypes_per_cycle=2)
    own, = parameters(spec, prototypes=[[[1], [2]], [[3], [4]], [[5], [6]]],
                      tables=np.zeros((3, 2, 1), int))
    words = arrange(spec.sections()[0], spec, own)
    assert words.tolist() == [[[1, 2]], [[3, 4]], [[5, 6]]]


def test_norms_are_of_each_prototype_once_and_those_that_pad_are_of_the_last():
    """K=3 two at a time, V=3 two at a time: words are chunks of prototypes."""
    spec = pq(D=3, N=1, V=3, K=3, encoder="dot", prototypes_per_cycle=2, elements_per_cycle=2)
    own, = parameters(spec, prototypes=[[[1, 2, 3], [4, -5, 6], [7, 8, -128]]],
                      tables=np.zeros((1, 3, 1), int))
    section = spec.section("norms")
    assert arrange(section, spec, own).tolist() == [[[-14, -77]], [[-16497, -16497]]]
    assert (section.words, section.fields, section.field_bits) == (2, 2, 17)


def test_thresholds_are_heaps_and_split_dimensions_words_of_levels():
    """S=3 in lanes of 2, K=4: heap entry 0 is unused, sub-vector 3 is padding."""
    spec = pq(D=9, N=1, V=3, K=4, encoder="tree", subspaces_per_cycle=2)
    own, = parameters(spec, split_dims=[[0, 1], [2, 0], [1, 2]],
                      thresholds=[[1, 2, 3], [4, 5, 6], [7, 8, 9]],
                      tables=np.zeros((3, 4, 1), int))
    thresholds, dims = (arrange(section, spec, own) for section in spec.sections()[:2])
    assert thresholds[..., 0].tolist() == [
        [0, 0], [1, 4], [2, 5], [3, 6], [0, 0], [7, 0], [8, 0], [9, 0]]
    assert dims[:, 0].tolist() == [[0, 1, 2, 0], [1, 2, 0, 0]]


def test_tables_lie_tile_by_tile_group_by_group_code_by_code():
    """S=3 in lanes of 2, K=3, N=3 in tiles of 2: padded entries are zero."""
    spec = pq(D=3, N=3, V=1, K=3, subspaces_per_cycle=2, outputs_per_cycle=2)
    tables = np.arange(1, 28).reshape(3, 3, 3)
    own, = parameters(spec, prototypes=np.zeros((3, 3, 1), int), tables=tables)
    words = arrange(spec.sections()[1], spec, own)
    padded = np.zeros((4, 4, 4), int)
    padded[:3, :3, :3] = tables
    expected = [[[padded[group * 2 + lane, code, tile * 2 + n] for n in range(2)]
                 for lane in range(2)]
                for tile in range(2) for group in range(2) for code in range(4)]
    assert words.tolist() == expected


def test_weights_lie_tile_by_tile_group_by_group():
    spec = small_mac(D=3, N=3, inputs_per_cycle=2, outputs_per_cycle=2)
    own, = parameters(spec, weights=[[1, 2, 3], [4, 5, 6], [-1, -2, -3]])
    assert arrange(spec.sections()[0], spec, own)[:, 0].tolist() == [
        [1, 2, 4, 5], [3, 0, 6, 0], [-1, -2, 0, 0], [-3, 0, 0, 0]]


@pytest.mark.parametrize("shift, constant", [(0, 0), (1, 1), (2, 2), (5, 16)])
def test_the_stored_bias_holds_the_rounding_constant(shift, constant):
    spec = pq(**TINY, output=Requantize(bits=4))
    own, = parameters(spec, prototypes=np.zeros((2, 2, 1), int), tables=np.zeros((2, 2, 2), int),
                      bias=[5, -6], shift=shift)
    stored = arrange(next(s for s in spec.sections() if s.kind == "bias"), spec, own)
    assert stored.reshape(-1).tolist() == [5 + constant, -6 + constant]


@settings(max_examples=60)
@given(chains(most=3), st.integers(0, 1000))
def test_an_image_has_the_length_of_its_layout_and_ends_with_its_check(spec, seed):
    image = pack_image(spec, random_parameters(spec, seed))
    if not spec.image.sections:
        assert image == b""
        return
    layout, size = spec.image, spec.load_bits // 8
    at = max(16, size)
    assert len(image) == at + layout.body_bytes and len(image) % size == 0, spec
    assert image[:at] == layout.header(), spec
    for section in layout.sections:
        header = section.header()
        assert image[at:at + len(header)] == header and len(header) == max(8, size)
        at += len(header) + section.bytes
    check = 4 if size <= 8 else 8
    assert set(image[at:-check]) <= {0} and len(image) - at == max(check, size)
    if size <= 8:
        assert int.from_bytes(image[-4:], "little") == zlib.crc32(image[:-4]), spec
    else:
        assert image[-8:] == slow_check(image[:-size], size).to_bytes(8, "little"), spec


def slow_check(body, size):
    """Sum and signature of a wide image, bit by bit as the format defines them."""
    line = 36 - (8 * size).bit_length() + 1
    total = signature = 0
    for start in range(0, len(body), size):
        word = int.from_bytes(body[start:start + size], "little")
        fold = number = 0
        while word:
            part = word & (1 << line) - 1
            fold ^= part ^ (number << line) * (part.bit_count() & 1)
            word, number = word >> line, number + 1
        total ^= fold
        signature = signature >> 1 ^ 0xEDB88320 * (signature & 1) ^ fold
    return total | signature << 32


WIDE = (128, 256, 512, 1024)


@pytest.mark.parametrize("load_bits", WIDE)
def test_folds_of_one_bit_differ_and_three_never_cancel_and_all_of_them_span_32_bits(load_bits):
    columns = fold_columns(load_bits)
    assert len(set(columns)) == load_bits and max(columns) < 1 << 32
    low = (1 << line_bits(load_bits)) - 1
    assert all((column & low).bit_count() == 1 for column in columns)  # So odd sums are not zero.
    basis = {}
    for column in columns:
        while column:
            top = column.bit_length()
            if top not in basis:
                basis[top] = column
                break
            column ^= basis[top]
    assert len(basis) == 32


def test_the_signature_of_a_wrong_bit_repeats_only_after_2_32_words():
    """Stepping is multiplication by a generator of the field: its order has no smaller divisor."""
    def multiply(a, b):
        product = 0
        for bit in range(31, -1, -1):                     # Reflected: bit 31 is x**0.
            product ^= a * (b >> bit & 1)
            a = a >> 1 ^ POLYNOMIAL * (a & 1)
        return product

    def power(exponent):
        result, factor = 1 << 31, 1 << 30
        while exponent:
            result = multiply(result, factor) if exponent & 1 else result
            factor, exponent = multiply(factor, factor), exponent >> 1
        return result

    order = (1 << 32) - 1
    assert power(order) == 1 << 31
    assert all(power(order // prime) != 1 << 31 for prime in (3, 5, 17, 257, 65537))


@pytest.mark.parametrize("load_bits", WIDE)
def test_no_two_wrong_bits_and_no_swapped_words_keep_the_check(load_bits):
    rng = np.random.default_rng(load_bits)
    size = load_bits // 8
    body = rng.integers(0, 256, 12 * size, dtype=np.uint8)
    right = trailer(body.tobytes(), load_bits)
    assert len(right) == size
    for _ in range(300):
        wrong = body.copy()
        for at in rng.choice(len(body) * 8, rng.integers(1, 4), replace=False):
            wrong[at // 8] ^= 1 << at % 8
        assert trailer(wrong.tobytes(), load_bits) != right
    words = body.reshape(-1, size)
    for a, b in ((0, 1), (3, 9)):
        swapped = words.copy()
        swapped[[a, b]] = words[[b, a]]
        assert trailer(swapped.tobytes(), load_bits) != right


@pytest.mark.parametrize("name", odd_cases())
def test_changing_any_parameter_changes_the_image(name):
    spec = odd_cases()[name]
    assert pack_image(spec, random_parameters(spec, 1)) != pack_image(
        spec, random_parameters(spec, 2))
