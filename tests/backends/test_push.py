"""Frames handed in one by one: generated C gives, bit for bit, the answers that it gives to whole windows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Tool, build, checked_run
from hypothesis import given
from networks import chain
from quantised_networks import in_integers
from same_bits import BATCH
from streams import Timed, sliding, stored

import mnc
from mnc.cli import run
from mnc.compiler import Build, prepare
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph
from mnc.ir.layers import (
    GRU,
    LSTM,
    Add,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling,
    Reshape,
    SimpleRNN,
    Softmax,
)
from mnc.ir.types import Array, Constant, DType
from mnc.quantise import Scheme
from mnc.report import FramesReport

rng = np.random.default_rng(17)


def constant(*shape: int) -> Constant:
    return Constant((rng.normal(size=shape) / np.prod(shape[:-1]) ** 0.5).astype(np.float32))


def keyword(frames: int = 25) -> Graph:
    """A depthwise separable network with valid padding along time, as keyword spotters are."""
    return chain(
        (frames, 6, 1),
        conv=Conv2D(constant(5, 3, 1, 8), constant(8), (2, 1), activation=Relu()),
        depthwise=DepthwiseConv2D(constant(3, 3, 8, 1), constant(8), activation=Relu()),
        pointwise=Conv2D(constant(1, 1, 8, 6), constant(6), activation=Relu()),
        mean=GlobalAveragePooling(),
        dense=Dense(constant(6, 4), constant(4)),
        softmax=Softmax(),
    )


def causal() -> Graph:
    """A temporal convolutional network of dilations 1, 2 and 4, each block with a way round it."""
    layers = {
        f"conv{d}": Conv2D(constant(3, 1, 4, 4), constant(4), padding=((2 * d, 0), (0, 0)), dilation=(d, 1))
        for d in (1, 2, 4)
    }
    return chain((16, 1, 4), **layers, flat=Reshape((16, 4)), dense=Dense(constant(4, 2)))


def recurrent() -> Graph:
    gru = GRU(constant(8, 15), constant(5, 15), constant(15), reset_after=False, return_sequences=True)
    return chain(
        (20, 1, 3),
        conv=Conv2D(constant(3, 1, 3, 8), constant(8), activation=Relu()),
        flat=Reshape((18, 8)),
        gru=gru,
        lstm=LSTM(constant(5, 16), constant(4, 16), constant(16)),
        dense=Dense(constant(4, 2)),
    )


def quantised(graph: Graph, scheme: str | None) -> Graph:
    """The network in integers, calibrated by random windows."""
    if scheme is None:
        return graph
    samples = rng.normal(size=(20, *graph.inputs[0].type.shape)).astype(np.float32)
    return prepare(graph, "c", scheme=Scheme([samples], scheme))[0].graph


DRIVER = """
#include <stdio.h>
#include <string.h>
{includes}
/* Guard zones round two networks that go on side by side; the second begins anew in the middle. */
static struct {{ unsigned char before[64]; {name}_t net; unsigned char behind[64]; }} a, b;
{regions}

int main(void)
{{
    static {type} frame[{frame}];
    static {out} first[{size}], second[{size}];
    long i;
    unsigned k;

    memset(&a, 0xA5, sizeof a);
    memset(&b, 0xA5, sizeof b);
    {garbage}
    {name}_init(&a.net{of_a});
    {name}_init(&b.net{of_b});
    for (i = 0; fread(frame, sizeof frame, 1, stdin) == 1; ++i) {{
        {arena}
        if (i == {middle})
            {name}_init(&b.net{of_b});
        if ({name}_push(&a.net, frame, first)) {{
            putchar('a');
            fwrite(first, sizeof first, 1, stdout);
        }}
        if ({name}_push(&b.net, frame, second)) {{
            putchar('b');
            fwrite(second, sizeof second, 1, stdout);
        }}
    }}
    for (k = 0; k < sizeof a.before; ++k)
        if (a.before[k] != 0xA5 || a.behind[k] != 0xA5 || b.before[k] != 0xA5 || b.behind[k] != 0xA5)
            return 1;
    {guarded}
    return 0;
}}
"""

REGION = """static struct {{ unsigned char before[64]; {name}_{region}_t part; unsigned char behind[64]; }}
    a_{region}, b_{region};"""
GARBAGE = "memset(&a_{region}, 0xA5, sizeof a_{region}); memset(&b_{region}, 0xA5, sizeof b_{region});"
GUARDED = """for (k = 0; k < 64; ++k)
        if (a_{region}.before[k] != 0xA5 || a_{region}.behind[k] != 0xA5 || b_{region}.before[k] != 0xA5
            || b_{region}.behind[k] != 0xA5)
            return 1;"""


def pushed(made: Build, frames: Array, folder: Path, gcc: str, middle: int) -> dict[str, Array]:
    """The outputs of two networks to which all frames are handed in, the second of them set up anew in the middle.

    What layers share is full of garbage between two frames.
    """
    (given,), (output,) = made.graph.inputs, made.graph.outputs
    type_ = made.graph.types[output]
    used = made.emission.plan.regions
    arenas = [f"a_{each.name}.part" for each in used if each.size] if used else ["a.net"] * (made.report.ram.arena > 0)

    def each_region(text: str, between: str = "\n    ") -> str:
        return between.join(text.format(name=made.name, region=region.name) for region in used)

    driver = DRIVER.format(
        includes=f'#include "{made.name}.h"',
        name=made.name,
        type=given.type.dtype.c,
        out=type_.dtype.c,
        frame=frames[0].size,
        size=type_.elements,
        middle=middle,
        arena=" ".join(f"memset(&{owner}.arena, 0xA5, sizeof {owner}.arena);" for owner in arenas),
        regions=each_region(REGION, "\n"),
        garbage=each_region(GARBAGE),
        guarded=each_region(GUARDED),
        of_a=each_region(", &a_{region}.part", ""),
        of_b=each_region(", &b_{region}.part", ""),
    )
    program = build(folder, gcc, SANITIZED, dict(made.files), {"driver.c": driver})
    (folder / "frames").write_bytes(np.ascontiguousarray(frames).tobytes())
    checked_run(["sh", "-c", f"'{program}' < frames > got"], folder)
    record = np.dtype([("net", "S1"), ("y", type_.dtype.numpy, (type_.elements,))])
    got = np.frombuffer((folder / "got").read_bytes(), record)
    return {which: got["y"][got["net"] == which.encode()].reshape(-1, *type_.shape) for which in "ab"}


def assert_slides(graph: Graph, frames: Array, folder: Path, gcc: str, hop: int | None = None) -> None:
    """Every output is the C's own answer to a whole window."""
    made = mnc.compile(graph, name="net", feed="frames", hop=hop)
    frames_of = made.emission.program.frames
    assert frames_of is not None
    step, window = frames_of.hop, graph.inputs[0].type.shape[0]
    middle = len(frames) // 2 // step * step
    got = pushed(made, frames, folder, gcc, middle)
    whole = mnc.compile(graph, name="whole")
    for which, seen in (("a", frames), ("b", frames[middle:])):
        starts = range(0, len(seen) - window + 1, step)
        expected = np.asarray(whole.predict(np.stack([seen[start : start + window] for start in starts])))
        own = got["a"] if which == "a" else got["b"][max(middle // step - frames_of.silent, 0) :]
        np.testing.assert_array_equal(own[: len(expected)], expected[: len(own)])
        assert len(own) >= len(expected) - 1 > 0


@pytest.mark.parametrize("hop", [None, 4])
@pytest.mark.parametrize("scheme", [None, "int8", "int16x8"])
def test_a_keyword_network_slides(scheme: str | None, hop: int | None, gcc: str, tmp_path: Path) -> None:
    graph = quantised(keyword(), scheme)
    frames = stored(graph, rng.normal(size=(70, 6, 1)).astype(np.float32))
    assert_slides(graph, frames, tmp_path, gcc, hop)


@BATCH
@given(network=sliding())
def test_random_networks_slide(network: Timed, gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    graph = in_integers(network.build(network.window), 0, dtypes=[DType.INT8])
    frames = stored(graph, network.frames(2 * network.window + 8 * network.hop))
    assert_slides(graph, frames, tmp_path_factory.mktemp("push"), gcc)


def gated() -> Graph:
    """A GRU of either form and a SimpleRNN behind a convolution, as `stacked`."""
    return chain(
        (20, 1, 3),
        conv=Conv2D(constant(3, 1, 3, 8), constant(8), activation=Relu()),
        flat=Reshape((18, 8)),
        after=GRU(constant(8, 15), constant(5, 15), constant(2, 15), return_sequences=True),
        before=GRU(constant(5, 12), constant(4, 12), constant(12), reset_after=False, return_sequences=True),
        rnn=SimpleRNN(constant(4, 4), constant(4, 4), constant(4)),
        dense=Dense(constant(4, 2)),
    )


def stacked() -> Graph:
    """Two LSTM behind a convolution, whose states are held until its first row is there; the first gives all steps."""
    return chain(
        (20, 1, 3),
        conv=Conv2D(constant(3, 1, 3, 8), constant(8), activation=Relu()),
        flat=Reshape((18, 8)),
        first=LSTM(constant(8, 20), constant(5, 20), constant(20), return_sequences=True),
        second=LSTM(constant(5, 16), constant(4, 16), constant(16)),
        dense=Dense(constant(4, 2)),
    )


@pytest.mark.parametrize("make", [stacked, gated])
@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_recurrent_layers_in_integers_go_on_from_frame_to_frame(
    make: type, scheme: str, gcc: str, tmp_path: Path
) -> None:
    """Their states are those of one long sequence, to the bit."""
    graph = quantised(make(), scheme)
    assert not any(type_.dtype is DType.FLOAT32 for name, type_ in graph.types.items() if name != "x")
    (given,) = graph.inputs
    frames = stored(graph, rng.normal(size=(47, *given.type.shape[1:])).astype(np.float32))
    got = pushed(mnc.compile(graph, name="net", feed="frames"), frames, tmp_path, gcc, 21)
    for which, seen in (("a", frames), ("b", frames[21:])):
        own = got[which] if which == "a" else got[which][2:]  # two frames before the middle belong to the first part
        expected = [np.asarray(longer(graph, count).predict(seen[np.newaxis, :count]))[0] for count in (20, 23, 26)]
        np.testing.assert_array_equal([own[i - 20] for i in (20, 23, 26)], expected)


def longer(graph: Graph, frames: int) -> Graph:
    """The network on a window of another length, with the same layers."""
    (given,) = graph.inputs
    type_ = replace(given.type, shape=(frames, *given.type.shape[1:]))
    nodes = tuple(
        replace(node, layer=Reshape((frames - 2, 8))) if isinstance(node.layer, Reshape) else node
        for node in graph.nodes
    )
    return replace(graph, inputs=(replace(given, type=type_),), nodes=nodes)


@pytest.mark.parametrize("make", [causal, recurrent])
def test_a_sequence_from_its_beginning(make: type, gcc: str, tmp_path: Path) -> None:
    """Layers that pad the beginning, or carry a state, give what the network gives of the frames so far."""
    graph = make()
    window = graph.inputs[0].type.shape[0]
    frames = rng.normal(size=(2 * window + 3, *graph.inputs[0].type.shape[1:])).astype(np.float32)
    made = mnc.compile(graph, name="net", feed="frames")
    got = pushed(made, frames, tmp_path, gcc, window + 1)
    for which, seen in (("a", frames), ("b", frames[window + 1 :])):
        expected = np.asarray(mnc.compile(graph, name="whole").predict(seen[np.newaxis, :window]))[0]
        own = got[which] if which == "a" else got[which][-len(seen) :]
        if graph.types[graph.outputs[0]].rank == 2:
            np.testing.assert_allclose(own[:window, 0], expected, 1e-5, 1e-6)
        else:
            np.testing.assert_allclose(own[0] if which == "a" else own[-(len(seen) - window + 1)], expected, 1e-5, 1e-6)


CLASS = """
#include <cstdio>
#include "Net.h"
int main()
{
    static Net net;
    static TYPE frame[FRAME];
    while (std::fread(frame, sizeof frame, 1, stdin) == 1)
        if (net.push(frame))
            std::fwrite(net.outputs, sizeof net.outputs, 1, stdout);
    return 0;
}
"""


def pushed_in_cpp(graph: Graph, frames: Array, folder: Path, gxx: str) -> Array:
    """The outputs of an object to which all frames are handed in."""
    made = mnc.compile(graph, "cpp", "Net", feed="frames")
    made.write(folder)
    (given,), output = made.graph.inputs, made.graph.types[made.graph.outputs[0]]
    text = CLASS.replace("TYPE", given.type.dtype.c).replace("FRAME", str(frames[0].size))
    (folder / "main.cpp").write_text(text)
    flags = ["-std=c++11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=address,undefined"]
    checked_run([gxx, *flags, "main.cpp", "-o", "main"], folder)
    (folder / "frames").write_bytes(np.ascontiguousarray(frames).tobytes())
    checked_run(["sh", "-c", "./main < frames > got"], folder)
    return np.frombuffer((folder / "got").read_bytes(), output.dtype.numpy).reshape(-1, *output.shape)


@pytest.mark.parametrize("make", [keyword, recurrent])
def test_the_class_takes_frames_too(make: type, gcc: str, gxx: str, tmp_path: Path) -> None:
    graph = make()
    frames = rng.normal(size=(60, *graph.inputs[0].type.shape[1:])).astype(np.float32)
    (tmp_path / "c").mkdir()
    expected = pushed(mnc.compile(graph, name="net", feed="frames"), frames, tmp_path / "c", gcc, 999)["a"]
    np.testing.assert_array_equal(pushed_in_cpp(graph, frames, tmp_path, gxx), expected)


@pytest.mark.parametrize("name", ["ww_v1_hey_jarvis", "ww_v2_hey_jarvis", "ww_v2_okay_nabu"])
def test_wake_words_frame_by_frame(models: Path, name: str, gcc: str, gxx: str, tmp_path: Path) -> None:
    """The bytes are TensorFlow Lite Micro's; the second network of `pushed` begins anew in the middle."""
    graph = mnc.load(models / "real" / f"{name}.tflite")
    with np.load(models / "real" / f"{name}.tflite.golden.npz") as stored_:
        x, expected = (next(stored_[key] for key in stored_ if key.startswith(letter)) for letter in "xy")
    frames, hop = x.reshape(-1, x.shape[-1]), x.shape[1]
    (tmp_path / "c").mkdir()
    middle = 30 * hop
    got = pushed(mnc.compile(graph, name="net", feed="frames"), frames, tmp_path / "c", gcc, middle)
    np.testing.assert_array_equal(got["a"].reshape(-1), expected.reshape(-1))
    anew = np.asarray(graph.predict(x[30:40].reshape(10, *graph.inputs[0].type.shape)))
    np.testing.assert_array_equal(got["b"][30:40].reshape(-1), anew.reshape(-1))
    np.testing.assert_array_equal(pushed_in_cpp(graph, frames, tmp_path, gxx).reshape(-1), expected.reshape(-1))


def ahead() -> Graph:
    """Convolutions that look 1 and 2 frames ahead."""
    near = Conv2D(constant(3, 1, 4, 4), constant(4), padding=((1, 1), (0, 0)))
    far = Conv2D(constant(5, 1, 4, 4), constant(4), padding=((2, 2), (0, 0)))
    return chain((12, 1, 4), near=near, far=far)


@pytest.mark.parametrize(("make", "hop", "first", "delay"), [(keyword, 4, 28, 0), (causal, 1, 1, 0), (ahead, 1, 4, 3)])
def test_outputs_come_when_the_report_and_the_header_say(
    make: type, hop: int, first: int, delay: int, gcc: str, tmp_path: Path
) -> None:
    graph = make()
    made = mnc.compile(graph, name="net", feed="frames", hop=hop)
    assert made.report.frames == FramesReport(hop, first, delay)
    assert json.loads(made.report.to_json())["frames"] == {"hop": hop, "first_output": first, "delay": delay}
    for macro, value in (("HOP", hop), ("FIRST_OUTPUT", first), ("DELAY", delay)):
        assert f"#define NET_{macro} {value}\n" in made.files["net.h"]
    frames = rng.normal(size=(40, *graph.inputs[0].type.shape[1:])).astype(np.float32)
    got = pushed(made, frames, tmp_path, gcc, 999)["a"]
    assert len(got) == (len(frames) - first) // hop + 1
    if make is ahead:  # output m, which the push of frame m + delay gives, is that of frame m
        expected = np.asarray(mnc.compile(graph, name="whole").predict(frames[np.newaxis, :12]))[0]
        np.testing.assert_allclose(got[3:8, 0], expected[3:8], 1e-5, 1e-6)


def test_the_class_forgets_frames_that_wait(tool: Tool, tmp_path: Path) -> None:
    """A network without state that collects frames begins anew with `reset`, in the middle of a run's frames."""
    graph = chain((3, 1, 2), conv=Conv2D(constant(3, 1, 2, 2), constant(2), (3, 1)))
    made = mnc.compile(graph, "cpp", "Net", feed="frames", hop=3)
    assert made.report.ram.state == 0
    made.write(tmp_path)
    calls = "net.push(x); net.reset(); return net.push(x) || net.push(x) || !net.push(x);"
    (tmp_path / "main.cpp").write_text(
        f'#include "Net.h"\nint main() {{ static Net net; float x[2] = {{}}; {calls} }}\n'
    )
    checked_run([tool("g++"), "-std=c++11", "-Wall", "-Wextra", "-Werror", "main.cpp", "-o", "main"], tmp_path)
    checked_run(["./main"], tmp_path)


def test_the_memory_is_as_planned(gcc: str, tmp_path: Path) -> None:
    """`sizeof` agrees, with frames that wait and counters, for elements of 1, 2 and 4 bytes."""
    for i, scheme in enumerate((None, "int8", "int16x8")):
        for hop in (None, 6):
            graph = quantised(keyword(), scheme)
            made = mnc.compile(graph, name=f"n{i}{hop or 2}", feed="frames", hop=hop)
            assert made.report.ram.total >= made.report.ram.arena + made.report.ram.state
            build(tmp_path / made.name, gcc, [*STRICT, "-c"], dict(made.files), link=())


def test_verify_feeds_a_sequence(fixtures: Path, gcc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mnc.language import show

    shown = show(keyword())
    (tmp_path / "keyword.mnc").write_text(shown.text)
    np.savez(tmp_path / "keyword.weights.npz", **dict(shown.constants))  # type: ignore[arg-type]
    arguments = ["verify", str(tmp_path / "keyword.mnc"), "--feed", "frames", "--hop", "4"]
    weights = ["--weights", str(tmp_path / "keyword.weights.npz")]
    assert run([*arguments, *weights]) == 0, capsys.readouterr().err


def refused(graph: Graph, **options: Any) -> str:
    with pytest.raises(CompileError) as caught:
        mnc.compile(graph, **options)
    (problem,) = caught.value.problems
    return f"{problem.where}: {problem.what}"


def test_refusals() -> None:
    assert "are copied where a run needs them" in refused(keyword(), feed="frames", input="owned")
    assert "says how many frames" in refused(keyword(), hop=2)
    padded = chain((9, 1, 2), conv=Conv2D(constant(3, 1, 2, 2), padding=((1, 1), (0, 0))), flat=Flatten())
    assert "pads the end of each window" in refused(padded, feed="frames")


def test_branches_are_as_late_as_each_other() -> None:
    """A way round a convolution that looks ahead waits for it."""
    first = Conv2D(constant(1, 1, 2, 2))
    graph = chain((9, 1, 2), first=first, conv=Conv2D(constant(3, 1, 2, 2), padding=((1, 1), (0, 0))))
    joined = Graph(
        "joined",
        graph.inputs,
        (*graph.nodes, type(graph.nodes[0])(("sum",), Add(), ("first", "conv"), "the sum")),
        ("sum",),
    )
    x = rng.normal(size=(9, 1, 2)).astype(np.float32)
    made = mnc.compile(joined, feed="frames")
    got = np.asarray(made.graph.predict(x[:, np.newaxis]))[1:, 0]
    np.testing.assert_allclose(got, np.asarray(joined.predict(x[np.newaxis]))[0][:8], 1e-5, 1e-6)
