"""Components for ESP-IDF: packed by Espressif's own tool, built with stand-ins for its build system's functions."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from packed import BACKENDS, Tool, calling_cmsis_nn, command, package, said

from mnc.errors import CompileError
from mnc.output import write_files
from mnc.packages import PACKAGES, first_sample

PROJECT = """\
macro(idf_component_register)
  cmake_parse_arguments(it "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  list(TRANSFORM it_SRCS PREPEND "${here}/")
  list(TRANSFORM it_INCLUDE_DIRS PREPEND "${here}/")
  list(APPEND sources ${it_SRCS})
  list(APPEND folders ${it_INCLUDE_DIRS})
endmacro()
macro(project name)
  _project(${name} LANGUAGES C CXX)
  foreach(here ${CMAKE_CURRENT_SOURCE_DIR}/main ${CMAKE_CURRENT_SOURCE_DIR}/../..)
    include(${here}/CMakeLists.txt)
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/start.c "void app_main(void); int main(void) { app_main(); return 0; }")
  add_executable(app ${CMAKE_BINARY_DIR}/start.c ${sources})
  target_include_directories(app PRIVATE ${folders})
  target_link_libraries(app PRIVATE m)
endmacro()
"""
"""The two functions of ESP-IDF that the files call, as its programming guide describes them."""


def test_espressifs_tool_packs_the_component(tool: Tool, tmp_path: Path) -> None:
    """It checks the manifest, too; the archive holds every file."""
    compote = tool("compote")
    files = package("esp-idf", "c")
    write_files(files, tmp_path)
    command(tmp_path, compote, "component", "pack", "--name", "tiny")
    with tarfile.open(tmp_path / "dist" / "tiny_1.0.0.tgz") as archive:
        packed = {member.name.removeprefix("./") for member in archive.getmembers() if member.isfile()}
    assert packed == set(files)


def test_espressifs_tool_refuses_a_manifest_that_is_wrong(tool: Tool, tmp_path: Path) -> None:
    """Otherwise the test above would prove little."""
    compote = tool("compote")
    files = package("esp-idf", "c")
    manifest = files["idf_component.yml"].replace("maintainers: [", "maintainers: [7, ")
    write_files({**files, "idf_component.yml": manifest}, tmp_path)
    with pytest.raises(AssertionError, match="maintainers"):
        command(tmp_path, compote, "component", "pack", "--name", "tiny")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_example_is_built_with_the_component_and_agrees(backend: str, tool: Tool, tmp_path: Path) -> None:
    cmake = tool("cmake")
    write_files(package("esp-idf", backend), tmp_path / "tiny")
    write_files({"tools/cmake/project.cmake": PROJECT}, tmp_path / "idf")
    example = tmp_path / "tiny" / "examples" / "Tiny"
    command(tmp_path, "env", f"IDF_PATH={tmp_path / 'idf'}", cmake, "-S", str(example), "-B", "build")
    command(tmp_path, cmake, "--build", "build")
    assert command(tmp_path, "build/app") == said()


def test_code_that_calls_cmsis_nn_is_refused() -> None:
    build = calling_cmsis_nn()
    with pytest.raises(CompileError, match="'Tiny': calls CMSIS-NN, which no chip of Espressif's runs"):
        PACKAGES["esp-idf"](build, first_sample(build.graph))
