"""The contract of the generated C: names, sizes, memory of the caller's own, nothing shared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from gallery import Exhibit, exhibit, gallery
from generated_c import SANITIZED, WARNINGS, Case, build, checked_run, run_cases
from goldens import golden

import mnc
from mnc import backends
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Activation, Add, Dense, Flatten, Reshape
from mnc.ir.types import Constant, TensorType
from mnc.reference import evaluate

RNG = np.random.default_rng(3)


def constant(*shape: int) -> Constant:
    return Constant(RNG.normal(size=shape).astype(np.float32))


def two_by_three() -> Graph:
    """Two inputs, three outputs, of different shapes."""
    nodes = (
        Node(("a",), Dense(constant(4, 5)), ("x",)),
        Node(("b",), Reshape((2, 10)), ("z",)),
        Node(("c",), Add(), ("a", "a")),
        Node(("d",), Dense(constant(10, 2)), ("b",)),
    )
    inputs = (Input("x", TensorType((4,))), Input("z", TensorType((4, 5, 1))))
    return Graph("several", inputs, nodes, ("c", "b", "d"))


def test_macros_say_what_a_caller_needs(fixtures: Path, gcc: str, tmp_path: Path) -> None:
    pico = mnc.compile(mnc.load(fixtures / "pico.keras2.h5"), name="pico")
    several = mnc.compile(two_by_three(), name="several")
    checks = {
        "PICO_INPUT_SIZE": 96 * 96,
        "PICO_OUTPUT_SIZE": 10,
        "PICO_RAM_SIZE": pico.report.ram.total,
        "(long)sizeof(pico_t)": pico.report.ram.total,
        "PICO_MACS": pico.report.macs,
        "shape[0] * 10000 + shape[1] * 100 + shape[2]": 969601,
        "(long)(sizeof shape / sizeof shape[0])": 3,
        "SEVERAL_INPUT_0_SIZE": 4,
        "SEVERAL_INPUT_1_SIZE": 20,
        "SEVERAL_OUTPUT_0_SIZE": 5,
        "SEVERAL_OUTPUT_1_SIZE": 20,
        "SEVERAL_OUTPUT_2_SIZE": 4,
        "(long)(sizeof outer / sizeof outer[0])": 2,
        "(long)sizeof(several_t)": several.report.ram.total,
        "PICO_MODEL_HASH != SEVERAL_MODEL_HASH": 1,
    }
    lines = ['#include "pico.h"', '#include "several.h"', '#include "pico.h"', "#include <stdio.h>"]
    lines += ["static const int shape[] = PICO_INPUT_SHAPE, outer[] = SEVERAL_OUTPUT_1_SHAPE;", "int main(void)", "{"]
    lines += [f'    printf("%ld\\n", (long)({expression}));' for expression in checks]
    lines += ["    (void)outer;", "    return 0;", "}", ""]
    program = build(tmp_path, gcc, ["-std=c89", *WARNINGS], pico.files, several.files, {"main.c": "\n".join(lines)})
    assert [int(line) for line in checked_run([str(program)], tmp_path).split()] == list(checks.values())


def test_the_struct_is_all_the_memory() -> None:
    for each in gallery():
        header, source = (each.build.files[f"{each.case.name}.{kind}"] for kind in "hc")
        assert f"_RAM_SIZE {each.build.report.ram.total}\n" in header
        assert "ram_is_as_planned[((long)sizeof" in source
        assert re.search(r"\b(?:malloc|calloc|realloc|free|alloca|goto|setjmp)\b", source) is None
        assert re.search(r"^\s*static (?!const\b|__inline__\b|void\b|float\b)", source, re.MULTILINE) is None


def remembering() -> Graph:
    """A network that gives something else on every run."""
    layer = GRU(constant(3, 12), constant(4, 12), constant(2, 12), stateful=True)
    return Graph("remembering", (Input("x", TensorType((2, 3))),), (Node(("y",), layer, ("x",)),), ("y",))


INTERLEAVED = """\
#include "gru.h"
#include <stdio.h>
#include <string.h>

static float x[2][GRU_INPUT_SIZE], alone[2][3][GRU_OUTPUT_SIZE], together[2][3][GRU_OUTPUT_SIZE];

int main(void)
{
    gru_t one, nets[2];
    int i, n;

    for (i = 0; i < 2 * GRU_INPUT_SIZE; ++i)
        x[i / GRU_INPUT_SIZE][i % GRU_INPUT_SIZE] = (float)(i % 5) - 2.0f;
    for (n = 0; n < 2; ++n) {
        gru_init(&one);
        for (i = 0; i < 3; ++i)
            gru_run(&one, x[n], alone[n][i]);
    }
    gru_init(&nets[0]);
    gru_init(&nets[1]);
    for (i = 0; i < 3; ++i) {
        for (n = 0; n < 2; ++n)
            gru_run(&nets[n], x[n], together[n][i]);
    }
    puts(memcmp(alone, together, sizeof alone) == 0 ? "same" : "different");
    puts(memcmp(alone[0][0], alone[0][1], sizeof alone[0][0]) != 0 ? "remembers" : "forgets");
    return 0;
}
"""


def test_two_structs_run_side_by_side(gcc: str, tmp_path: Path) -> None:
    files = mnc.compile(remembering(), name="gru").files
    program = build(tmp_path, gcc, [*SANITIZED, *WARNINGS], files, {"main.c": INTERLEAVED})
    assert checked_run([str(program)], tmp_path) == "same\nremembers\n"


SHARED = """\
#include "pico.h"
#include "resnet.h"
#include <stdio.h>

static union {
    pico_t pico;
    resnet_t resnet;
} net;
static float x[PICO_INPUT_SIZE], y[PICO_OUTPUT_SIZE], u[RESNET_INPUT_SIZE], v[RESNET_OUTPUT_SIZE];

int main(int argc, char **argv)
{
    FILE *given = argc == 3 ? fopen(argv[1], "rb") : NULL, *got = argc == 3 ? fopen(argv[2], "wb") : NULL;
    int i;

    if (given == NULL || got == NULL || fread(x, sizeof x, 1, given) != 1 || fread(u, sizeof u, 1, given) != 1)
        return 2;
    for (i = 0; i < 2; ++i) {
        pico_init(&net.pico);
        pico_run(&net.pico, x, y);
        fwrite(y, sizeof y, 1, got);
        resnet_init(&net.resnet);
        resnet_run(&net.resnet, u, v);
        fwrite(v, sizeof v, 1, got);
    }
    fclose(given);
    return fclose(got);
}
"""


def test_two_networks_share_memory_in_a_union(fixtures: Path, gcc: str, tmp_path: Path) -> None:
    models = {"pico": fixtures / "pico.keras2.h5", "resnet": fixtures / "resnet_small.k2.h5"}
    builds = [mnc.compile(mnc.load(file), name=name) for name, file in models.items()]
    goldens = [golden(file) for file in models.values()]
    (tmp_path / "given").write_bytes(b"".join(x[0].tobytes() for (x,), _ in goldens))
    program = build(tmp_path, gcc, SANITIZED, *(each.files for each in builds), {"main.c": SHARED})
    checked_run([str(program), "given", "got"], tmp_path)
    wanted = np.concatenate([y[0].ravel() for _, (y,) in goldens])
    got = np.fromfile(tmp_path / "got", np.float32).reshape(2, -1)
    np.testing.assert_allclose(got, [wanted, wanted], rtol=1e-5, atol=1e-5)


IMAGE, RELU = Input("x", TensorType((2, 3, 2))), Activation(Relu())

ODD = {
    "an output that is the input": Graph("odd", (IMAGE,), (), ("x",)),
    "nothing but a reshape": Graph("odd", (IMAGE,), (Node(("y",), Reshape((4, 3)), ("x",)),), ("y",)),
    "one value twice": Graph("odd", (IMAGE,), (Node(("y",), RELU, ("x",)),), ("y", "y")),
    "a value and a view of it": Graph(
        "odd", (IMAGE,), (Node(("y",), RELU, ("x",)), Node(("z",), Flatten(), ("y",))), ("z", "y", "x")
    ),
    "an output that is read": Graph(
        "odd", (IMAGE,), (Node(("y",), RELU, ("x",)), Node(("z",), Add(), ("y", "x", "y"))), ("y", "z")
    ),
    "an input that nothing reads": Graph(
        "odd", (Input("unread", TensorType((7,))), IMAGE), (Node(("y",), RELU, ("x",)),), ("y",)
    ),
    "a layer that nothing reads": Graph(
        "odd", (IMAGE,), (Node(("y",), RELU, ("x",)), Node(("z",), Dense(constant(2, 9)), ("x",))), ("y",)
    ),
}


def test_odd_networks(gcc: str, tmp_path: Path) -> None:
    exhibits = [exhibit(graph, f"n{i}") for i, graph in enumerate(ODD.values())]
    outputs = run_cases([each.case for each in exhibits], tmp_path, gcc, [*SANITIZED, *WARNINGS])
    for name, each, got in zip(ODD, exhibits, outputs, strict=True):
        assert each.error(got) == 0.0, name


TRACER = """\
static void trace(int step, const float *value)
{
    static const int sizes[] = { SIZES };
    FILE *file = fopen("traced", "ab");

    if (file == NULL || fwrite(value, sizeof(float), (size_t)sizes[step], file) != (size_t)sizes[step])
        abort();
    fclose(file);
}
#define MNC_TRACE(step, value) trace(step, value)
"""


def test_a_traced_build_shows_every_layer_s_output(gcc: str, tmp_path: Path) -> None:
    for each in gallery():
        assert_traced(each, gcc, tmp_path / each.case.name)


def assert_traced(each: Exhibit, compiler: str, folder: Path) -> None:
    chosen = backends.get("c")
    emission = chosen.emit(backends.program_of(chosen, each.build.graph), "n", trace=True)
    outputs = [step.writes[0] for step in emission.program.steps]
    tracer = TRACER.replace("SIZES", ", ".join(str(value.type.elements) for value in outputs))
    source = "#include <stdio.h>\n#include <stdlib.h>\n" + tracer + emission.files["n.c"]
    one = [x[:1] for x in each.case.inputs]
    run_cases(
        [Case("n", {**emission.files, "n.c": source}, one, each.case.output_sizes)], folder, compiler, ["-std=c89"]
    )
    values = evaluate(emission.program.graph, one)
    traced, at = np.fromfile(folder / "traced", np.float32), 0
    for value in outputs:
        height, width, channels = value.image
        y, p, c = np.ogrid[:height, :width, :channels]
        places = y * value.layout.row + p * value.layout.pixel + c * value.layout.channel
        got = traced[at : at + value.type.elements][places].reshape(value.type.shape)
        at += value.type.elements
        np.testing.assert_allclose(got, values[value.name][0], rtol=1e-4, atol=5 * each.tolerance, err_msg=value.name)
    assert at == traced.size


def test_without_a_trace_nothing_is_left_of_it() -> None:
    assert not [each for each in gallery() if "MNC_TRACE" in "".join(each.build.files.values())]


def test_a_header_is_documented_for_doxygen(clang: str, fixtures: Path, tmp_path: Path) -> None:
    """Clang holds comments against declarations: every parameter of a function is there, and no other."""
    graphs = {"several": two_by_three(), "gru": remembering(), "pico8": mnc.load(fixtures / "pico.int8.tflite")}
    for name, graph in graphs.items():
        files = mnc.compile(graph, name=name).files
        header = files[f"{name}.h"]
        flags = ["-std=c89", "-Wdocumentation", "-Wdocumentation-pedantic", "-Werror"]
        build(tmp_path, clang, flags, files, {"main.c": f'#include "{name}.h"\nint main(void) {{ return 0; }}\n'})
        assert header.count("@file") == 1
        for head, parameters in re.findall(r"/\*\*((?:(?!\*/).)*)\*/\nvoid \w+\(([^)]*)\);", header, re.DOTALL):
            assert re.findall(r"@param (\w+)", head) == re.findall(r"(\w+)(?:,|$)", parameters)
        assert all(word in header for word in ("Alignment:", "Aliasing:", "Stack:", "Threads and interrupts:"))
        assert re.search(rf"^#define {name.upper()}_API \d+$", header, re.MULTILINE)
    assert "PICO8_INPUT_ZERO_POINT (-128)" in header


def test_versions_can_be_compared(gcc: str, tmp_path: Path) -> None:
    files = mnc.compile(two_by_three(), name="n").files
    major, minor, patch = map(int, mnc.__version__.split(".")[:3])
    check = f"#if MNC_VERSION != {major} * 10000 + {minor} * 100 + {patch} || N_API < 1\n#error\n#endif\n"
    build(tmp_path, gcc, ["-std=c89"], files, {"main.c": f'#include "n.h"\n{check}int main(void) {{ return 0; }}\n'})


def test_a_run_shows_the_arena_s_map(fixtures: Path) -> None:
    """Each buffer of the plan with its place, its bytes, and the layers that it is needed by."""
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="pico", memory="fast")
    plan, program = build.emission.plan, build.emission.program
    run = build.files["pico.c"].split("void pico_run(")[1]
    rows = re.findall(r"^ +\* +(\d+) +(\d+)  (\d+)-(\d+) +(.*)$", run, re.MULTILINE)
    assert {(int(offset), int(size)) for offset, size, *_ in rows} == {
        (plan.arena.offsets[name], program.buffers[name].bytes) for name in plan.arena.offsets
    }
    for *_, first, last, name in rows:
        assert int(first) < int(last) + ("scratch" in name) <= len(program.steps)


def test_a_loop_that_the_plan_turned_round_says_why(fixtures: Path) -> None:
    source = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="pico").files["pico.c"]
    backwards = re.findall(
        r"(?:(/\* Rows go from last to first(?:(?!\*/).)*\*/)\n +)?for \(y = \d+; y >= 0; --y\)", source, re.DOTALL
    )
    assert backwards and all(
        "bytes above `in`: upwards, a row of output" in " ".join(why.replace("*", " ").split()) for why in backwards
    )


def test_no_cast_where_the_type_is_right() -> None:
    """An arena of several types is bytes, which int8 needs no cast from."""
    from quantised_networks import steady_network

    source = mnc.compile(steady_network(), name="n").files["n.c"]
    assert "as_int8; /* offsets below are in bytes */" in source
    assert "(int16_t *)(void *)(arena + " in source
    assert "(int8_t *)(void *)" not in source
    assert "(void *)(arena)" not in source
