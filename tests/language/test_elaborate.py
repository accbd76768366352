"""The meaning of a text: names, parameters, blocks, loops, weights, and each layer's way of writing it."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnc import frontends
from mnc.errors import CompileError
from mnc.frontends.stores import grouped
from mnc.ir.activations import Elu, HardSigmoid, Relu, Sigmoid, Swish
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Identity,
    LayerNormalization,
    MaxPooling2D,
    Permute,
    PReLU,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    SeparableConv2D,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType
from mnc.language import parameter, parse


def network(statements: str, head: str = "network n", source: str = "weights random()", **parameters: Any) -> Graph:
    text = f"{head}\ninput x: float32[8, 8, 4] unused\ninput s: float32[10, 3] unused\n{statements}\n{source}\n"
    return parse(text, parameters=parameters)


def only(layer: str) -> Layer:
    (node,) = network(f"output {layer}").nodes
    return node.layer


def names(statements: str) -> list[str]:
    return [node.name for node in network(statements).nodes]


# layers


def test_convolution_has_kerass_defaults() -> None:
    layer = only("conv2d(x, 5, 3)")
    assert isinstance(layer, Conv2D) and layer.bias is not None
    assert (layer.weights.shape, layer.bias.shape) == ((3, 3, 4, 5), (5,))
    assert layer == Conv2D(layer.weights, layer.bias)


def test_convolution_by_kerass_own_names() -> None:
    layer = only("conv2d(x, filters=6, kernel_size=[3, 2], strides=[2, 1], padding=same, groups=2, use_bias=false)")
    assert isinstance(layer, Conv2D)
    assert layer == Conv2D(layer.weights, None, (2, 1), ((0, 1), (0, 1)), groups=2)
    assert layer.weights.shape == (3, 2, 2, 6)


@pytest.mark.parametrize(
    ("written", "padding"),
    [
        ("valid", ((0, 0), (0, 0))),
        ("same", ((1, 1), (1, 1))),
        ("2", ((2, 2), (2, 2))),
        ("[1, 2]", ((1, 1), (2, 2))),
        ("[[0, 1], [2, 3]]", ((0, 1), (2, 3))),
        ('"same"', ((1, 1), (1, 1))),
    ],
)
def test_paddings(written: str, padding: Any) -> None:
    layer = only(f"depthwise_conv2d(x, 3, padding = {written})")
    assert isinstance(layer, DepthwiseConv2D) and layer.padding == padding


def test_pooling_moves_by_its_window() -> None:
    assert only("max_pooling2d(x)") == MaxPooling2D((2, 2), (2, 2))
    assert only("max_pooling2d(x, pool_size = 3)") == MaxPooling2D((3, 3), (3, 3))
    assert only("average_pooling2d(x, 3, 2, same)") == AveragePooling2D((3, 3), (2, 2), ((0, 1), (0, 1)))


@pytest.mark.parametrize(
    ("written", "function"),
    [
        ("relu6(x)", Relu(6.0)),
        ("relu(x, max_value = 2)", Relu(2.0)),
        ("leaky_relu(x)", Relu(negative_slope=0.3)),
        ("leaky_relu(x, alpha = 0.5)", Relu(negative_slope=0.5)),
        ("activation(x, leaky_relu)", Relu(negative_slope=0.2)),
        ("activation(x, sigmoid)", Sigmoid()),
        ("activation(x, activation = silu)", Swish()),
        ("elu(x, alpha = 0.5)", Elu(0.5)),
        ("hard_sigmoid(x, slope = 0.2)", HardSigmoid(0.2)),
    ],
)
def test_activations(written: str, function: Any) -> None:
    assert only(written) == Activation(function)


def test_activations_that_are_other_layers() -> None:
    assert only("activation(x, softmax)") == Softmax(2)
    assert only("activation(x, linear)") == Identity()
    assert only("dropout(x, rate = 0.5)") == Identity()


def test_softmax_as_activation_is_a_layer_behind() -> None:
    graph = network("y = dense(x, 2, activation = softmax)\noutput y")
    assert [(node.name, type(node.layer)) for node in graph.nodes] == [("y/logits", Dense), ("y", Softmax)]


def test_axes_are_the_last_unless_said() -> None:
    assert only("softmax(x)") == Softmax(2)
    assert only("softmax(x, axis = -1)") == Softmax(-1)
    assert only("concatenate(x, x)") == Concatenate(2)
    assert only("concatenate([x, x], axis = 0)") == Concatenate(0)
    layer = only("layer_normalization(x, axis = [1, 2])")
    assert isinstance(layer, LayerNormalization) and layer.gamma is not None and layer.gamma.shape == (8, 4)


def test_normalisation_leaves_out_what_keras_leaves_out() -> None:
    layer = only("batch_normalization(x, center = false)")
    assert isinstance(layer, BatchNormalization) and layer.beta is None and layer.gamma is not None
    layer = only("batch_normalization(x, scale = false)")
    assert isinstance(layer, BatchNormalization) and layer.gamma is None and layer.beta is not None


def test_recurrent_layers() -> None:
    layer = only("gru(s, 5)")
    assert isinstance(layer, GRU) and layer.bias is not None
    assert (layer.kernel.shape, layer.recurrent_kernel.shape, layer.bias.shape) == ((3, 15), (5, 15), (2, 15))
    layer = only("gru(s, 5, reset_after = false)")
    assert isinstance(layer, GRU) and layer.bias is not None and layer.bias.shape == (15,)
    graph = network("y, h, c = lstm(s, 5, return_state = true)\noutput y, c")
    assert isinstance(graph.nodes[0].layer, LSTM)
    assert graph.nodes[0].outputs == ("y", "h", "c") and graph.outputs == ("y", "c")
    assert network("output lstm(s, 5, return_state = true)").outputs == ("lstm", "lstm/1", "lstm/2")


def test_rearranging() -> None:
    assert only("reshape(x, [-1, 16])") == Reshape((16, 16))
    assert only("permute(x, dims = [3, 1, 2])") == Permute((2, 0, 1))
    assert only("permute(x, axes = [2, 0, 1])") == Permute((2, 0, 1))
    assert only("zero_padding2d(x)") == ZeroPadding2D(((1, 1), (1, 1)))
    assert only("up_sampling2d(x)") == ResizeNearest((16, 16))
    assert only("up_sampling2d(x, [1, 3], interpolation = bilinear)") == ResizeBilinear((8, 24))
    assert only("resizing(x, 5, 6)") == ResizeBilinear((5, 6))
    layer = only("prelu(x, shared_axes = [0, 1])")
    assert isinstance(layer, PReLU) and layer.alpha.shape == (1, 1, 4)


def test_transposed_convolution() -> None:
    layer = only("conv2d_transpose(x, 6, 3, 2, padding = same)")
    assert isinstance(layer, Conv2DTranspose)
    assert (layer.weights.shape, layer.crop, layer.extra) == ((3, 3, 6, 4), ((0, 1), (0, 1)), (0, 0))
    layer = only("conv2d_transpose(x, 6, 2, 3)")
    assert isinstance(layer, Conv2DTranspose) and layer.extra == (1, 1)
    layer = only("separable_conv2d(x, 6, 3, depth_multiplier = 2)")
    assert isinstance(layer, SeparableConv2D)
    assert (layer.depthwise.shape, layer.pointwise.shape) == ((3, 3, 4, 2), (1, 1, 8, 6))


@pytest.mark.parametrize(
    "file",
    [
        "conv1d_mix.k3",
        "pool1d.k3",
        "conv2d_transpose.k3",
        "upsample_bilinear.k3",
        "embedding_gap.k3",
    ],
)
def test_layers_of_the_text_are_those_of_the_frontend(models: Path, file: str) -> None:
    """Written by hand after the Keras models, with their weights, the texts are the same networks."""
    graph = frontends.load(models / "public_ops" / f"{file}.h5")
    text = BY_HAND[file]
    written = parse(
        text, load_weights=lambda _: {node.name: node.layer.constants for node in graph.nodes if node.layer.constants}
    )
    assert written == graph


BY_HAND = {
    "conv1d_mix.k3": """
network conv1d_mix
input input_layer: float32[24, 3]
x = conv1d(input_layer, 6, 5, padding = same, activation = relu)
x = conv1d(x, 5, 3, strides = 2)
x = conv1d(x, 4, 3, padding = causal, dilation_rate = 2)
output separable_conv1d(x, 4, 3, padding = same)
weights "k.h5"
""",
    "pool1d.k3": """
network pool1d
input input_layer: float32[17, 4]
a = max_pooling1d(input_layer, pool_size = 3, strides = 2, padding = same)
a = concatenate(a, average_pooling1d(input_layer, 3, 2, same))
output global_max_pooling1d(a)
output global_average_pooling1d(a), max_pooling1d(a, 2)
""",
    "conv2d_transpose.k3": """
network conv2d_transpose
input input_layer: float32[5, 6, 3]
x = conv2d_transpose(input_layer, 4, 3, strides = 2, padding = same, activation = relu)
x = conv2d_transpose(x, 3, 3, strides = 2)
output conv2d_transpose(x, 2, 2, padding = same)
weights "k.h5"
""",
    "upsample_bilinear.k3": """
network upsample_bilinear
input input_layer: float32[4, 5, 3]
output conv2d(up_sampling2d(input_layer, size = 2, interpolation = bilinear), 2, 1)
weights "k.h5"
""",
    "embedding_gap.k3": """
network embedding_gap
input input_layer: float32[9]
output dense(global_average_pooling1d(embedding(input_layer, 20, 6)), 3, activation = sigmoid)
weights "k.h5"
""",
}


# expressions


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("2 ** 3 ** 1 // 3 % 2", 0),
        ("-2 ** 2", -4),
        ("7 / 2", 3.5),
        ("(1 + 2) * -3", -9),
        ("1 < 2 and not 2 == 3 or 1 / 0 > 1", True),
        ("false and 1 / 0 > 1", False),
        ("1 if 2 >= 3 else 2 if 3 != 3 else 3", 3),
        ("1 / 0 if false else 4", 4),
        ("[1, 2] + [3] * 2", [1, 2, 3, 3]),
        ("len(range(2, 10, 3)) + max(1, 5) + min([2, 3]) + abs(-1)", 11),
        ("int(2.7) + round(2.5) + floor(-0.5) + ceil(0.1)", 4),
        ("float(2)", 2.0),
        ("zip([1, 2], [3, 4])", [[1, 3], [2, 4]]),
        ("enumerate([5, 6], 1)", [[1, 5], [2, 6]]),
        ("same", "same"),
        ('"a{1}"', None),
    ],
)
def test_expressions(written: str, value: Any) -> None:
    text = f'network n(p = {written})\ninput x: float32[1]\noutput relu(x, name = "{{p}}")\n'
    if value is None:
        with pytest.raises(CompileError, match="nothing is called '1' here"):
            parse(text)
    elif isinstance(value, list):
        total = "+".join(f"{i} * p[{i}]" for i in range(1))
        assert total
        graph = parse(
            f"network n(p = {written})\ninput x: float32[1]\nfor i, v in enumerate(p) {{ y = relu(x) }}\noutput y"
        )
        assert len(graph.nodes) == len(value)
    else:
        assert parse(text).nodes[0].name == str(value)


def test_parameters_from_outside() -> None:
    text = "network n(units, width = units * 2)\ninput x: float32[3]\noutput dense(x, width)\nweights random()"
    assert parse(text, parameters={"units": 4}).types["dense"].shape == (8,)
    assert parse(text, parameters=dict([parameter("units=2"), parameter("width = 7")])).types["dense"].shape == (7,)
    with pytest.raises(CompileError, match="the parameter 'units' has no value"):
        parse(text)
    with pytest.raises(CompileError, match="the network has no parameter 'unit'"):
        parse(text, parameters={"unit": 4})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("a=1", 1),
        ("a=-2.5", -2.5),
        ("a=true", True),
        ("a=relu6", "relu6"),
        ("a=[1, [2]]", [1, [2]]),
        ('a="b c"', "b c"),
    ],
)
def test_settings(setting: str, value: Any) -> None:
    assert parameter(setting) == ("a", value)


@pytest.mark.parametrize(
    "setting", ["a", "=1", "a=", "a=)", "a=1)", "a=unknown", "a=relu()", "a=1, b=2", "a=1)\ninput"]
)
def test_settings_that_are_none(setting: str) -> None:
    with pytest.raises(CompileError):
        parameter(setting)


# names


def test_names_of_layers() -> None:
    assert names("a = relu(x)\nb = relu(a)\noutput b") == ["a", "b"]
    assert names("a = relu(x)\na = relu(a)\noutput relu(a)") == ["relu", "relu_1", "relu_2"]
    assert names("relu = softmax(x)\na = relu(x)\na = relu(a)\noutput relu, a") == ["relu", "relu_1", "relu_2"]
    assert names('a = relu(x, name = "b c")\noutput a') == ["b c"]
    assert names("a = add(relu(x), relu(x))\noutput a") == ["relu", "relu_1", "a"]
    assert names('for i in range(2) { a = relu(x, name = "r{i}") }\noutput a') == ["r0", "r1"]
    assert names("for i in range(2) { a = relu(x) }\noutput a") == ["relu", "relu_1"]
    assert names("a = x\noutput relu(a)") == ["relu"]
    assert names("a = relu(x) if true else x\noutput a") == ["a"]


def test_names_inside_blocks() -> None:
    block = "block b(v, n = 1) {\n    w = relu(v)\n    for i in range(n) { w = relu(w) }\n    return w\n}\n"
    assert names(f"{block}y = b(x)\noutput y") == ["y__relu", "y__relu_1"]
    assert names(f"{block}y = b(x)\ny = b(y, 0)\noutput y") == ["b__relu", "b__relu_1", "b_1__relu"]
    nested = f'{block}block c(v) {{\n    first = b(v)\n    return b(first, name = "last")\n}}\n'
    assert names(f"{nested}y = c(x)\noutput y") == [
        "y__first__relu",
        "y__first__relu_1",
        "y__last__relu",
        "y__last__relu_1",
    ]


def test_a_block_sees_what_is_outside_and_keeps_what_is_its_own() -> None:
    graph = network(
        "width = 3\nblock b(v, units = width) {\n    width = 5\n    return dense(v, units + width), relu(v)\n}\n"
        "a, r = b(x)\noutput dense(a, width), r"
    )
    assert [graph.types[name].shape[-1] for name in graph.outputs] == [3, 4]
    assert graph.types["a__dense"].shape[-1] == 8


def test_an_activation_can_be_handed_on() -> None:
    block = "block b(v, act = relu) { return dense(v, 2, activation = act) }\n"
    graph = network(f"{block}y = b(b(b(x), relu(max_value = 3)), act = none)\noutput y")
    assert [getattr(node.layer, "activation", 0) for node in graph.nodes] == [Relu(), Relu(3.0), None]


def test_a_value_called_like_a_word_does_not_hide_the_word() -> None:
    graph = network("relu = relu(x)\nsame = conv2d(relu, 2, 3, padding = same, activation = relu)\noutput same")
    layer = graph.nodes[1].layer
    assert isinstance(layer, Conv2D) and layer.activation == Relu() and layer.padding == ((1, 1), (1, 1))


# weights


STORE = {
    "a/weights": np.arange(8.0).reshape(4, 2),
    "a/bias": np.zeros(2),
    "b/kernel": np.ones((2, 2)),
    "b/use_bias": np.ones(2),
}


def stored(statements: str, source: str, store: Any = STORE) -> Graph:
    text = f"network n\ninput x: float32[4]\n{statements}\n{source}\n"
    return parse(text, load_weights=lambda _: grouped(store))


def test_weights_by_name_in_any_order_and_by_kerass_names() -> None:
    graph = stored("a = dense(x, 2)\nb = dense(a, 2)\noutput b", 'weights "w.npz"')
    first, second = (node.layer for node in graph.nodes)
    assert isinstance(first, Dense) and first.weights == Constant(STORE["a/weights"])
    assert isinstance(second, Dense) and second.bias == Constant(np.ones(2))


def test_weights_by_order() -> None:
    graph = stored("y = dense(x, 2)\ny = dense(y, 2)\noutput y", 'weights "w.npz" by order')
    assert graph.nodes[0].layer.constants["weights"] == Constant(STORE["a/weights"])


def test_weights_from_several_places() -> None:
    graph = stored("a = dense(x, 2)\nz = dense(a, 3)\noutput z", 'weights "w.npz"\nweights random(seed = 5)', STORE)
    assert graph.nodes[0].layer.constants["weights"] == Constant(STORE["a/weights"])
    assert graph.nodes[1].layer.constants["weights"].shape == (2, 3)


def test_constants_in_the_text_need_no_file() -> None:
    graph = network("output dense(x, 1, weights = [[1], [-2.5], [1e-45], [0.1]], bias = [3])", source="")
    assert graph.nodes[0].layer == Dense(Constant(np.array([[1], [-2.5], [1e-45], [0.1]])), Constant([3.0]))


def test_constants_of_other_types() -> None:
    graph = network("output dense(x, 2, weights = int8[4, 2], bias = int32([1, -2]))", source="weights random()")
    constants = graph.nodes[0].layer.constants
    assert DType.of(constants["weights"].array) is DType.INT8
    assert constants["bias"].array.tolist() == [1, -2] and constants["bias"].array.dtype == np.int32


def test_random_weights_are_the_same_everywhere() -> None:
    graph = network("y = dense(x, 5)\noutput conv2d(y, 2, 3)", source="weights random(seed = 7)")
    kernel = graph.nodes[0].layer.constants["weights"].array
    assert np.abs(kernel).max() <= np.sqrt(6 / 9) and np.abs(kernel).max() > 0.5
    assert not graph.nodes[0].layer.constants["bias"].array.any()
    digest = hashlib.sha256(b"".join(c.array.tobytes() for n in graph.nodes for c in n.layer.constants.values()))
    assert digest.hexdigest()[:16] == "d8321a031a2fa76a"
    other = network("y = dense(x, 5)\noutput conv2d(y, 2, 3)", source="weights random(seed = 8)")
    assert other != graph


def test_weights_of_a_trained_model_replace_those_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "n.mnc").write_text("network n\ninput x: float32[4]\na = dense(x, 2)\noutput a\nweights random()\n")
    np.savez(tmp_path / "w.npz", **{name: array for name, array in STORE.items() if name[0] == "a"})  # type: ignore[arg-type]
    graph = frontends.load(tmp_path / "n.mnc", weights=tmp_path / "w.npz")
    assert graph.nodes[0].layer.constants["weights"] == Constant(STORE["a/weights"])


def test_arrays_that_name_no_layer_are_said_to() -> None:
    with pytest.raises(CompileError, match="the file's arrays name no layer; call them LAYER/weights, LAYER/bias"):
        stored("output dense(x, 2)", 'weights "w.npz"', {"kernel": np.ones((4, 2)), "bias": np.ones(2)})


def test_a_text_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "no_suffix"
    path.write_text("\n# a comment\n  network n\ninput x: float32[4]\noutput relu(x)\n")
    assert frontends.load(path).outputs == ("relu",)
