"""Images in the formats that mnc reads, and PNG files with changed chunks."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np

from mutations.damage import WORDS, damaged


def rechunked(content: bytes, rng: random.Random) -> bytes:
    """A PNG with its chunks changed and their checksums right."""
    chunks, place = [], 8
    while place < len(content):
        length = struct.unpack_from(">I", content, place)[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    index = rng.randrange(len(chunks))
    kind, data = chunks[index]
    how = rng.randrange(5)
    if how == 0:
        size = rng.choice(((2**31 - 1, 2**31 - 1), (30_000, 30_000), (0, 0), (1, 2**20), (6, 6)))
        chunks[0] = (b"IHDR", struct.pack(">II", *size) + chunks[0][1][8:])
    elif how == 1:
        chunks[index] = (kind, damaged(data, rng))
    elif how == 2:
        chunks.insert(index, (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**24))))
    elif how == 3:
        chunks.insert(1, (b"acTL", struct.pack(">II", rng.choice(WORDS), 0)))
    else:
        chunks.insert(index, rng.choice(chunks))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return content[:8] + b"".join(packed)


def images() -> dict[str, bytes]:
    """One image in each format, still and moving; and PostScript under the names of images."""
    from PIL import Image

    levels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    pictures = [Image.fromarray(levels), Image.fromarray(255 - levels)]
    made = {}
    for suffix in ("png", "jpg", "bmp", "gif", "ppm", "pgm", "tif", "webp"):
        memory = io.BytesIO()
        moving = {"save_all": True, "append_images": pictures[1:]} if suffix in ("gif", "tif", "webp", "png") else {}
        picture = pictures[0].convert("L") if suffix == "pgm" else pictures[0]
        picture.save(memory, {"jpg": "jpeg", "tif": "tiff", "pgm": "ppm"}.get(suffix, suffix), **moving)
        made[f"i.{suffix}"] = memory.getvalue()
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\n(x) run showpage\n%%EOF\n"
    return {**made, "eps.png": script, "eps.jpg": script}
