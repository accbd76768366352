"""The C++ class: the C backend's answers to the bit, on every compiler, in every place a sketch may put it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from gallery import gallery
from generated_c import SANITIZED, Case, Tool, checked_run, run_cases, write
from goldens import golden
from networks import chain

import mnc
from mnc import targets
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir import activations as fn
from mnc.ir.graph import Graph
from mnc.ir.layers import GRU, Activation, Conv2D, Dense, DepthwiseConv2D, Flatten, MaxPooling2D, Softmax
from mnc.ir.types import Array, Constant

STANDARD = ("-std=c++11", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-fno-exceptions", "-fno-rtti")
"""Flags under which a class must compile without a word."""
CORTEX_M4 = ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
TRAINED = [
    *(f"micromobilenet/{n}.keras{k}.h5" for n in ("pico", "nano", "micro", "milli", "base") for k in (2, 3)),
    *(f"mlperf_tiny/kws_ref_model.keras{k}.h5" for k in (2, 3)),
    *(f"mlperf_tiny/{n}.h5" for n in ("ad01", "pretrainedResnet", "str_ww_ref_model", "vww_96")),
]
Compile = Callable[[str, str], Build]


@pytest.fixture(scope="module")
def trained(models: Path) -> Compile:
    """`trained("folder/file.h5", backend)` is a model's build, made once; the class is called Net."""
    return cache(lambda file, backend: mnc.compile(mnc.load(models / file), backend=backend, name="Net"))


def classifier(inputs: int = 8, seed: int = 1, bias: bool = True) -> Graph:
    """A tiny dense network with three classes."""
    rng = np.random.default_rng(seed)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    return chain(
        (inputs,),
        hidden=Dense(constant(inputs, 12), constant(12) if bias else Constant(np.zeros(12, np.float32)), fn.Relu()),
        logits=Dense(constant(12, 3), constant(3)),
        scores=Softmax(-1),
    )


def recurrent() -> Graph:
    """A GRU whose state outlives a run."""
    rng = np.random.default_rng(2)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32) * np.float32(0.5))

    return chain((3, 4), cell=GRU(constant(4, 15), constant(5, 15), constant(2, 15), stateful=True))


def program(folder: Path, compiler: str, flags: Sequence[str], files: Mapping[str, str]) -> Path:
    """A program made of all `.cpp` files."""
    write(files, folder)
    sources = [name for name in files if name.endswith(".cpp")]
    checked_run([compiler, *flags, "-I.", *sources, "-lm", "-o", "program"], folder)
    return folder / "program"


def run_classes(cases: Sequence[Case], folder: Path, compiler: str, flags: Sequence[str]) -> list[list[Array]]:
    """As `run_cases`, for classes: each object is made in memory full of NaN, in a block of exactly its size."""
    lines = [f'#include "{case.name}.h"' for case in cases]
    lines += ["#include <cstdio>", "#include <cstdlib>", "#include <cstring>", "#include <new>"]
    lines += ["static std::FILE *given, *got;"]
    lines += ["static const float *read(std::size_t count) {"]
    lines += ["    float *p = static_cast<float *>(std::malloc(count * sizeof(float)));"]
    lines += ["    if (std::fread(p, sizeof(float), count, given) != count) std::abort();", "    return p;", "}"]
    for case in cases:
        lines += [f"static void run_{case.name}() {{", f"    void *memory = std::malloc(sizeof({case.name}));"]
        lines += [f"    std::memset(memory, 0xFF, sizeof({case.name}));"]
        lines += [f"    {case.name} *net = new (memory) {case.name}();"]
        lines += [f"    for (int i = 0; i < {len(case.inputs[0])}; ++i) {{"]
        lines += [f"        const float *x{i} = read({x[0].size});" for i, x in enumerate(case.inputs)]
        lines += [f"        net->predict({', '.join(f'x{i}' for i in range(len(case.inputs)))});"]
        for i, size in enumerate(case.output_sizes):
            lines += [f"        std::fwrite(net->outputs{i or ''}, sizeof(float), {size}, got);"]
        lines += [f"        std::free(const_cast<float *>(x{i}));" for i in range(len(case.inputs))]
        lines += ["    }", "    std::free(memory);", "}"]
    lines += ["int main(int, char **argv) {", '    given = std::fopen(argv[1], "rb");']
    lines += ['    got = std::fopen(argv[2], "wb");', *(f"    run_{case.name}();" for case in cases)]
    lines += ["    std::fclose(given);", "    return std::fclose(got);", "}", ""]
    files = {name: text for case in cases for name, text in case.files.items()}
    main = program(folder, compiler, flags, {**files, "main.cpp": "\n".join(lines)})
    order = [x[i] for case in cases for i in range(len(case.inputs[0])) for x in case.inputs]
    (folder / "given").write_bytes(b"".join(np.ascontiguousarray(x, "<f4").tobytes() for x in order))
    checked_run([str(main), str(folder / "given"), str(folder / "got")], folder)
    floats = np.fromfile(folder / "got", "<f4")
    result = []
    for case in cases:
        count = len(case.inputs[0]) * sum(case.output_sizes)
        rows, floats = floats[:count].reshape(len(case.inputs[0]), -1), floats[count:]
        result.append(np.split(rows, np.cumsum(case.output_sizes)[:-1], axis=1))
    assert floats.size == 0
    return result


def same_bits(one: Array, other: Array) -> bool:
    return one.astype("<f4").tobytes() == other.astype("<f4").tobytes()


def test_every_trained_model_is_tested(models: Path) -> None:
    folders = ("micromobilenet", "mlperf_tiny")
    assert {f"{folder}/{file.name}" for folder in folders for file in (models / folder).glob("*.h5")} == {*TRAINED}


@pytest.mark.parametrize("file", TRAINED)
def test_a_trained_model_gives_the_bits_of_the_c_backend(
    models: Path, trained: Compile, file: str, gcc: str, gxx: str
) -> None:
    x, _ = golden(models / file)
    by_c, by_class = (trained(file, backend).predict(x) for backend in ("c", "cpp"))
    assert isinstance(by_c, np.ndarray)
    assert isinstance(by_class, np.ndarray)
    assert same_bits(by_class, by_c)


@pytest.mark.parametrize("file", ["micromobilenet/pico.int8.tflite", "mlperf_tiny/pretrainedResnet_quant.tflite"])
def test_a_quantised_model_gives_the_bytes_of_the_c_backend(
    trained: Compile, file: str, gcc: str, gxx: str, tmp_path: Path
) -> None:
    build = trained(file, "cpp")
    shape = build.graph.inputs[0].type.shape
    x = np.random.default_rng(4).integers(-128, 128, (3, *shape)).astype(np.int8)
    by_c, by_class = (np.asarray(each.predict(x)) for each in (trained(file, "c"), build))
    assert by_c.dtype == by_class.dtype == np.int8
    assert (by_c == by_class).all()
    use = '#include "Net.h"\nunsigned run(Net &net, const int8_t *x) { return net.predict(x); }\n'
    write({**build.files, "use.cpp": use}, tmp_path)
    checked_run([gxx, *STANDARD, "-O1", "-c", "use.cpp"], tmp_path)


def test_every_kernel_gives_the_bits_of_the_c_backend(fixtures: Path, gcc: str, gxx: str, tmp_path: Path) -> None:
    """In networks of every kind, several inputs and outputs among them, under sanitizers."""
    graphs = [(each.build.graph, each.case.inputs) for each in gallery()]
    graphs += [(mnc.load(file), golden(file)[0]) for file in sorted(fixtures.glob("*.h5"))]
    cases: dict[str, list[Case]] = {"c": [], "cpp": []}
    for backend, made in cases.items():
        for i, (graph, x) in enumerate(graphs):
            build = mnc.compile(graph, backend=backend, name=f"n{i}")
            sizes = [build.graph.types[name].elements for name in build.graph.outputs]
            made.append(Case(build.name, build.files, x, sizes))
    by_c = run_cases(cases["c"], tmp_path / "c", gcc, ("-std=c99", "-O0"))
    flags = [*STANDARD, *(flag for flag in SANITIZED if flag != "-std=c89")]
    by_class = run_classes(cases["cpp"], tmp_path / "cpp", gxx, flags)
    for i, (ours, theirs) in enumerate(zip(by_class, by_c, strict=True)):
        assert all(same_bits(y, want) for y, want in zip(ours, theirs, strict=True)), i


def test_on_a_microcontroller_the_class_gives_the_bits_of_the_c_backend(
    fixtures: Path, arm_gcc: str, qemu_arm: str
) -> None:
    model = fixtures / "pico.keras3.h5"
    x, _ = golden(model)
    ours, theirs = (
        targets.run(targets.get("cortex-m4"), build.files, targets.Interface.of_graph(build.graph, "Net"), [x[0][:2]])
        for build in (mnc.compile(mnc.load(model), backend=backend, name="Net") for backend in ("c", "cpp"))
    )
    assert same_bits(ours[0], theirs[0])


@pytest.fixture(scope="module")
def family(models: Path) -> Mapping[str, str]:
    """All trained models as classes, and a program that calls each."""
    lines: list[str] = []
    files: dict[str, str] = {}
    for i, file in enumerate(TRAINED):
        files |= mnc.compile(mnc.load(models / file), backend="cpp", name=f"Net{i}").files
        lines += [f'#include "Net{i}.h"', f"unsigned run{i}(Net{i} &net, const float *x) {{ return net.predict(x); }}"]
    return {**files, "all.cpp": "\n".join([*lines, ""])}


@pytest.mark.parametrize("compiler", ["g++", "clang++", "arm-none-eabi-g++"])
def test_every_trained_class_compiles_without_a_warning(
    family: Mapping[str, str], tool: Tool, compiler: str, tmp_path: Path
) -> None:
    """All of them in one program, as the whole family may be in one sketch."""
    write(family, tmp_path)
    core = CORTEX_M4 if compiler.startswith("arm") else ()
    # Clang warns by the text alone; what GCC warns of in the flow of data is the same on all of its machines.
    made = ["-O1", "-c"] if compiler == "g++" else ["-fsyntax-only"]
    checked_run([tool(compiler), *core, *STANDARD, *made, "all.cpp"], tmp_path)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O2", "-DMNC_SMALL"), ("-std=c++17", "-Wno-deprecated")])
def test_headers_objects_and_files_mix_freely(
    tool: Tool, compiler: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    """A header twice in each of two files, two classes in one program, two objects of one class, facts by reference."""
    files = dict(mnc.compile(classifier(), backend="cpp", name="First").files)
    files |= mnc.compile(classifier(seed=2), backend="cpp", name="Second").files
    includes = '#include "First.h"\n#include "Second.h"\n#include "First.h"\n#include "Second.h"\n'
    files["other.cpp"] = (
        f"{includes}unsigned elsewhere(const float *x) {{ static First net; return net.predict(x); }}\n"
    )
    files["main.cpp"] = f"""{includes}
unsigned elsewhere(const float *x);
template <typename T> const T &same(const T &x) {{ return x; }}
int main() {{
    float x[First::numInputs] = {{1, -1, 1, -1, 1, -1, 1, -1}}, y[8] = {{-2, 2, 0, 1, 1, 2, 0, -1}};
    static First one, two;
    static Second third;
    one.predict(x);
    two.predict(y);
    third.predict(x);
    float sum = 0;
    for (unsigned i = 0; i < same(First::numOutputs); ++i)
        sum += one.outputs[i];
    First fresh;
    fresh.predict(x);
    for (unsigned i = 0; i < one.numOutputs; ++i)
        if (fresh.outputs[i] != one.outputs[i])
            return 1;
    static_assert(First::kMacs == 8 * 12 + 12 * 3, "a fact");
    static_assert(First::kInputShape[0] == 8, "a shape");
    static_assert(sizeof(First) >= First::kArenaSize + sizeof(float) * First::numOutputs, "all the memory");
    const int *shape = First::kInputShape;
    if (shape[0] != same(one.numInputs) || same(First::kModelHash) == same(Second::kModelHash))
        return 2;
    if (elsewhere(x) != one.output || one.proba != one.outputs[one.output] || sum < 0.99f || sum > 1.01f)
        return 3;
    return one.outputs[0] == two.outputs[0] || one.outputs[0] == third.outputs[0] ? 4 : 0;
}}
"""
    checked_run([str(program(tmp_path, tool(compiler), [*STANDARD, *flags], files))], tmp_path)


ARDUINO_H = """#include <cstddef>
#include <cstdio>
struct Port {
    void begin(long) {}
    void print(const char *text) { std::fputs(text, stdout); }
    void print(unsigned long number) { std::printf("%lu", number); }
    void println(unsigned long number) { std::printf("%lu\\n", number); }
    void println(const char *text) { std::puts(text); }
} Serial;
unsigned long micros() { return 0; }
void delay(int) {}
"""


def test_a_sketch_written_for_micromobilenet_runs_with_the_other_header(
    fixtures: Path, gxx: str, tmp_path: Path
) -> None:
    """Every public name that micromobilenet's class has, used as its users do."""
    model = fixtures / "pico.keras2.h5"
    (x,), (want,) = golden(model)
    label = int(want[0].argmax())
    pixels = ", ".join(f"{value:.9g}" for value in x[0].ravel())
    sketch = """
#include "Arduino.h"
#include "sample_image.h"
#include "PicoMobileNet.h"

PicoMobileNet net;

void setup() { Serial.begin(115200); Serial.println("MobileNet demo"); }

void loop() {
    size_t start = micros();
    net.predict(sample_image);
    Serial.print("Predicted output = ");
    Serial.println(net.output);
    Serial.print("It took ");
    Serial.print(micros() - start);
    Serial.println(" us to run MobileNet");
    delay(2000);
}

int main() {
    setup();
    loop();
    uint16_t again = net.predict(sample_image);
    float sum = 0;
    for (uint16_t i = 0; i < net.numOutputs; i++)
        sum += net.outputs[i];
    std::printf("%d %d %d %.6f %.3f\\n", again, net.numInputs, net.numOutputs, net.proba, sum);
}
"""
    files = dict(mnc.compile(mnc.load(model), backend="cpp", name="PicoMobileNet").files)
    files |= {"Arduino.h": ARDUINO_H, "sample_image.h": f"float sample_image[96 * 96] = {{{pixels}}};\n"}
    main = program(tmp_path, gxx, ("-std=c++11", "-O1"), {**files, "sketch.cpp": sketch})
    assert checked_run([str(main)], tmp_path).splitlines() == [
        "MobileNet demo",
        f"Predicted output = {label}",
        "It took 0 us to run MobileNet",
        f"{label} 9216 10 {want[0].max():.6f} 1.000",
    ]


def test_reset_forgets_what_earlier_runs_left_behind(gxx: str, tmp_path: Path) -> None:
    files = dict(mnc.compile(recurrent(), backend="cpp", name="Heard").files)
    files["main.cpp"] = """#include "Heard.h"
#include <cstring>
int main() {
    const float x[12] = {1, 2, 3, 4, -1, -2, -3, -4, 1, 0, 1, 0};
    float first[5], second[5];
    static Heard net;
    net.predict(x);
    std::memcpy(first, net.outputs, sizeof first);
    net.predict(x);
    std::memcpy(second, net.outputs, sizeof second);
    net.reset();
    net.predict(x);
    return std::memcmp(first, second, sizeof first) == 0 || std::memcmp(first, net.outputs, sizeof first) != 0;
}
"""
    checked_run([str(program(tmp_path, gxx, STANDARD, files))], tmp_path)


@pytest.mark.parametrize("optimise", ["-Os", "-O2"])
def test_a_sketch_has_no_ram_but_the_object(models: Path, tool: Tool, optimise: str, tmp_path: Path) -> None:
    """Not even a pointer or a constant is in .data, and nothing runs before main."""
    gxx, size, nm = map(tool, ("arm-none-eabi-g++", "arm-none-eabi-size", "arm-none-eabi-nm"))
    for file in ("micromobilenet/pico.keras3.h5", "mlperf_tiny/ad01.h5"):
        files = dict(mnc.compile(mnc.load(models / file), backend="cpp", name="Net").files)
        files["sketch.cpp"] = """#include "Net.h"
Net net;
extern const unsigned long size_of_the_class = sizeof(Net);
unsigned run(const float *x) { return net.predict(x); }
"""
        write(files, tmp_path)
        checked_run([gxx, *CORTEX_M4, *STANDARD, optimise, "-c", "sketch.cpp"], tmp_path)
        sections = checked_run([size, "-A", "sketch.o"], tmp_path)
        sizes = dict(re.findall(r"^(\.\S+)\s+(\d+)", sections, re.MULTILINE))
        symbols = checked_run([nm, "-S", "sketch.o"], tmp_path)
        held = re.search(r"^\w+ (\w+) [Bb] net$", symbols, re.MULTILINE)
        assert held is not None
        assert sizes[".data"] == "0"
        assert int(sizes[".bss"]) == int(held[1], 16)
        assert not [name for name in sizes if re.match(r"\.(data|bss|init_array|ctors)\b.", name)]
        (word,) = re.findall(
            r"^ 0000 (\w{8})",
            checked_run([tool("arm-none-eabi-objdump"), "-s", "-j", ".rodata", "sketch.o"], tmp_path),
            re.MULTILINE,
        )
        assert int.from_bytes(bytes.fromhex(word), "little") == int(sizes[".bss"])


def test_the_page_for_users_of_micromobilenet_has_the_sizes_of_now(
    models: Path, trained: Compile, tool: Tool, root: Path, tmp_path: Path
) -> None:
    page = (root / "docs" / "from-micromobilenet.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\d,]+) \| \*\*([\d,]+)\*\* \| (\d+) % \|", page, re.MULTILINE)
    assert [row[0] for row in rows] == ["Pico", "Nano", "Micro", "Milli", "Base"]
    for name, before, after, percent in rows:
        files = trained(f"micromobilenet/{name.lower()}.keras2.h5", "cpp").files
        size = int(after.replace(",", ""))
        check = f'#include "Net.h"\nstatic_assert(sizeof(Net) == {size}, "as the page says");\n'
        write({**files, "check.cpp": check}, tmp_path)
        checked_run([tool("arm-none-eabi-g++"), *CORTEX_M4, "-std=c++11", "-fsyntax-only", "check.cpp"], tmp_path)
        assert round(100 * size / int(before.replace(",", ""))) == int(percent)


@pytest.mark.parametrize("standard", ["-std=c++11", "-std=gnu++11"])
def test_on_avr_weights_stay_in_flash(tool: Tool, standard: str, tmp_path: Path) -> None:
    """avr-gcc copies constants to RAM (from 0x800000) unless they are marked, biases of nothing but zeros too."""
    gxx, nm = tool("avr-g++"), tool("avr-nm")
    files = dict(mnc.compile(classifier(bias=False), backend="cpp", name="Net").files)
    files["main.cpp"] = '#include "Net.h"\nNet net;\nfloat x[8];\nint main() { return net.predict(x); }\n'
    flags = (standard, "-mmcu=atmega328p", "-Os", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti")
    program(tmp_path, gxx, flags, files)
    symbols = checked_run([nm, "-C", "program"], tmp_path)
    places = {name: int(at, 16) for at, name in re.findall(r"^(\w+) . \S+::(layer_\w+)$", symbols, re.MULTILINE)}
    assert places.keys() == {f"layer_0{i}_dense_{what}" for i in (0, 1) for what in ("weights", "bias")}
    assert max(places.values()) < 0x800000


@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_on_avr_a_network_computes_what_it_should(tool: Tool, backend: str) -> None:
    """With rows of zeros, which kernels read as data, and a bias of zeros, which they read as weights."""
    for name in ("avr-gcc", "avr-g++", "simavr"):
        tool(name)
    rng = np.random.default_rng(3)

    def constant(*shape: int) -> Constant:
        return Constant(rng.normal(size=shape).astype(np.float32))

    graph = chain(
        (6, 6, 2),
        conv=Conv2D(constant(3, 3, 2, 4), Constant(np.zeros(4, np.float32)), padding=((1, 1), (1, 1))),
        relu=Activation(fn.Relu()),
        depthwise=DepthwiseConv2D(constant(3, 3, 4, 1), constant(4), padding=((1, 1), (1, 1))),
        pool=MaxPooling2D((2, 2), (2, 2)),
        flat=Flatten(),
        logits=Dense(constant(36, 3), Constant(np.zeros(3, np.float32))),
        scores=Softmax(-1),
    )
    build = mnc.compile(graph, backend=backend, name="Net")
    x = rng.normal(size=(3, 6, 6, 2)).astype(np.float32)
    (y,) = targets.run(targets.get("avr"), build.files, targets.Interface.of_graph(build.graph, "Net"), [x])
    np.testing.assert_allclose(y, np.asarray(graph.predict(x)), atol=1e-5)


@pytest.mark.parametrize("name", ["output", "outputs", "proba", "predict", "numInputs", "kMacs", "arena", "Unused"])
@pytest.mark.parametrize("suffix", ["", "Net"])
def test_a_class_is_not_called_like_its_members(name: str, suffix: str) -> None:
    if suffix:
        assert (
            f"class {name}{suffix} "
            in mnc.compile(classifier(), backend="cpp", name=name + suffix).files[f"{name}{suffix}.h"]
        )
        return
    with pytest.raises(CompileError, match="has another meaning in the class"):
        mnc.compile(classifier(), backend="cpp", name=name)


@pytest.mark.parametrize("name", ["exp", "expf", "gamma", "y1", "uint8_t", "size_t", "layer_00_dense", "mnc_x", "NULL"])
def test_a_class_is_not_called_like_what_headers_declare(name: str) -> None:
    with pytest.raises(CompileError, match=f"argument 'name': '{name}'"):
        mnc.compile(classifier(), backend="cpp", name=name)


@pytest.mark.parametrize("name", ["EOF", "INT_MAX", "PORTB", "B1", "KWS"])
def test_a_class_is_not_called_like_a_macro(name: str) -> None:
    """A list of macros would never be whole: each microcontroller's registers are some."""
    with pytest.raises(CompileError, match=f"'{name}' is a macro's name, as it has no small letter\nhint: try "):
        mnc.compile(classifier(), backend="cpp", name=name)
