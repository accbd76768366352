"""Images from anywhere: of the promised formats by their content, and of sane sizes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnc.errors import CompileError
from mnc.images import FORMATS, MAX_PIXELS, decoder

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def decode(path: Path) -> Any:
    return decoder("--calibration")(path, (6, 6), 1)


def encoded(kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    picture = image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    picture.save(memory, kind, **options)
    return memory.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_the_promised_formats_are_read_whatever_the_name(kind: str, tmp_path: Path) -> None:
    (tmp_path / "i.png").write_bytes(encoded(kind))
    assert decode(tmp_path / "i.png").shape == (6, 6, 1)


SCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("kind", ["EPS", "PCX", "TGA", "ICO", "SGI", "JPEG2000", "PDF"])
def test_other_formats_are_not_opened_whatever_the_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.check_call", started)
    monkeypatch.setattr("subprocess.Popen", started)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs")
    try:
        content = SCRIPT if kind == "EPS" else encoded(kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {kind}")
    (tmp_path / "i.png").write_bytes(content)
    with pytest.raises(CompileError, match=r"i\.png: the image cannot be read\nhint: PNG, JPEG, BMP"):
        decode(tmp_path / "i.png")


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    )


def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    lines = zlib.compress(bytes(2**24))
    (tmp_path / "i.png").write_bytes(png(2**16, 2**15, (b"IDAT", lines)))
    with pytest.raises(CompileError, match="the image cannot be read"):  # by Pillow's own limit
        decode(tmp_path / "i.png")
    (tmp_path / "i.png").write_bytes(png(2**13, 2**12 + 1, (b"IDAT", lines)))
    with pytest.raises(CompileError, match=f"8192x4097 pixels; the limit is {MAX_PIXELS:,}"):
        decode(tmp_path / "i.png")


def test_of_a_moving_image_the_first_frame_is_taken(tmp_path: Path) -> None:
    still = image.new("L", (6, 6), 200)
    frames = [image.new("L", (6, 6), level) for level in range(100)]
    still.save(tmp_path / "i.gif", save_all=True, append_images=frames)
    assert (decode(tmp_path / "i.gif") == 200).all()


def test_text_in_an_image_that_unpacks_without_end_is_one_error_or_none(tmp_path: Path) -> None:
    bomb = (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**26)))
    (tmp_path / "i.png").write_bytes(png(6, 6, bomb, (b"IDAT", zlib.compress(bytes(42)))))
    try:
        assert decode(tmp_path / "i.png").shape == (6, 6, 1)
    except CompileError as fault:
        assert "the image cannot be read" in str(fault)
