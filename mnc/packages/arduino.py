"""A library folder for the Arduino IDE, `arduino-cli` and whatever else reads their libraries.

Layout: the Arduino library specification, revision 1.5: `library.properties`,
`src/`, `examples/<Name>/<Name>.ino`, `keywords.txt` with tabs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.backends.writer import Writer
from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.example import AUTHOR, VERSION, Example, example, sources, summary
from mnc.packages.papers import papers
from mnc.packages.refusals import refuse_cmsis_nn


def arduino(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The library; its folder should be called like the network.  CompileError for code that calls CMSIS-NN."""
    refuse_cmsis_nn(build, "which Arduino's libraries cannot bring in")
    name, shown = build.name, example(build, sample)
    folder = f"examples/{name}"
    return {
        "library.properties": _properties(build, author),
        **papers(build, shown, author, "Import it in the Arduino IDE: Sketch, Include Library, Add .ZIP Library."),
        "keywords.txt": _keywords(name, shown),
        **sources(build),
        f"{folder}/{name}.ino": _sketch(name, shown),
        f"{folder}/{shown.sample_header}": shown.sample,
    }


def _properties(build: Build, author: str) -> str:
    fields = {
        "name": build.name,
        "version": VERSION,
        "author": author,
        "maintainer": author,
        "sentence": f"The neural network {build.name}, as plain code.",
        "paragraph": f"{summary(build)}; no heap, no other library.",
        "category": "Data Processing",
        "url": "https://docs.arduino.cc/libraries/",
        "architectures": "*",
        "includes": f"{build.name}.h",
    }
    return "".join(f"{key}={value}\n" for key, value in fields.items())


def _keywords(name: str, shown: Example) -> str:
    rows = (
        [(name, "KEYWORD1"), *((word, "KEYWORD2") for word in ("predict", "output", "outputs", "proba"))]
        if shown.language == "cpp"
        else [(f"{name}_t", "KEYWORD1"), (f"{name}_init", "KEYWORD2"), (f"{name}_run", "KEYWORD2")]
    )
    return "".join(f"{word}\t{kind}\n" for word, kind in rows)


def _sketch(name: str, shown: Example) -> str:
    w = Writer()
    w(f"// Classifies a stored sample with {name}, every two seconds.")
    w(f"#include <{shown.header}>")
    w(f'#include "{shown.sample_header}"')
    w()
    w.lines(shown.definitions)
    w()
    with w.block("void setup()"):
        w("Serial.begin(115200);")
        if shown.begin:
            w(shown.begin)
    w()
    with w.block("void loop()"):
        w("unsigned long start = micros();")
        w("int label = classify();")
        w("unsigned long took = micros() - start;")
        w()
        if shown.class_name:
            w('Serial.print("class ");')
            w(f"Serial.println({shown.class_name});")
        w('Serial.print("label ");')
        w("Serial.print(label);")
        w('Serial.print(", the reference says ");')
        w(f"Serial.print({shown.label});")
        w('Serial.print("; ");')
        w("Serial.print(differing());")
        w('Serial.print(" outputs differ; us: ");')
        w("Serial.println(took);")
        w("delay(2000);")
    return w.text()
