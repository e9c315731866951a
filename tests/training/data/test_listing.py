"""Which files of a folder are images, what is left out, and names that cannot be written down."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from budgetnet.errors import DataError
from budgetnet.training.data.listing import holds_images, list_images
from budgetnet.training.data.load import ImageFolder, load_dataset
from budgetnet.training.data.sources import describe_source

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not take names that are not UTF-8")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with three files that are named as images."""
    folder = tmp_path / "cats"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "more/c.tiff"):
        (folder / name).write_bytes(b"")
    return folder


def test_what_is_left_out_is_counted(pictures: Path) -> None:
    """By suffix, and in words where there is none to tell by."""
    for name in ("x.heic", "y.heic", "notes", ".DS_Store", "read.me"):
        (pictures / name).write_bytes(b"")
    (pictures / "gone.png").symlink_to(pictures / "nowhere")
    (pictures / "lost.png").symlink_to(pictures / "nowhere")
    found = list_images(pictures)
    assert [path.name for path in found.files] == ["a.JPG", "b.png", "c.tiff"]
    assert found.text == ("not taken: 2 .heic, 2 dangling links, 1 .me, 1 file without a suffix, 1 hidden file")


def test_nothing_is_said_where_everything_is_taken(pictures: Path) -> None:
    """An empty text is no line."""
    assert list_images(pictures).text == ""


def test_hidden_folders_are_passed_over(pictures: Path) -> None:
    """Thumbnails that a file manager left are no images of the data set."""
    (pictures / ".thumbnails").mkdir()
    (pictures / ".thumbnails" / "a.png").write_bytes(b"")
    assert len(list_images(pictures).files) == 3


def test_links_to_folders_are_followed_once(pictures: Path, tmp_path: Path) -> None:
    """Images behind a link count; circles and second ways to the same folder do not."""
    other = tmp_path / "elsewhere"
    (other / "deep").mkdir(parents=True)
    for name in ("d.png", "deep/e.png"):
        (other / name).write_bytes(b"")
    (other / "deep" / "back").symlink_to(other)
    (pictures / "linked").symlink_to(other)
    (pictures / "more" / "up").symlink_to(pictures)
    (pictures / "z-again").symlink_to(other / "deep")
    found = list_images(pictures)
    assert [path.relative_to(pictures).as_posix() for path in found.files] == [
        "a.JPG", "b.png", "linked/d.png", "linked/deep/e.png", "more/c.tiff",
    ]  # fmt: skip
    assert found.text == "not taken: 2 links to a folder that contains it, 1 link to a folder that is taken already"


def test_a_class_folder_may_be_a_link(pictures: Path, tmp_path: Path) -> None:
    """It is its images that count, wherever they are."""
    link = tmp_path / "link"
    link.symlink_to(pictures)
    assert len(list_images(link).files) == 3
    assert holds_images(link)
    (tmp_path / "empty").mkdir()
    assert not holds_images(tmp_path / "empty")


def test_a_folder_that_cannot_be_read_is_said(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its images would be missing without a word."""
    scan = os.scandir

    def guarded(place: str) -> os._ScandirIterator[str]:
        if place.endswith("more"):
            raise PermissionError(13, "Permission denied")
        return scan(place)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(
        DataError,
        match=r"every folder of images must be readable, but .*cats/more is not \(Permission denied\); change its perm",
    ):
        list_images(pictures)


@LINUX
def test_names_of_files_that_are_not_utf8_are_refused_all_at_once(image_folder: Path, tmp_path: Path) -> None:
    """Before anything is packed or trained, with the bytes as escapes."""
    for number in range(7):
        (image_folder / "train" / "dark" / os.fsdecode(b"caf\xe9-%d.png" % number)).write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load_dataset(ImageFolder(image_folder), data_dir=tmp_path / "data")
    text = str(caught.value)
    assert "names of files must be UTF-8 text without control characters, but 7 names are not: " in text
    assert r"train/dark/caf\xe9-0.png" in text
    assert text.endswith("and 2 more; rename them")
    assert text.isascii()


@LINUX
@pytest.mark.parametrize("part", ["train", "test"])
def test_names_of_classes_that_are_not_utf8_are_refused(image_folder: Path, part: str) -> None:
    """Every command meets them: a class's name stands in records, pages and exports."""
    (image_folder / part / os.fsdecode(b"gr\xfcn")).mkdir()
    with pytest.raises(DataError, match=r"names of class folders must be UTF-8 .* 1 name is not: .*/gr\\xfcn; rename"):
        describe_source(ImageFolder(image_folder))


def test_control_characters_in_names_are_refused(image_folder: Path) -> None:
    """A line break would break every listing."""
    (image_folder / "train" / "li\nght").mkdir()
    with pytest.raises(DataError, match=r"class folders must be .* control characters, but .*/li\\x0aght; rename it"):
        describe_source(ImageFolder(image_folder))


def test_names_of_all_languages_are_taken(pictures: Path) -> None:
    """Spaces, accents, scripts and emoji are UTF-8."""
    for name in ("ein Bild.png", "été.png", "猫.png", "🐈.png", "a\u00a0b.png"):
        (pictures / name).write_bytes(b"")
    assert len(list_images(pictures).files) == 8
