"""A CMake project: the network as a target that others add as a subfolder, fetch, or install and find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.example import AUTHOR, VERSION, example, sources
from mnc.packages.papers import papers
from mnc.targets import cmsis_nn


def cmake(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The project; its target is `<name>::<name>`.  Built by itself, it also builds and tests the example.

    Inside, targets begin with `mnc_`: CMake keeps names such as `test` for itself.
    """
    name, shown = build.name, example(build, sample)
    library = _STATIC if shown.language == "c" else _INTERFACE
    text = _HEAD + library + (_CMSIS_NN if cmsis_nn.needed(build.files) else "") + _REST
    replacements = {
        "@NAME@": name,
        "@UPPER@": name.upper(),
        "@VERSION@": VERSION,
        "@LANGUAGE@": "C" if shown.language == "c" else "CXX",
        "@ENDING@": shown.language,
        "@SOURCES@": " ".join(path for path in sources(build) if path.endswith(".c")),
        "@HEADERS@": " ".join(path for path in sources(build) if path.endswith(".h")),
    }
    for mark, value in replacements.items():
        text = text.replace(mark, value)
    return {
        "CMakeLists.txt": text,
        **papers(build, shown, author, f"Add the folder with `add_subdirectory`; the target is `{name}::{name}`."),
        **sources(build),
        f"example/main.{shown.language}": shown.program(),
        f"example/{shown.sample_header}": shown.sample,
    }


_HEAD = """\
cmake_minimum_required(VERSION 3.13)
project(@NAME@ VERSION @VERSION@ LANGUAGES @LANGUAGE@)

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
find_library(@UPPER@_MATH m)
"""

_STATIC = """
add_library(mnc_@NAME@ STATIC @SOURCES@)
set(@NAME@_SCOPE PUBLIC)
"""

_INTERFACE = """
add_library(mnc_@NAME@ INTERFACE)
set(@NAME@_SCOPE INTERFACE)
target_compile_features(mnc_@NAME@ INTERFACE cxx_std_11)
"""

_CMSIS_NN = """
# CMSIS-NN: the project's own target cmsis-nn, or the library's source, compiled with the network.
if(TARGET cmsis-nn)
  target_link_libraries(mnc_@NAME@ PRIVATE $<BUILD_INTERFACE:cmsis-nn>)
else()
  set(CMSIS_NN_PATH "$ENV{CMSIS_NN_PATH}" CACHE PATH "The folder of CMSIS-NN")
  if(NOT EXISTS "${CMSIS_NN_PATH}/Include/arm_nnfunctions.h")
    message(FATAL_ERROR "CMSIS-NN is not in CMSIS_NN_PATH='${CMSIS_NN_PATH}'."
      " Get it from https://github.com/ARM-software/CMSIS-NN and configure with -DCMSIS_NN_PATH=<its folder>.")
  endif()
  file(GLOB @NAME@_KERNELS "${CMSIS_NN_PATH}/Source/*/*.c")
  list(FILTER @NAME@_KERNELS EXCLUDE REGEX "_(f16|f32|flt)\\.c$")
  target_sources(mnc_@NAME@ PRIVATE ${@NAME@_KERNELS})
  target_include_directories(mnc_@NAME@ PRIVATE "${CMSIS_NN_PATH}/Include")
  include(CheckSymbolExists)
  check_symbol_exists(__ARM_FEATURE_DSP stddef.h @UPPER@_DSP)
  if(@UPPER@_DSP)
    target_compile_definitions(mnc_@NAME@ PRIVATE CMSIS_NN_USE_REQUANTIZE_INLINE_ASSEMBLY)
  endif()
endif()

"""

_REST = """\
add_library(@NAME@::@NAME@ ALIAS mnc_@NAME@)
set_target_properties(mnc_@NAME@ PROPERTIES EXPORT_NAME @NAME@)
target_include_directories(mnc_@NAME@ ${@NAME@_SCOPE}
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
if(@UPPER@_MATH)
  target_link_libraries(mnc_@NAME@ ${@NAME@_SCOPE} -lm) # as an option: a project may have a target called m
endif()

install(TARGETS mnc_@NAME@ EXPORT @NAME@Config ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES @HEADERS@ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT @NAME@Config NAMESPACE @NAME@:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/@NAME@)
write_basic_package_version_file(@NAME@ConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/@NAME@ConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/@NAME@)

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  enable_testing()
  add_executable(mnc_@NAME@_example example/main.@ENDING@)
  target_link_libraries(mnc_@NAME@_example PRIVATE @NAME@::@NAME@)
  add_test(NAME @NAME@_example COMMAND mnc_@NAME@_example)
endif()
"""
