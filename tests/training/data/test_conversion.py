"""How image files become pixels: modes, transparency, sizes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from budgetnet.errors import DataError, StudyError
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.decode import decode
from budgetnet.training.data.sources import ImageFolder

Save = Callable[..., Path]
PLAIN = Conversion(size=None, channels=3)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes pixels, or an image, to a file."""

    def write(pixels: np.ndarray | Image.Image, name: str = "a.png", **options: object) -> Path:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr"])
def test_modes_with_a_known_meaning_are_converted(save: Save, mode: str) -> None:
    """White stays white and black stays black, in colour and in grey."""
    name = "a.png" if mode in ("1", "L", "P", "RGB") else "a.tiff"
    for colour in ("white", "black"):
        path = save(Image.new("RGB", (4, 3), colour).convert(mode), name)
        for conversion in (PLAIN, Conversion(size=None, channels=1)):
            found = decode(path, conversion).pixels
            assert found.shape == (conversion.channels, 3, 4)
            assert abs(int(found.mean()) - (255 if colour == "white" else 0)) <= 1


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((8, 8), 0.5, dtype=np.float32), "8 or 16 bits a channel, but .*odd.tiff has floating point pixels"),
        (np.full((8, 8), 200, dtype=np.int32), "8 or 16 bits a channel, but .*odd.tiff has 32-bit pixels, whose range"),
        (np.full((8, 8), 2**20, dtype=np.int32), "has 32-bit pixels, whose range is not known; convert it to 8 or 16"),
    ],
)
def test_pixels_of_unknown_range_are_refused(save: Save, pixels: np.ndarray, message: str) -> None:
    """They would come out all black, or as 0 and 1."""
    with pytest.raises(DataError, match=message):
        decode(save(pixels, "odd.tiff"), PLAIN)


def test_modes_that_are_not_converted_on_purpose_are_refused(save: Save) -> None:
    """Pillow would convert some of them by rules that nobody has asked for."""
    path = save(Image.new("LAB", (4, 4)), "lab.tiff")
    with pytest.raises(DataError, match=r"grey, RGB, .* but .*lab\.tiff is of the mode LAB; convert it to RGB or grey"):
        decode(path, PLAIN)


def test_sixteen_bit_grey_is_scaled(save: Save) -> None:
    """Each level by rounding, in PNG and in TIFF."""
    levels = np.arange(0, 2**16, 997, dtype=np.uint16).reshape(1, -1)
    for name in ("a.png", "a.tiff"):
        found = decode(save(levels, name), Conversion(size=None, channels=1)).pixels
        assert np.array_equal(found[0], np.rint(levels / 257))


def drawing(mode: str) -> Image.Image:
    """A black picture whose drawing, a square, is in the alpha channel."""
    layers = np.zeros((8, 8, 4), dtype=np.uint8)
    layers[2:6, 2:6, 3] = 255
    image = Image.fromarray(layers)
    if mode == "P":
        palette = Image.new("P", (8, 8), 1)
        palette.putpalette([0, 0, 0, 0, 0, 0])
        palette.paste(0, (2, 2, 6, 6))
        palette.info["transparency"] = 1
        return palette
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_need_a_background(save: Save, mode: str) -> None:
    """A drawing in the alpha channel is refused, or drawn on the stated background, never all black."""
    path = save(drawing(mode))
    with pytest.raises(
        DataError, match=r"transparent pixels where the study gives no background, but .*a\.png has some; write for"
    ):
        decode(path, PLAIN)
    for background, level in (("white", 255), ("grey", 128)):
        for channels in (1, 3):
            found = decode(path, Conversion(size=None, channels=channels, background=background)).pixels
            assert found[:, 0, 0].tolist() == [level] * channels
            assert found[:, 4, 4].tolist() == [0] * channels


def test_an_alpha_channel_without_transparency_is_no_matter(save: Save) -> None:
    """Many programs write one."""
    pixels = np.full((3, 4, 4), 255, dtype=np.uint8)
    pixels[..., :3] = 77
    assert (decode(save(pixels), PLAIN).pixels == 77).all()


@pytest.mark.parametrize("resampling", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_sizes_need_not_be_square(save: Save, fit: str, resampling: str) -> None:
    """Each fit and filter gives what Pillow's own function gives."""
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    conversion = Conversion(size=(12, 9), channels=3, fit=fit, resampling=resampling, background="white")
    found = decode(save(pixels), conversion).pixels
    method, image = Image.Resampling[resampling.upper()], Image.fromarray(pixels)
    expected = {
        "crop": lambda: ImageOps.fit(image, (9, 12), method=method),
        "pad": lambda: ImageOps.pad(image, (9, 12), method=method, color=(255, 255, 255)),
        "stretch": lambda: image.resize((9, 12), method),
    }[fit]()
    assert found.shape == (3, 12, 9)
    assert np.array_equal(found.transpose(1, 2, 0), np.asarray(expected))


def test_padding_keeps_the_whole_picture(save: Save) -> None:
    """The background is above and below a wide one."""
    pixels = np.full((5, 20, 3), 60, dtype=np.uint8)
    found = decode(save(pixels), Conversion(size=(8, 8), channels=1, fit="pad", background="grey")).pixels[0]
    assert found[0].tolist() == [128] * 8
    assert found[4].tolist() == [60] * 8


def test_huge_images_are_refused_by_their_header(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them is decoded, whatever Pillow thinks of their size."""
    path = save(np.zeros((8, 8), dtype=np.uint8))
    monkeypatch.setattr("budgetnet.training.data.decode.LIMIT_PIXELS", 63)
    monkeypatch.setattr("budgetnet.training.data.decode.convert", None)
    with pytest.raises(DataError, match=r"at most 63 pixels, but .*a\.png has 8x8; scale it down first"):
        decode(path, PLAIN)


def test_large_images_are_decoded_one_at_a_time(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that sixteen threads do not need sixteen times the memory."""
    from budgetnet.training.data import decode as room

    held: list[bool] = []
    real = room.convert

    def looking(*given: object) -> np.ndarray:
        held.append(room._one_large.locked())
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "convert", looking)
    path = save(np.zeros((8, 8), dtype=np.uint8))
    decode(path, PLAIN)
    monkeypatch.setattr(room, "_LARGE", 64)
    decode(path, PLAIN)
    assert held == [False, True]


def test_damage_of_any_kind_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's plug-ins raise whatever they like."""
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"the image .*a\.png cannot be read \(.*\); replace it or remove it"):
        decode(path, PLAIN)

    def broken(_: Path) -> None:
        raise KeyError(7)

    monkeypatch.setattr(Image, "open", broken)
    with pytest.raises(DataError, match=r"the image .*a\.png cannot be read \(7\); replace it"):
        decode(path, PLAIN)


def test_a_conversion_reads_back_and_older_ones_have_no_choices() -> None:
    """What older versions did is written as they wrote it, so that fingerprints and records stay."""
    usual = Conversion(size=(8, 6), channels=1)
    assert usual.document() == {"size": [8, 6], "channels": 1}
    assert usual.choices() == {}
    chosen = Conversion(size=(8, 6), channels=3, fit="pad", resampling="lanczos", background="white")
    for one in (usual, chosen, PLAIN):
        assert Conversion.of(one.document()) == one
    assert chosen.text == "8×6 RGB; scaled (lanczos) and padded with white; transparent pixels on white"
    assert usual.text == "8×6 grey; scaled (bilinear) and cut at the centre"
    assert PLAIN.text == "RGB, not scaled"
    assert Conversion(size=(8, 6), channels=3, fit="stretch").text == "8×6 RGB; stretched (bilinear)"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fit": "cut", "size": 8}, r"fit must be one of crop, pad, stretch, but got 'cut'"),
        ({"resampling": "linear", "size": 8}, r"resampling must be one of nearest, .*; did you mean 'bilinear'\?"),
        ({"background": "red"}, r"background must be one of black, grey, white, but got 'red'"),
        ({"fit": "pad", "size": 8}, r"fit must not be 'pad' without a background to pad with; add background: black"),
        ({"fit": "stretch"}, r"fit needs a size to scale images to; add for example size: 32"),
        ({"resampling": "box"}, r"resampling needs a size to scale images to; add for example size: 32"),
    ],
)
def test_illegal_choices_are_refused(fields: dict[str, object], message: str) -> None:
    """With the rule, and what goes together."""
    with pytest.raises(StudyError, match=message):
        ImageFolder(Path("x"), **fields)  # type: ignore[arg-type]
