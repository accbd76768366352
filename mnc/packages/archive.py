"""A package as the one file that its users import: a zip archive, the same bytes for the same package."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from mnc.output import MARK
from mnc.packages.example import VERSION

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date of the format: a package knows no date."""


def archived(kind: str, name: str, files: Mapping[str, str]) -> Mapping[str, str | bytes]:
    """The files, with the archive where this kind of package has one.

    Arduino imports a .zip with the library's folder; a CMSIS-Pack's .pack, called
    like its .pdsc and its version, has no folder above.
    """
    if kind == "arduino":
        return {**files, f"{name}.zip": _archive(files, f"{name}/")}
    if kind == "cmsis-pack":
        (description,) = (path for path in files if path.endswith(".pdsc"))
        return {**files, f"{description.removesuffix('.pdsc')}.{VERSION}.pack": _archive(files, "")}
    return files


def _archive(files: Mapping[str, str], folder: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = MARK
        for path, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(folder + path, EPOCH), text.encode(), zipfile.ZIP_DEFLATED)
    return made.getvalue()
