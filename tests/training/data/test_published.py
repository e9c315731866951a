"""Known data sets: the table, digits, torchvision's downloads and their failure."""

from __future__ import annotations

import gzip
import pickle
import re
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets as torchvision_datasets
from torchvision.datasets.utils import calculate_md5

from budgetnet.errors import DataError
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.load import Dataset, load_dataset
from budgetnet.training.data.sources import data_directory, describe_source


def test_digits_agree_with_the_table(digits: Dataset) -> None:
    """Scikit-learn's digits come packed, stratified, in the shape and numbers that the table states."""
    entry = DATASETS["digits"]
    assert (digits.name, digits.classes, digits.shape) == ("digits", entry.classes, entry.shape)
    test = digits.test()
    assert (len(digits.train), len(test)) == (entry.train, entry.test)
    assert digits.train.images.max() == 255
    assert torch.bincount(test.labels).min() >= 34
    assert describe_source("digits") == (entry.shape, entry.classes)


def test_every_entry_names_a_torchvision_class() -> None:
    """Names, class counts and files of the table fit torchvision's own lists."""
    for name, entry in DATASETS.items():
        assert len(set(entry.classes)) == len(entry.classes) == (100 if name == "cifar100" else 10)
        if entry.torchvision is None:
            continue
        kind = getattr(torchvision_datasets, entry.torchvision)
        match name:
            case "cifar10" | "cifar100":
                theirs = [kind.filename]
            case "svhn":
                theirs = [kind.split_list[part][1] for part in ("train", "test")]
            case _:
                theirs = [f"{entry.torchvision}/raw/{file}" for file, _ in kind.resources]
                assert [re.sub("[ /].*", "", c.lower()) for c in entry.classes] == [
                    re.sub("( - |[ /]).*", "", c.lower()) for c in kind.classes
                ] or name == "fashion-mnist"
        assert list(entry.files) == theirs


@pytest.mark.parametrize(
    ("name", "near"), [("cifar-10", "cifar10"), ("CIFAR10", "cifar10"), ("fashionmnist", "fashion-mnist")]
)
def test_unknown_names_get_the_nearest(name: str, near: str) -> None:
    """A misspelt name is answered with the known one."""
    message = f"no data set '{name}'; did you mean '{near}'\\?"
    with pytest.raises(DataError, match=message):
        load_dataset(name)
    with pytest.raises(DataError, match=message):
        describe_source(name)


def test_an_alien_name_lists_the_known_ones() -> None:
    """And says how to use a folder."""
    with pytest.raises(
        DataError, match=r"no data set 'xyz'; known are cifar10, .*, and a folder of images is written \{"
    ):
        describe_source("xyz")


def test_the_data_directory_follows_argument_then_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An argument wins over the environment, which wins over the cache in the home directory."""
    monkeypatch.delenv("BUDGETNET_DATA", raising=False)
    assert data_directory() == Path.home() / ".cache" / "budgetnet"
    monkeypatch.setenv("BUDGETNET_DATA", str(tmp_path / "env"))
    assert data_directory() == tmp_path / "env"
    assert data_directory(tmp_path / "argument") == tmp_path / "argument"
    load_dataset("digits")
    assert (tmp_path / "env" / "packed" / "digits" / "train_images.npy").is_file()


@pytest.mark.parametrize("name", ["cifar10", "svhn", "mnist"])
def test_a_failed_download_says_what_to_put_where(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a reachable server the message names the directory, every file, their source and the next step."""
    nowhere = "http://127.0.0.1:9/"
    monkeypatch.setattr(torchvision_datasets.CIFAR10, "url", nowhere + "cifar-10-python.tar.gz")
    monkeypatch.setattr(torchvision_datasets.MNIST, "mirrors", [nowhere])
    parts = {key: [nowhere + value[1], *value[1:]] for key, value in torchvision_datasets.SVHN.split_list.items()}
    monkeypatch.setattr(torchvision_datasets.SVHN, "split_list", parts)
    with pytest.raises(DataError) as caught:
        load_dataset(name, data_dir=tmp_path)
    text = str(caught.value)
    assert f"the data set {name} is not in {tmp_path / name} and could not be downloaded (" in text
    assert DATASETS[name].source in text
    assert "then run again" in text
    for file in DATASETS[name].files:
        assert f"  {tmp_path / name / file}" in text.splitlines()
    assert not (tmp_path / "packed").exists()


def test_cifar_files_put_there_by_hand_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive in its place is checked, unpacked, packed and not downloaded; pixels and labels arrive unchanged."""
    generator = np.random.default_rng(0)
    kind = torchvision_datasets.CIFAR10
    names = [file for file, _ in kind.train_list]
    raw = {name: generator.integers(0, 256, (4, 3072), dtype=np.uint8) for name in [*names, "test_batch"]}
    inner = tmp_path / "make" / kind.base_folder
    inner.mkdir(parents=True)
    for index, (name, pixels) in enumerate(raw.items()):
        content = {"data": pixels, "labels": [index % 10, 1, 2, 3]}
        (inner / name).write_bytes(pickle.dumps(content))
    (inner / kind.meta["filename"]).write_bytes(pickle.dumps({"label_names": list(DATASETS["cifar10"].classes)}))
    archive = tmp_path / "cifar10" / kind.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(inner, arcname=kind.base_folder)
    monkeypatch.setattr(kind, "tgz_md5", calculate_md5(str(archive)))
    monkeypatch.setattr(kind, "url", "http://127.0.0.1:9/" + kind.filename)
    monkeypatch.setattr(kind, "train_list", [[name, calculate_md5(str(inner / name))] for name in names])
    monkeypatch.setattr(kind, "test_list", [["test_batch", calculate_md5(str(inner / "test_batch"))]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": calculate_md5(str(inner / kind.meta["filename"]))})
    data = load_dataset("cifar10", data_dir=tmp_path)
    expected = np.concatenate([raw[name] for name in names]).reshape(-1, 3, 32, 32)
    assert np.array_equal(data.train.images.numpy(), expected)
    assert data.train.labels.tolist() == [v for i in range(5) for v in (i, 1, 2, 3)]
    assert np.array_equal(data.test().images.numpy(), raw["test_batch"].reshape(-1, 3, 32, 32))
    archive.write_bytes(b"damaged")
    assert len(load_dataset("cifar10", data_dir=tmp_path).train) == 20


def test_a_file_with_a_wrong_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged archive is not unpacked; without a server this is a failed download."""
    monkeypatch.setattr(torchvision_datasets.CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar-10-python.tar.gz").write_bytes(b"half an archive")
    with pytest.raises(DataError, match="could not be downloaded"):
        load_dataset("cifar10", data_dir=tmp_path)


def test_mnist_files_put_there_by_hand_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grey images get their channel axis; the four files are checked and read in place."""
    generator = np.random.default_rng(0)
    raw = tmp_path / "mnist" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sums = []
    pixels = {}
    for part, count in (("train", 6), ("t10k", 3)):
        pixels[part] = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        images = raw / f"{part}-images-idx3-ubyte.gz"
        labels = raw / f"{part}-labels-idx1-ubyte.gz"
        images.write_bytes(gzip.compress(struct.pack(">iiii", 2051, count, 28, 28) + pixels[part].tobytes()))
        labels.write_bytes(gzip.compress(struct.pack(">ii", 2049, count) + bytes(range(count))))
        sums += [(path.name, calculate_md5(str(path))) for path in (images, labels)]
    monkeypatch.setattr(torchvision_datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(torchvision_datasets.MNIST, "resources", sums)
    data = load_dataset("mnist", data_dir=tmp_path)
    assert data.train.images.shape == (6, 1, 28, 28)
    assert np.array_equal(data.train.images[:, 0].numpy(), pixels["train"])
    assert data.test().labels.tolist() == [0, 1, 2]


def test_what_is_no_source_is_refused() -> None:
    """A data set is a name or a folder."""
    with pytest.raises(DataError, match="must be a name or an ImageFolder, but got 3"):
        load_dataset(3)  # type: ignore[arg-type]
