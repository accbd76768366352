"""A component for ESP-IDF: `idf_component.yml`, a CMakeLists.txt that registers the code, and an example application.

Layout: "Build System" in ESP-IDF's programming guide, and the manifest of its component manager.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.example import AUTHOR, LICENCE, VERSION, Example, example, sources, summary
from mnc.packages.papers import papers
from mnc.packages.refusals import refuse_cmsis_nn


def esp_idf(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The component; its folder should be called like the network.  CompileError for code that calls CMSIS-NN."""
    refuse_cmsis_nn(build, "which no chip of Espressif's runs")
    name, shown = build.name, example(build, sample)
    folder = f"examples/{name}"
    use = (
        f"Put the folder into a project's `components/`. `idf.py -C {folder} set-target esp32s3 flash monitor` shows\n"
        f"the example; `compote component pack --name {name.lower()}` makes an archive for the component registry."
    )
    return {
        "idf_component.yml": _manifest(build, author),
        "CMakeLists.txt": _registration([path for path in sources(build) if path.endswith(".c")], "src"),
        **papers(build, shown, author, use),
        **sources(build),
        f"{folder}/CMakeLists.txt": _PROJECT.format(name=name),
        f"{folder}/sdkconfig.defaults": "CONFIG_ESP_MAIN_TASK_STACK_SIZE=16384\n",
        f"{folder}/main/CMakeLists.txt": _registration([f"main.{shown.language}"], "."),
        f"{folder}/main/idf_component.yml": f'dependencies:\n  {name.lower()}:\n    path: "../../.."\n',
        f"{folder}/main/main.{shown.language}": shown.program(entry=_entry(shown)),
        f"{folder}/main/{shown.sample_header}": shown.sample,
    }


def _entry(shown: Example) -> str:
    return 'extern "C" void app_main(void)' if shown.language == "cpp" else "void app_main(void)"


def _manifest(build: Build, author: str) -> str:
    """YAML, whose strings are JSON's."""
    fields = {
        "version": VERSION,
        "description": f"The neural network {build.name}, as plain code: {summary(build)}",
        "license": LICENCE,
        "maintainers": [author],
        "tags": ["machine-learning", "neural-network"],
        "dependencies": {"idf": ">=4.4"},
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items())


def _registration(files: Sequence[str], include: str) -> str:
    """A header alone is a component without sources."""
    compiled = "".join(f' "{file}"' for file in files)
    return f'idf_component_register({f"SRCS{compiled} " if files else ""}INCLUDE_DIRS "{include}")\n'


_PROJECT = """\
cmake_minimum_required(VERSION 3.16)
include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
project({name}_example)
"""
