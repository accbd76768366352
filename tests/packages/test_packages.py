"""Packages are what the tools of their users build: run where the tool is to be had, else held against its layout."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import threading
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from networks import chain, networks, samples
from packed import BACKENDS, Tool, built, calling_cmsis_nn, classifier, command, label, package, said
from small_library import SMALL_LIBRARY

import mnc
from mnc.cli import PACKAGE_BACKENDS, run
from mnc.errors import CompileError
from mnc.ir.class_names import named
from mnc.ir.graph import Graph
from mnc.ir.layers import GRU, Dense
from mnc.ir.types import Constant
from mnc.output import MARK, is_inside, write_files
from mnc.packages import PACKAGES, archived, first_sample, marked


def test_the_command_line_knows_every_package() -> None:
    assert PACKAGE_BACKENDS.keys() == PACKAGES.keys()


def in_languages() -> list[tuple[str, str]]:
    """Each kind of package with each backend whose code it holds."""
    return [(kind, backend) for kind in PACKAGES for backend in BACKENDS if (kind, backend) != ("micropython", "cpp")]


@pytest.mark.parametrize(("kind", "backend"), in_languages())
def test_a_package_holds_the_generated_code_unchanged_and_its_paths_stay_inside(kind: str, backend: str) -> None:
    files, build = package(kind, backend), built(backend)
    assert {f"src/{name}": text for name, text in build.files.items()}.items() <= files.items()
    assert all(is_inside(name) for name in files)
    assert files == package(kind, backend)


@pytest.mark.parametrize("kind", PACKAGES)
def test_what_is_not_c_is_not_packed(kind: str) -> None:
    build = built("c")
    other = replace(build, emission=replace(build.emission, files={"Tiny.py": ""}))
    with pytest.raises(CompileError, match=r"is not C or C\+\+, so it cannot be packed: Tiny\.py"):
        PACKAGES[kind](other, first_sample(build.graph))


# Arduino


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_arduino_library_has_the_specified_layout(backend: str) -> None:
    files = package("arduino", backend)
    assert {path.split("/")[0] for path in files} == {
        *("LICENSE", "README.md", "library.properties", "keywords.txt", "src", "examples")
    }
    properties = dict(line.split("=", 1) for line in files["library.properties"].splitlines())
    needed = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert needed <= properties.keys()
    assert all(properties.values())
    assert properties["name"] == "Tiny"
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert f"src/{properties['includes']}" in files
    assert "examples/Tiny/Tiny.ino" in files, "a sketch is called like its folder"
    for line in files["keywords.txt"].splitlines():
        assert re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL[12])", line), "a single tab, as the IDE wants it"


def test_an_arduino_library_is_a_zip_file_of_one_folder() -> None:
    """As the IDE's "Add .ZIP Library" wants it; nothing in it tells when it was made."""
    files = marked(package("arduino", "cpp"))
    both = archived("arduino", "Tiny", files)
    data = both["Tiny.zip"]
    assert isinstance(data, bytes)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            f"Tiny/{path}": text for path, text in files.items()
        }
        assert archive.comment == MARK, "so that it may be replaced"
    assert both == archived("arduino", "Tiny", files)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_arduino_tools_build_the_library_and_a_simulated_uno_runs_its_example(
    backend: str, tool: Tool, tmp_path: Path
) -> None:
    builder, hardware = tool("arduino-builder"), Path("/usr/share/arduino/hardware")
    if not hardware.is_dir():
        pytest.skip("the Arduino core for AVR is not installed (Debian: arduino-core-avr)")
    write_files(package("arduino", backend), tmp_path / "libraries" / "Tiny")
    (tmp_path / "build").mkdir()
    command(
        tmp_path,
        builder,
        *("-hardware", str(hardware), "-hardware", "/usr/share/arduino-builder", "-tools", "/usr/bin"),
        *("-libraries", "libraries", "-fqbn", "arduino:avr:uno", "-build-path", str(tmp_path / "build")),
        "-prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=17",  # avr-gcc 5.4 has it for C only
        "libraries/Tiny/examples/Tiny/Tiny.ino",
    )
    simulator = tool("simavr")
    arguments = [simulator, "-m", "atmega328p", "-f", "16000000", "build/Tiny.ino.elf"]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        assert running.stdout is not None
        too_long = threading.Timer(120, running.kill)
        too_long.start()
        printed = next((line for line in running.stdout if b"label" in line), b"")
        too_long.cancel()
        running.kill()
    assert said().strip().encode() + b"; us: " in printed


# PlatformIO


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_platformio_library_has_the_documented_layout(backend: str) -> None:
    files = package("platformio", backend)
    manifest = json.loads(files["library.json"])
    assert {"name", "version", "description"} <= manifest.keys()
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert f"src/{manifest['headers']}" in files
    for shown in manifest["examples"]:
        assert {f"{shown['base']}/{file}" for file in shown["files"]} <= files.keys()
    listed = {f"{shown['base']}/{file}" for shown in manifest["examples"] for file in shown["files"]}
    assert {path for path in files if path.startswith("examples/")} == listed


def test_platformio_packs_the_library(tool: Tool, tmp_path: Path) -> None:
    """Its tool checks the manifest; the archive holds every file."""
    pio = tool("pio")
    files = package("platformio", "cpp")
    write_files(files, tmp_path / "Tiny")
    home = f"PLATFORMIO_CORE_DIR={tmp_path / 'home'}"
    command(
        tmp_path, "env", home, "PLATFORMIO_SETTING_ENABLE_TELEMETRY=no", pio, "pkg", "pack", "Tiny", "-o", "Tiny.tar.gz"
    )
    with tarfile.open(tmp_path / "Tiny.tar.gz") as archive:
        assert {member.name for member in archive.getmembers() if member.isfile()} == set(files)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_program_of_a_platformio_example_runs(backend: str, tool: Tool, tmp_path: Path) -> None:
    """Compiled as PlatformIO does: everything in src/ of the library and of the project."""
    write_files(package("platformio", backend), tmp_path)
    sources = [*tmp_path.glob("src/*.c"), *tmp_path.glob("examples/Tiny/src/main.*")]
    compiler = tool("gcc" if backend == "c" else "g++")
    command(tmp_path, compiler, "-Wall", "-Wextra", "-Werror", "-Isrc", *map(str, sources), "-lm", "-o", "example")
    assert command(tmp_path, "./example") == said()


# CMake


@pytest.mark.parametrize("name", ["Tiny", "test"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_cmake_builds_tests_and_installs_the_package(backend: str, name: str, tool: Tool, tmp_path: Path) -> None:
    """And a project that finds it builds with it, and one that has it as a subfolder."""
    cmake = tool("cmake")
    write_files(package("cmake", backend, name), tmp_path / "package")
    command(tmp_path, cmake, "-S", "package", "-B", "build", "-Werror=dev", "-DCMAKE_INSTALL_PREFIX=installed")
    command(tmp_path, cmake, "--build", "build")
    command(tmp_path, tool("ctest"), "--test-dir", "build", "--output-on-failure", "--no-tests=error")
    command(tmp_path, cmake, "--install", "build", "--prefix", str(tmp_path / "installed"))
    language, ending = ("C", "c") if backend == "c" else ("CXX", "cpp")
    for user, how in (
        ("finder", f"find_package({name} 1.0 REQUIRED)"),
        ("owner", f"add_subdirectory(../package {name})"),
    ):
        lists = (
            f"cmake_minimum_required(VERSION 3.13)\nproject(user LANGUAGES {language})\n"
            f"add_library(m INTERFACE)\n{how}\n"
            f"add_executable(app ../package/example/main.{ending})\ntarget_link_libraries(app PRIVATE {name}::{name})\n"
        )
        write_files({"CMakeLists.txt": lists}, tmp_path / user)
        found = f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}"
        command(tmp_path, cmake, "-S", user, "-B", f"{user}-build", *([found] if user == "finder" else []))
        command(tmp_path, cmake, "--build", f"{user}-build")
        assert command(tmp_path, f"{user}-build/app") == said()


OWN_CMSIS_NN = """\
add_library(cmsis-nn STATIC ../library/Source/Some/arm_twice_s8.c)
target_include_directories(cmsis-nn PUBLIC ../library/Include)
add_subdirectory(../package Tiny)"""
"""A project that has the library for itself."""


def test_a_cmake_package_compiles_cmsis_nn_with_the_network(tool: Tool, tmp_path: Path) -> None:
    """From the folder that is named, or it links the target that is there; installed, it needs the folder no more."""
    cmake, build = tool("cmake"), calling_cmsis_nn()
    write_files(PACKAGES["cmake"](build, first_sample(build.graph)), tmp_path / "package")
    write_files(SMALL_LIBRARY, tmp_path / "library")
    without = subprocess.run(
        [cmake, "-S", "package", "-B", "without", "-DCMSIS_NN_PATH=nowhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert without.returncode == 1
    assert "CMSIS-NN is not in CMSIS_NN_PATH='" in " ".join(without.stderr.split())
    library = f"-DCMSIS_NN_PATH={tmp_path / 'library'}"
    command(tmp_path, cmake, "-S", "package", "-B", "build", "-Werror=dev", library)
    command(tmp_path, cmake, "--build", "build")
    command(tmp_path, tool("ctest"), "--test-dir", "build", "--output-on-failure", "--no-tests=error")
    command(tmp_path, cmake, "--install", "build", "--prefix", str(tmp_path / "installed"))
    program = "signed char Tiny_twice(signed char x);\nint main(void) { return Tiny_twice(21) != 42; }\n"
    for user, how in (("finder", "find_package(Tiny REQUIRED)"), ("owner", OWN_CMSIS_NN)):
        lists = (
            f"cmake_minimum_required(VERSION 3.13)\nproject(user LANGUAGES C)\n{how}\n"
            "add_executable(app main.c)\ntarget_link_libraries(app PRIVATE Tiny::Tiny)\n"
        )
        write_files({"CMakeLists.txt": lists, "main.c": program}, tmp_path / user)
        command(tmp_path, cmake, "-S", user, "-B", f"{user}-build", f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}")
        command(tmp_path, cmake, "--build", f"{user}-build")
        command(tmp_path, f"{user}-build/app")


# Zephyr


ZEPHYR = """\
cmake_minimum_required(VERSION 3.20)
project(stand_in LANGUAGES C CXX)
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGV})
endfunction()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()
set(CONFIG_MNC_TINY y)
add_subdirectory(module/zephyr module)
add_executable(app module/samples/Tiny/src/main.@)
target_link_libraries(app PRIVATE zephyr_interface $<TARGET_NAME_IF_EXISTS:mnc_Tiny> m)
"""
"""The functions of Zephyr's build system that a module calls, as its documentation describes them."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_zephyr_module_has_the_documented_layout(backend: str) -> None:
    files = package("zephyr", backend)
    module = files["zephyr/module.yml"]
    places = dict(re.findall(r"^ *(\w+): (\S+)$", module, re.MULTILINE))
    assert places["name"] == "Tiny"
    assert f"{places['cmake']}/CMakeLists.txt" in files
    assert places["kconfig"] in files
    assert re.search(r"^samples:\n  - samples$", module, re.MULTILINE)
    sample = {path.removeprefix("samples/Tiny/") for path in files if path.startswith("samples/")}
    assert {"CMakeLists.txt", "prj.conf", "sample.yaml"} <= sample
    assert "find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})" in files["samples/Tiny/CMakeLists.txt"]
    (main,) = (path for path in sample if path.startswith("src/main."))
    assert f"target_sources(app PRIVATE {main})" in files["samples/Tiny/CMakeLists.txt"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_options_of_a_zephyr_module_are_kconfig(backend: str, tmp_path: Path) -> None:
    """Read by the library that Zephyr reads them with, among options of Zephyr's, under the sample's settings."""
    kconfiglib = pytest.importorskip("kconfiglib", reason="kconfiglib is not installed (PyPI: kconfiglib)")
    files = package("zephyr", backend)
    outside = 'config CPP\n\tbool "C++"\nconfig REQUIRES_FULL_LIBC\n\tbool\n'
    write_files({**files, "Kconfig": f'{outside}source "{tmp_path}/zephyr/Kconfig"\n'}, tmp_path)
    options = kconfiglib.Kconfig(str(tmp_path / "Kconfig"), warn_to_stderr=False)
    options.load_config(str(tmp_path / "samples" / "Tiny" / "prj.conf"))
    assert options.warnings == []
    assert options.syms["MNC_TINY"].str_value == "y"
    assert options.syms["REQUIRES_FULL_LIBC"].str_value == "y", "softmax calls expf"


def test_an_arduino_library_that_would_need_cmsis_nn_is_refused() -> None:
    build = calling_cmsis_nn()
    with pytest.raises(CompileError, match="'Tiny': calls CMSIS-NN, which Arduino's libraries cannot bring in"):
        PACKAGES["arduino"](build, first_sample(build.graph))


def test_a_zephyr_module_selects_the_parts_of_cmsis_nn_that_it_calls(tmp_path: Path) -> None:
    kconfiglib = pytest.importorskip("kconfiglib", reason="kconfiglib is not installed (PyPI: kconfiglib)")
    build = calling_cmsis_nn()
    code = build.files["Tiny.c"] + "\nvoid f(void) { arm_convolve_s8(); arm_max_pool_s8(); }\n"
    build = replace(build, emission=replace(build.emission, files={**build.files, "Tiny.c": code}))
    files = PACKAGES["zephyr"](build, first_sample(build.graph))
    parts = ["", "_NNSUPPORT", "_CONVOLUTION", "_POOLING", "_SOFTMAX"]
    outside = "".join(f'config CMSIS_NN{part}\n\tbool "part"\n' for part in parts)
    outside += "config CPU_CORTEX_M\n\tbool\n\tdefault y\nconfig REQUIRES_FULL_LIBC\n\tbool\n"
    write_files({**files, "Kconfig": f'{outside}source "{tmp_path}/zephyr/Kconfig"\n'}, tmp_path)
    options = kconfiglib.Kconfig(str(tmp_path / "Kconfig"), warn_to_stderr=False)
    options.load_config(str(tmp_path / "samples" / "Tiny" / "prj.conf"))
    assert options.warnings == []
    assert [options.syms[f"CMSIS_NN{part}"].str_value for part in parts] == ["y", "y", "y", "y", "n"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_build_files_of_a_zephyr_module_do_their_work(backend: str, tool: Tool, tmp_path: Path) -> None:
    cmake = tool("cmake")
    version = re.search(r"(\d+)\.(\d+)", command(tmp_path, cmake, "--version"))
    assert version is not None
    if (int(version[1]), int(version[2])) < (3, 20):
        pytest.skip("Zephyr needs CMake 3.20")
    write_files(package("zephyr", backend), tmp_path / "module")
    write_files({"CMakeLists.txt": ZEPHYR.replace("@", backend)}, tmp_path)
    command(tmp_path, cmake, "-S", ".", "-B", "build")
    command(tmp_path, cmake, "--build", "build")
    assert command(tmp_path, "build/app") == said()


# Any network


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(max_layers=4))
def test_the_example_of_any_network_compiles_and_agrees(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    """Several inputs and outputs, too."""
    import shutil

    if not (shutil.which("gcc") and shutil.which("g++")):
        pytest.skip("gcc and g++ are not installed")
    for backend, compiler in (("c", "gcc"), ("cpp", "g++")):
        try:
            build = mnc.compile(graph, backend=backend, name="Any")
        except CompileError:
            return
        folder = tmp_path_factory.mktemp(backend)
        write_files(PACKAGES["platformio"](build, first_sample(build.graph, samples(graph))), folder)
        sources = [*folder.glob("src/*.c"), *folder.glob("examples/Any/src/main.*")]
        command(folder, compiler, "-Wall", "-Werror", "-Isrc", *map(str, sources), "-lm", "-o", "example")
        done = subprocess.run(["./example"], cwd=folder, capture_output=True, text=True)
        got, want, wrong = map(int, re.findall(r"\d+", done.stdout))
        assert wrong == done.returncode == 0
        outputs = build.graph.predict([x[:1] for x in samples(graph)])
        first = np.asarray(outputs[0] if isinstance(outputs, list) else outputs).ravel()
        assert first[got] == pytest.approx(first[want], abs=1e-4), "the same label, or one that is as likely"


def zeroed(graph: Graph) -> Graph:
    """The network with all weights 0: it is built without a complaint, and learnt nothing."""
    nodes = []
    for node in graph.nodes:
        weights: dict[str, Any] = {
            field.name: Constant(np.zeros_like(value.array))
            for field in fields(node.layer)
            if isinstance(value := getattr(node.layer, field.name), Constant)
        }
        nodes.append(replace(node, layer=replace(node.layer, **weights)))
    return replace(graph, nodes=tuple(nodes))


def regressor() -> Graph:
    rng = np.random.default_rng(2)
    return chain((8,), y=Dense(Constant(rng.normal(size=(8, 1)).astype(np.float32))))


def sequence() -> Graph:
    rng = np.random.default_rng(3)
    kernel, recurrent, bias = (Constant(rng.normal(size=n).astype(np.float32)) for n in ((3, 12), (4, 12), (2, 12)))
    return chain((5, 3), y=GRU(kernel, recurrent, bias, return_sequences=True))


NETWORKS = {"labels": classifier(), "number": regressor(), "sequence": sequence()}


def in_programs() -> list[tuple[str, str, str]]:
    """Each kind with each backend, and every network with the kinds that hold the program of the others."""
    return [
        (kind, backend, network)
        for kind, backend in in_languages()
        for network in (NETWORKS if kind == "cmake" else ["labels"])
        if kind != "micropython"
    ]


@pytest.mark.parametrize(("kind", "backend", "network"), in_programs())
def test_an_example_fails_where_the_weights_are_lost(
    kind: str, backend: str, network: str, tool: Tool, tmp_path: Path
) -> None:
    """Each kind's example, with a main of its own where a board runs it: what its `differing` says.

    That of MicroPython, which is Python, is in `test_micropython.py`.
    """
    graph = NETWORKS[network]
    real = mnc.compile(graph, backend=backend, name="Net")
    files = dict(PACKAGES[kind](real, first_sample(real.graph)))
    sketch = files.get("examples/Net/Net.ino")
    if sketch is not None:
        setup = "Net_init(&network);" if backend == "c" else ""
        main = f"int main(void) {{ {setup} classify(); return differing() != 0; }}\n"
        files["examples/Net/main." + backend] = (
            sketch.split("void setup()")[0].replace("//", "/*", 1).replace(".\n", ". */\n", 1) + main
        )
    main_file = min(path for path in files if Path(path).name in ("main.c", "main.cpp"))
    if "app_main" in files[main_file]:
        begin = "Net_init(&network);" if backend == "c" else ""
        files[main_file] += f"int main(void) {{ app_main(); {begin} classify(); return differing() != 0; }}\n"
    for name, build, status in (
        ("real", real, 0),
        ("lost", mnc.compile(zeroed(graph), backend=backend, name="Net"), 1),
    ):
        folder = tmp_path / name
        write_files({**files, **{f"src/{file}": text for file, text in build.files.items()}}, folder)
        sources = [*map(str, folder.glob("src/*.c")), main_file]
        command(folder, tool("gcc" if backend == "c" else "g++"), "-Isrc", *sources, "-lm", "-o", "program")
        assert subprocess.run(["./program"], cwd=folder, check=False, capture_output=True).returncode == status, name


def test_an_example_tells_the_name_of_the_class(tool: Tool, tmp_path: Path) -> None:
    names = ("cat", "dog", 'a "bird"')
    for backend, compiler in (("c", "gcc"), ("cpp", "g++")):
        build = mnc.compile(named(classifier(), names), backend=backend, name="Tiny")
        folder = tmp_path / backend
        write_files(PACKAGES["platformio"](build, first_sample(build.graph)), folder)
        sources = [*folder.glob("src/*.c"), *folder.glob("examples/Tiny/src/main.*")]
        command(folder, tool(compiler), "-Wall", "-Werror", "-Isrc", *map(str, sources), "-lm", "-o", "example")
        assert command(folder, "./example") == f"class {names[label()]}\n{said()}"
        assert "class_names[label]" in PACKAGES["arduino"](build, first_sample(build.graph))[
            "examples/Tiny/Tiny.ino"
        ].replace("Tiny::kClasses", "class_names")


@pytest.mark.parametrize(("kind", "backend"), in_languages())
def test_each_file_states_its_licence_and_its_maker(kind: str, backend: str) -> None:
    """JSON has no comments."""
    for path, text in marked(package(kind, backend)).items():
        assert MARK.decode() in text[:1024], path
        assert "SPDX-License-Identifier: Apache-2.0" in text[:200] or path.endswith(".json"), path


@pytest.mark.parametrize("kind", list(PACKAGES))
def test_the_author_is_in_the_package(kind: str) -> None:
    build = built("c")
    files = PACKAGES[kind](build, first_sample(build.graph), "Ada Lovelace <ada@example.org>")
    assert "by Ada Lovelace: " in files["README.md"]
    manifests = {
        "arduino": ("library.properties", "author=Ada Lovelace <ada@example.org>\n"),
        "cmsis-pack": ("Ada-Lovelace.Tiny.pdsc", "<vendor>Ada-Lovelace</vendor>"),
        "conan": ("conanfile.py", 'author = "Ada Lovelace <ada@example.org>"'),
        "esp-idf": ("idf_component.yml", 'maintainers: ["Ada Lovelace <ada@example.org>"]'),
        "platformio": ("library.json", '"email": "ada@example.org"'),
    }
    if kind in manifests:
        path, text = manifests[kind]
        assert text in files[path]


@pytest.mark.parametrize("author", ["", " Ada", 'Ada "A" Lovelace', "Ada\nname=x", "Ada <ada>", "<a@b.c>", "Ada\\"])
@pytest.mark.parametrize("kind", PACKAGES)
def test_an_author_that_a_manifest_cannot_hold_is_refused(kind: str, author: str) -> None:
    build = built("c")
    with pytest.raises(CompileError, match="argument 'author': cannot be a manifest's author"):
        PACKAGES[kind](build, first_sample(build.graph), author)


# The command


def test_the_command_writes_a_package_of_a_stored_sample(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = root / "examples" / "digits" / "nano.h5"
    image = np.zeros((2, 96, 96, 1), np.float32)
    image[0, 3, 4, 0] = 0.625
    np.save(tmp_path / "x.npy", image)
    arguments = ["compile", str(model), "--name", "Digits", "-o", str(tmp_path / "out"), "--json"]
    arguments += ["--package", "arduino", "--sample", str(tmp_path / "x.npy"), "--author", "Ada"]
    assert run(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert report["backend"] == "cpp"
    assert (
        set(report["files"])
        == written
        >= {"Digits.zip", "library.properties", "src/Digits.h", "examples/Digits/Digits.ino"}
    )
    stored = (tmp_path / "out" / "examples" / "Digits" / "Digits_sample.h").read_text()
    numbers = re.findall(r"-?[\d.e-]+(?=f)", stored.split("{")[1].split("}")[0])
    assert len(numbers) == 96 * 96
    assert [float(number) for number in numbers if float(number)] == [0.625]


def test_a_sample_without_a_package_is_wrong_usage(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 96, 96, 1), np.float32))
    model = str(root / "examples" / "digits" / "nano.h5")
    assert run(["compile", model, "--sample", str(tmp_path / "x.npy")]) == 2
    assert "--sample is for the example of a --package" in capsys.readouterr().err
    assert run(["compile", model, "--author", "Ada"]) == 2
    assert "--author is for the manifest of a --package" in capsys.readouterr().err
    assert run(["compile", model, "--package", "deb"]) == 2
    assert "'deb' is not one of" in capsys.readouterr().err
