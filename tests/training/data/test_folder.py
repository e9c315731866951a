"""Folders of images: layout, decoding, packing, the packed copy's reuse."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
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


def test_images_that_cannot_be_used_are_all_named(image_folder: Path, tmp_path: Path) -> None:
    """Not the first one only: whoever mends them does so once."""
    for number in range(22):
        (image_folder / "train" / "dark" / f"bad-{number:02}.png").write_bytes(b"no picture")
    Image.fromarray(np.full((8, 6), 0.5, dtype=np.float32)).save(image_folder / "test" / "light" / "odd.tiff")
    with pytest.raises(DataError) as caught:
        load_dataset(ImageFolder(image_folder, size=8), data_dir=tmp_path / "data")
    lines = str(caught.value).splitlines()
    assert lines[0] == "23 of 39 images cannot be used:"
    assert "train/dark/bad-00.png cannot be read" in lines[1]
    assert len(lines) == 22
    assert lines[-1] == "  and 3 more"
    assert packed_in(tmp_path / "data") == []


def test_what_is_not_taken_is_told_with_the_data(image_folder: Path, tmp_path: Path) -> None:
    """Each time, not only when the images are packed; the fingerprint is that of the images alone."""
    plain = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    assert plain.notes == ()
    for name in ("train/dark/photo.heic", "train/readme.txt", "test/dark/.hidden"):
        (image_folder / name).write_bytes(b"")
    (image_folder / "train" / "dark" / "gone.png").symlink_to(image_folder / "nowhere")
    again = load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    assert again.notes == ("not taken: 1 .heic, 1 dangling link, 1 file outside of the class folders, 1 hidden file",)
    assert len(packed_in(tmp_path / "data")) == 1


def test_further_frames_are_told_of(image_folder: Path, tmp_path: Path) -> None:
    """The first frame of an animation is the image; the copy remembers what to say."""
    frames = [Image.new("L", (6, 8), level) for level in (10, 200)]
    frames[0].save(image_folder / "train" / "dark" / "moving.gif", save_all=True, append_images=frames[1:])
    for _ in range(2):
        data = load_dataset(ImageFolder(image_folder, size=8), data_dir=tmp_path / "data")
        assert data.notes == ("1 image with several frames: the first one is taken",)
    assert data.conversion == ImageFolder(image_folder, size=8).conversion


def test_older_packed_copies_open(image_folder: Path, tmp_path: Path) -> None:
    """They state neither conversion nor notes, and were known by path, size and channels alone."""
    folder = ImageFolder(image_folder, size=(4, 5))
    data = load_dataset(folder, data_dir=tmp_path / "data")
    (copy,) = packed_in(tmp_path / "data")
    about = json.loads((copy / "about.json").read_text())
    assert about.pop("conversion") == {"size": [4, 5], "channels": 3}
    about.pop("notes")
    (copy / "about.json").write_text(json.dumps(about))
    told = json.dumps([str(image_folder.resolve()), [4, 5], 3])
    digest = hashlib.sha256(told.encode())
    for part in ("train", "test"):
        for label, name in enumerate(("dark", "light")):
            for path in sorted((image_folder / part / name).iterdir()):
                facts = path.stat()
                line = f"{part}/{name}/{path.name}\0{label}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
                digest.update(line.encode())
    assert copy.name == f"pictures-{digest.hexdigest()[:16]}"
    calls: list[int] = []
    again = load_dataset(folder, data_dir=tmp_path / "data", progress=lambda done, _: calls.append(done))
    assert calls == []
    assert torch.equal(again.train.images, data.train.images)
    load_dataset(replace(folder, fit="stretch"), data_dir=tmp_path / "data")
    assert len(packed_in(tmp_path / "data")) == 2


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
