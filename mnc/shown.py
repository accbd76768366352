"""Values that a notebook shows as tables and pictures; the room that draws them is loaded when one is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class Shown:
    """A value with a form in HTML, as Jupyter asks for it; `mnc.notebook` makes it."""

    def _repr_html_(self) -> str:
        from mnc import notebook

        return notebook.html(self)


class Drawn(Shown):
    """A value that there is a picture of."""

    def plot(self) -> Drawing:
        """The picture: a notebook shows it, and it can be written to a file."""
        from mnc import notebook

        return notebook.drawing(self)


@dataclass(frozen=True, repr=False)
class Drawing(Shown):
    """A picture as an SVG document."""

    svg: str
    title: str

    def __repr__(self) -> str:
        return f"<Drawing {self.title!r}>"

    def write(self, path: str | Path, *, force: bool = False) -> None:
        """Write it as SVG; CompileError where the file cannot be written, or is not mnc's, unless `force`."""
        from mnc.output import write_files

        write_files({Path(path).name: self.svg}, Path(path).parent, force=force)
