"""A recipe for Conan: the CMake package with a conanfile.py, and a test_package that runs a stored sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.cmake import cmake
from mnc.packages.example import AUTHOR, LICENCE, VERSION, example, summary
from mnc.packages.refusals import refuse_cmsis_nn


def conan(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """`conan create FOLDER` builds the package, and runs its example against the package.

    CompileError for code that calls CMSIS-NN.
    """
    refuse_cmsis_nn(build, "of which Conan's own index has no package")
    name, shown = build.name, example(build, sample)
    is_c = shown.language == "c"
    recipe = _RECIPE.format(
        name=name,
        reference=reference(name),
        version=VERSION,
        licence=LICENCE,
        author=author,
        description=f"The neural network {name}, as plain code: {summary(build)}",
        kind="static-library" if is_c else "header-library",
        language=f'    languages = "{"C" if is_c else "C++"}"\n',
        libraries=f'["mnc_{name}"]' if is_c else "[]",
        of_c=_OF_C if is_c else _OF_CPP,
    )
    tested = {
        "test_package/conanfile.py": _TEST.format(name=name),
        "test_package/CMakeLists.txt": _TEST_BUILD.format(
            name=name, language="C" if is_c else "CXX", ending=shown.language
        ),
        f"test_package/main.{shown.language}": shown.program(),
        f"test_package/{shown.sample_header}": shown.sample,
    }
    files = cmake(build, sample, author)
    readme = files["README.md"].replace(
        "Add the folder with", "`conan create .` makes the package. Or add the folder with"
    )
    return {"conanfile.py": recipe, **files, "README.md": readme, **tested}


def reference(name: str) -> str:
    """The package's name: Conan has small letters, at least two of them."""
    return name.lower() if len(name) > 1 else f"mnc_{name.lower()}"


_RECIPE = """\
from conan import ConanFile
from conan.tools.cmake import CMake, cmake_layout


class Network(ConanFile):
    name = "{reference}"
    version = "{version}"
    license = "{licence}"
    author = "{author}"
    description = "{description}"
    topics = ("neural-network", "machine-learning", "embedded")
    package_type = "{kind}"
    settings = "os", "compiler", "build_type", "arch"
{language}    exports_sources = "CMakeLists.txt", "LICENSE", "src/*", "example/*"
    generators = "CMakeToolchain"
{of_c}
    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "{name}")
        self.cpp_info.set_property("cmake_target_name", "{name}::{name}")
        self.cpp_info.libs = {libraries}
        if self.settings.get_safe("os") in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["m"]
"""

_OF_C = """\
    options = {"fPIC": [True, False]}
    default_options = {"fPIC": True}
    implements = ["auto_shared_fpic"]
"""

_OF_CPP = """\
    implements = ["auto_header_only"]
"""

_TEST = """\
import os

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class Example(ConanFile):
    settings = "os", "compiler", "build_type", "arch"
    generators = "CMakeDeps", "CMakeToolchain"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if can_run(self):  # the program fails where an output differs from the trained network's
            self.run(os.path.join(self.cpp.build.bindir, "{name}_example"), env="conanrun")
"""

_TEST_BUILD = """\
cmake_minimum_required(VERSION 3.15)
project({name}_example LANGUAGES {language})

find_package({name} REQUIRED CONFIG)
add_executable({name}_example main.{ending})
target_link_libraries({name}_example PRIVATE {name}::{name})
"""
