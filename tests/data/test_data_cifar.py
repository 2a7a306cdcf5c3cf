"""CIFAR-10: every published form gives the same images, and what is not CIFAR-10 is refused."""

import os
import pickle
import tarfile

import numpy as np
import pytest
from data_builders import (BATCHES, binary, cifar_files, cifar_images, packed, pickled_by_python_2,
                           pickled_by_python_3, planes, unpacked)

from pqhw.data import CIFAR10_CLASSES, DataError, load, load_cifar10

FORMS = {"python 2": (pickled_by_python_2, "", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
         "python 3": (pickled_by_python_3, "", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
         "binary": (binary, ".bin", "cifar-10-batches-bin", "cifar-10-binary.tar.gz")}


def refused(folder):
    """The sentence with which a folder is refused."""
    with pytest.raises(DataError) as error:
        load_cifar10(folder)
    said = str(error.value)
    assert said.startswith(str(folder)) and said.endswith(".") and "\n" not in said
    return said.removeprefix(str(folder)).removeprefix(os.sep)


# -- Forms -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["in the folder", "in a folder within", "packed"])
def test_every_published_form_gives_the_same_images(tmp_path, form, place):
    write, ending, inner, archive = FORMS[form]
    files = cifar_files(write, ending)
    if place == "packed":
        packed(tmp_path / archive, inner, files)
    else:
        unpacked(tmp_path if place == "in the folder" else tmp_path / inner, files)
    found = load_cifar10(tmp_path)
    batches = [cifar_images(seed) for seed in range(len(BATCHES))]
    np.testing.assert_array_equal(found.train_images, np.concatenate([b[0] for b in batches[:5]]))
    np.testing.assert_array_equal(found.train_labels, np.concatenate([b[1] for b in batches[:5]]))
    np.testing.assert_array_equal(found.test_images, batches[5][0])
    np.testing.assert_array_equal(found.test_labels, batches[5][1])
    assert found.classes == CIFAR10_CLASSES and found.classes[3] == "cat"
    assert found.train_images.flags.c_contiguous and found.train_images.flags.writeable


def test_a_folder_of_cifar10_is_recognised(tmp_path):
    unpacked(tmp_path / "cifar-10-batches-bin", cifar_files(binary, ".bin"))
    for what in (tmp_path, f"cifar10:{tmp_path}"):
        assert load(what).name == "cifar10"


def test_text_keys_of_python_3_are_read_too(tmp_path):
    def write(images, labels):
        return pickle.dumps({"data": planes(images), "labels": labels.tolist()}, protocol=4)
    unpacked(tmp_path, cifar_files(write))
    assert len(load_cifar10(tmp_path).train_labels) == 20


# -- Missing and truncated files ---------------------------------------------------------------


def test_an_empty_folder_is_refused(tmp_path):
    assert refused(tmp_path) == (
        ": must hold CIFAR-10, one of cifar-10-binary.tar.gz, cifar-10-python.tar.gz, "
        "data_batch_1, data_batch_1.bin, but holds none of them.")


@pytest.mark.parametrize("name", ["data_batch_1.bin", "data_batch_4.bin", "test_batch.bin"])
def test_a_missing_batch_is_named(tmp_path, name):
    files = cifar_files(binary, ".bin")
    del files[name]
    unpacked(tmp_path / "loose", files)
    assert refused(tmp_path / "loose") == f"{name}: cannot be read (No such file or directory)."
    packed(tmp_path / "cifar-10-binary.tar.gz", "x", files)
    assert refused(tmp_path) == f"cifar-10-binary.tar.gz: must hold {name}, but does not."


@pytest.mark.parametrize(("size", "sentence"), [
    (0, "must be of 3073 bytes per image, but is of 0 bytes."),
    (3072, "must be of 3073 bytes per image, but is of 3072 bytes."),
    (3073, "must hold 4 images as data_batch_1.bin does, but holds 1.")])
def test_a_truncated_binary_batch_is_refused(tmp_path, size, sentence):
    files = cifar_files(binary, ".bin")
    files["data_batch_3.bin"] = files["data_batch_3.bin"][:size]
    unpacked(tmp_path, files)
    assert refused(tmp_path) == f"data_batch_3.bin: {sentence}"


@pytest.mark.parametrize("size", [0, 1, 10, 60, 150, 1000, -30, -1])
@pytest.mark.parametrize("write", [pickled_by_python_2, pickled_by_python_3])
def test_a_truncated_pickle_is_refused(tmp_path, write, size):
    files = cifar_files(write)
    files["test_batch"] = files["test_batch"][:size]
    unpacked(tmp_path, files)
    assert refused(tmp_path).startswith("test_batch: is damaged, or no pickle of byte arrays (")


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_archive_is_refused(tmp_path, share):
    archive = tmp_path / "cifar-10-python.tar.gz"
    packed(archive, "cifar-10-batches-py", cifar_files(pickled_by_python_2))
    content = archive.read_bytes()
    archive.write_bytes(content[:int(share * len(content))])
    assert refused(tmp_path).startswith("cifar-10-python.tar.gz: is damaged or no archive (")


def test_links_of_an_archive_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in BATCHES:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    assert "must hold data_batch_1.bin" in refused(tmp_path)


# -- Wrong contents ----------------------------------------------------------------------------


def test_labels_beyond_the_classes_are_refused(tmp_path):
    files = cifar_files(binary, ".bin")
    files["data_batch_2.bin"] = b"\x0a" + files["data_batch_2.bin"][1:]
    unpacked(tmp_path, files)
    assert refused(tmp_path) == "data_batch_2.bin: labels must lie in 0…9, but one is 10."


DATA = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(("content", "words"), [
    ([DATA], "holds no dictionary"), (b"x", "holds no dictionary"),
    ({b"labels": [1, 2]}, "data must be an array [R, 3072] of uint8, but is missing."),
    ({b"data": DATA}, "labels must be a list of integers, but is missing."),
    ({b"data": DATA[:, :5], b"labels": [1, 2]}, "but is an array [2, 5]."),
    ({b"data": [1, 2], b"labels": [1, 2]}, "but is a list of other things."),
    ({b"data": DATA, b"labels": [1]}, "labels must be one per image of data, 2, but are 1."),
    ({b"data": DATA, b"labels": [1, 2.5]}, "but is a list of other things."),
    ({b"data": DATA, b"labels": [1, 10**30]}, "labels must lie in 0…9"),
    ({b"data": DATA, b"labels": [1, -5]}, "labels must lie in 0…9"),
    ({b"data": DATA.astype(np.float32), b"labels": [1, 2]}, "of another type than uint8"),
    ({b"data": DATA.astype(object), b"labels": [1, 2]}, "of another type than uint8")])
def test_pickles_of_other_things_are_refused(tmp_path, content, words):
    unpacked(tmp_path, cifar_files(pickled_by_python_3))
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content, protocol=2))
    said = refused(tmp_path)
    assert said.startswith("data_batch_1: ") and words in said


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("call", [("os", "mkdir"), ("os", "system"), ("builtins", "eval")])
def test_a_pickle_that_runs_something_is_refused_and_not_run(tmp_path, protocol, call):
    unpacked(tmp_path, cifar_files(pickled_by_python_3))
    function = {"mkdir": os.mkdir, "system": os.system, "eval": eval}[call[1]]
    argument = {"mkdir": "{}", "system": "mkdir '{}'", "eval": "__import__('os').mkdir({!r})"}[
        call[1]].format(str(tmp_path / "harm"))
    evil = {b"data": DATA, b"labels": [1, 2], b"x": Evil(function, argument)}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(evil, protocol=protocol))
    said = refused(tmp_path)
    assert f".{call[1]}, which images do not need." in said
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [
    b"\x80\x02cnumpy\nload\n.", b"\x80\x02cnumpy.core.multiarray\nscalar\n.",
    b"\x80\x02cnumpy\nndarray.tofile\n.", b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
    b"\x80\x02ccopyreg\n_reconstructor\n.", b"\x82\x01.", b"Pname\n.", b"c__main__\nx\n."])
def test_other_names_and_registries_are_refused(tmp_path, content):
    unpacked(tmp_path, cifar_files(pickled_by_python_3))
    (tmp_path / "data_batch_1").write_bytes(content)
    assert refused(tmp_path).startswith("data_batch_1: ")
