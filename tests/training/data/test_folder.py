"""Folders of images: layout, decoding, packing, the packed copy's reuse."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from budgetnet.errors import DataError, StudyError
from budgetnet.training.data.load import Dataset, ImageFolder, load_dataset
from budgetnet.training.data.packed import packing, store
from budgetnet.training.data.sources import describe_source


def packed_in(data_dir: Path) -> list[Path]:
    """The packed copies, and anything else, below a data directory."""
    return sorted((data_dir / "packed").iterdir())


def test_a_folder_becomes_a_data_set(image_folder: Path, tmp_path: Path) -> None:
    """Classes are the sorted folder names; every format is read; labels fit the pixels."""
    data = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    assert data.classes == ("dark", "light")
    assert data.shape == (3, 8, 6) == data.train.shape
    assert data.train.labels.tolist() == [0] * 6 + [1] * 6
    levels = data.train.images.float().mean(dim=(1, 2, 3))
    assert ((levels > 120).long() == data.train.labels).all()
    test = data.test()
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert test.normalisation == data.normalisation
    exact = np.asarray(Image.open(image_folder / "train" / "dark" / "0.png"))
    assert torch.equal(data.train.images[0], torch.from_numpy(exact.transpose(2, 0, 1).copy()))
    assert describe_source(ImageFolder(image_folder)) == ((3, 8, 6), ("dark", "light"))


def test_statistics_come_from_train_images_only(image_folder: Path, tmp_path: Path) -> None:
    """Changing test images does not change the normalisation."""
    before = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data").normalisation
    Image.new("RGB", (6, 8), (255, 0, 0)).save(image_folder / "test" / "dark" / "0.png")
    assert load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data").normalisation == before


def test_the_packed_copy_is_used_again_until_something_changes(image_folder: Path, tmp_path: Path) -> None:
    """A second load decodes nothing; a touched file, another size or another channel number packs anew."""
    calls: list[tuple[int, int]] = []

    def load_with(folder: ImageFolder) -> Dataset:
        calls.clear()
        return load_dataset(
            folder, data_dir=tmp_path / "data", progress=lambda done, total: calls.append((done, total))
        )

    first = load_with(ImageFolder(image_folder))
    assert calls == [(i, 16) for i in range(1, 17)]
    second = load_with(ImageFolder(image_folder))
    assert calls == []
    assert torch.equal(first.train.images, second.train.images)
    load_with(ImageFolder(image_folder, size=4))
    assert len(calls) == 16
    load_with(ImageFolder(image_folder, channels=1))
    assert len(calls) == 16
    os.utime(image_folder / "train" / "dark" / "0.png", (1, 1))
    load_with(ImageFolder(image_folder))
    assert len(calls) == 16
    assert len(packed_in(tmp_path / "data")) == 4


def test_images_are_memory_maps_of_one_file(image_folder: Path, tmp_path: Path) -> None:
    """Two loads look at the same file's pages, and writing to one's tensor reaches neither file nor the other."""
    first = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    second = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    value = second.train.images[0, 0, 0, 0].item()
    first.train.images[0, 0, 0, 0] = 255 - value
    assert second.train.images[0, 0, 0, 0].item() == value
    if Path("/proc/self/maps").exists():
        assert "train_images.npy" in Path("/proc/self/maps").read_text()


def test_grey_images(image_folder: Path, tmp_path: Path) -> None:
    """With one channel, colour pictures become grey ones; 16-bit grey is scaled, not clipped."""
    deep = np.full((8, 6), 40_000, dtype=np.uint16)
    Image.fromarray(deep).save(image_folder / "train" / "dark" / "0.png")
    data = load_dataset(ImageFolder(image_folder, channels=1), data_dir=tmp_path / "data")
    assert data.shape == (1, 8, 6)
    assert data.train.images.shape == (12, 1, 8, 6)
    assert data.train.images[0].unique().tolist() == [round(40_000 / 257)]


@pytest.mark.parametrize(("size", "shape"), [(4, (3, 4, 4)), ((5, 9), (3, 5, 9)), ([5, 9], (3, 5, 9))])
def test_images_are_scaled_and_cut_to_the_size(
    image_folder: Path, tmp_path: Path, size: int | tuple[int, int], shape: tuple[int, ...]
) -> None:
    """Images of all sizes come out as asked for."""
    Image.new("RGB", (40, 17), (9, 9, 9)).save(image_folder / "train" / "dark" / "extra.png")
    folder = ImageFolder(image_folder, size=size)
    assert load_dataset(folder, data_dir=tmp_path / "data").shape == shape
    assert describe_source(folder).shape == shape


def test_photographs_are_turned_upright(image_folder: Path, tmp_path: Path) -> None:
    """The camera's orientation mark is obeyed when decoding and when describing."""
    for path in sorted(image_folder.rglob("*.*")):
        path.unlink()
    picture = Image.new("RGB", (8, 6), (10, 10, 10))
    mark = Image.Exif()
    mark[0x0112] = 6
    for part in ("train", "test"):
        for name in ("dark", "light"):
            picture.save(image_folder / part / name / "a.jpg", exif=mark)
    folder = ImageFolder(image_folder)
    assert describe_source(folder).shape == (3, 8, 6) == load_dataset(folder, data_dir=tmp_path / "data").shape


def test_other_files_are_left_out(image_folder: Path, tmp_path: Path) -> None:
    """Notes and hidden files are no images, and hidden folders are no classes."""
    (image_folder / "train" / "dark" / "notes.txt").write_text("dark ones")
    (image_folder / "train" / "dark" / "._0.png").write_bytes(b"resource fork")
    (image_folder / "train" / ".thumbnails").mkdir()
    data = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    assert (len(data.train), data.classes) == (12, ("dark", "light"))


def test_a_damaged_image_is_named_and_nothing_is_left(image_folder: Path, tmp_path: Path) -> None:
    """A file that Pillow cannot decode stops packing with its path; no half copy stays."""
    bad = image_folder / "test" / "light" / "0.png"
    bad.write_bytes(bad.read_bytes()[:60])
    with pytest.raises(DataError, match=r"the image .*test/light/0\.png cannot be read .*; replace it or remove it"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    assert packed_in(tmp_path / "data") == []
    first = image_folder / "train" / "dark" / "0.png"
    first.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"the image .*train/dark/0\.png cannot be read"):
        describe_source(ImageFolder(image_folder))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((8, 8), 0.5, dtype=np.float32), "whole numbers as pixels, but .*odd.tiff has floating point ones"),
        (np.full((8, 8), 2**20, dtype=np.int32), "at most 16 bits a channel, but .*odd.tiff has values from 1048576"),
        (np.full((8, 8), -1, dtype=np.int32), "at most 16 bits a channel, but .*odd.tiff has values from -1 to -1"),
    ],
)
def test_pixels_of_unknown_range_are_refused(
    image_folder: Path, tmp_path: Path, pixels: np.ndarray, message: str
) -> None:
    """They would come out all black or as 0 and 1."""
    place = next((image_folder / "train").iterdir())
    Image.fromarray(pixels).save(place / "odd.tiff")
    with pytest.raises(DataError, match=message):
        load_dataset(ImageFolder(image_folder, size=8), data_dir=tmp_path / "data")


def test_huge_images_are_refused_before_they_are_decoded(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the size that their header states."""
    monkeypatch.setattr("budgetnet.training.data.folder.LIMIT_PIXELS", 63)
    Image.new("RGB", (8, 8)).save(next((image_folder / "train").iterdir()) / "huge.png")
    with pytest.raises(DataError, match=r"at most 63 pixels, but .* has \d+x\d+; scale it down first"):
        load_dataset(ImageFolder(image_folder, size=4), data_dir=tmp_path / "data")


def test_different_sizes_need_a_size(image_folder: Path, tmp_path: Path) -> None:
    """The first image that differs is named, and the way out."""
    Image.new("RGB", (7, 7)).save(image_folder / "train" / "light" / "odd.png")
    with pytest.raises(DataError, match=r"light/odd\.png has 7x7 pixels and the first image 8x6; give a size"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")


def test_wrong_layouts_say_what_to_make(image_folder: Path, tmp_path: Path) -> None:
    """Missing parts, single classes, empty classes and unknown test classes are each named."""
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(DataError, match=r"there is no folder .*/nowhare; did you mean 'nowhere'\?; a folder of images"):
        load_dataset(ImageFolder(tmp_path / "nowhare"), data_dir=tmp_path)
    with pytest.raises(DataError, match=r"has no train/; make .*nowhere/train/CLASS/"):
        describe_source(ImageFolder(tmp_path / "nowhere"))
    (image_folder / "test" / "lihgt").mkdir()
    with pytest.raises(DataError, match=r"but .*test/lihgt has no counterpart; did you mean 'light'\?"):
        describe_source(ImageFolder(image_folder))
    (image_folder / "test" / "lihgt").rmdir()
    (image_folder / "train" / "empty").mkdir()
    with pytest.raises(DataError, match=r"but .*train/empty holds none that Pillow can read; put some there"):
        describe_source(ImageFolder(image_folder))
    (image_folder / "train" / "empty").rmdir()
    (image_folder / "train" / "dark").rename(image_folder / "elsewhere")
    with pytest.raises(
        DataError, match=r"at least two classes, but .*train holds 1 class folder; make one folder per class there"
    ):
        describe_source(ImageFolder(image_folder))
    (image_folder / "elsewhere").rename(image_folder / "train" / "dark")
    for path in (image_folder / "test").glob("*/*"):
        path.unlink()
    with pytest.raises(DataError, match="needs test images"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    for name in ("dark", "light"):
        (image_folder / "test" / name).rmdir()
    (image_folder / "test").rmdir()
    with pytest.raises(DataError, match=r"has no test/;"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")


@pytest.mark.parametrize("size", [0, -3, (4,), (4, 0), "32", 3.5, True])
def test_illegal_sizes_are_refused(size: object) -> None:
    """A size is one or two whole numbers of pixels."""
    with pytest.raises(
        StudyError, match=r"size must be a whole number from 1 to 4,096, or a pair \[height, width\] of them, but got"
    ):
        ImageFolder(Path("x"), size=size)  # type: ignore[arg-type]


def test_illegal_channels_are_refused() -> None:
    """Images are grey or in colour."""
    with pytest.raises(StudyError, match=r"channels must be 1 \(grey\) or 3 \(colour\), but got 4"):
        ImageFolder(Path("x"), channels=4)  # type: ignore[arg-type]


def test_a_damaged_packed_copy_says_what_to_delete(image_folder: Path, tmp_path: Path) -> None:
    """A cut or unreadable file in the packed copy is named with its folder."""
    load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    (copy,) = packed_in(tmp_path / "data")
    (copy / "train_images.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=rf"packed data set in {copy} is damaged .*; delete that folder"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    (copy / "about.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")


def test_the_slower_of_two_packers_gives_way(tmp_path: Path) -> None:
    """If another process has packed meanwhile, its copy stands and the own one vanishes."""
    target = tmp_path / "packed" / "pair"

    def write(place: Path, level: int) -> None:
        for part in ("train", "test"):
            images = np.full((2, 1, 3, 3), level, dtype=np.uint8)
            store(place, part, np.zeros(2, dtype=np.int64), images)

    with packing(target, ("a", "b")) as slow:
        with packing(target, ("a", "b")) as quick:
            write(quick, 7)
        write(slow, 9)
    assert np.load(target / "train_images.npy").max() == 7
    assert packed_in(tmp_path) == [target]


def test_a_directory_that_cannot_be_written_is_said(image_folder: Path, tmp_path: Path) -> None:
    """A data directory that is in truth a file leads to BUDGETNET_DATA."""
    (tmp_path / "data").write_text("")
    with pytest.raises(DataError, match=r"could not be packed into .* set BUDGETNET_DATA"):
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
