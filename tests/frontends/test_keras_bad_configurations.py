"""Configurations that cannot be compiled are refused: one error each, with the place inside the file and a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keras_files import OTHER_WEIGHTS, SMALL_WEIGHTS, numbers, refusal, save_h5, sequential, small_model

from mnc.frontends import check, load

SAVE_AGAIN = "Keras does not write this; give the file as model.save wrote it, or save the model again"
FIXED_SHAPE = (
    "rebuild the model with a fixed input shape, for instance keras.Input((96, 96, 3)), and load the weights into it"
)
AS_TFLITE = (
    "convert the model, tf.lite.TFLiteConverter.from_keras_model(model).convert(), with Input(batch_size=1) if it has "
    "recurrent layers, and compile the .tflite, in which TensorFlow has put simpler operators in its place"
)
LISTED = (
    f"{AS_TFLITE}\nhint: or put layers in its place that do the same, and give them its weights; "
    "`mnc layers` lists them"
)
TRAINING = (
    "call the layer without training=True, and load the weights into the model; with it each answer would be another"
)
CONV = "model_config/layers/1 (Conv2D 'conv')"
NORM = "model_config/layers/2 (BatchNormalization 'norm')"

Layers = list[Any]
Edit = Callable[[Layers, dict[str, Any]], object]

EDITS: dict[str, tuple[Edit, str, str]] = {
    # what is done to the layers and the configuration: the place and the fault, the way out
    "a missing class": (
        lambda layers, _: layers[1].pop("class_name"),
        "model_config/layers/1: the key 'class_name' is missing",
        SAVE_AGAIN,
    ),
    "a missing configuration": (
        lambda layers, _: layers[1].pop("config"),
        "model_config/layers/1: the key 'config' is missing",
        SAVE_AGAIN,
    ),
    "a missing attribute": (
        lambda layers, _: layers[1]["config"].pop("filters"),
        f"{CONV}: the key 'filters' is missing",
        SAVE_AGAIN,
    ),
    "missing layers": (
        lambda _, config: config.pop("layers"),
        "model_config: the key 'layers' is missing",
        SAVE_AGAIN,
    ),
    "missing outputs": (
        lambda _, config: config.pop("output_layers"),
        "model_config: output_layers must be a list, not None",
        SAVE_AGAIN,
    ),
    "a layer that is no object": (
        lambda layers, _: layers.insert(1, None),
        "model_config/layers/1: it must be an object with class_name and config, not None",
        SAVE_AGAIN,
    ),
    "a dynamic shape": (
        lambda layers, _: layers[0]["config"].update(batch_input_shape=[None, None, None, 2]),
        "model_config/layers/0 (InputLayer 'image'): input 'image' has no fixed shape: (?, ?, 2)",
        f"give it one: --input-shape image=100,100,2\nhint: {FIXED_SHAPE}",
    ),
    "no shape": (
        lambda layers, _: layers[0]["config"].pop("batch_input_shape"),
        "model_config/layers/0 (InputLayer 'image'): input 'image' must have a shape, not None",
        FIXED_SHAPE,
    ),
    "an empty shape": (
        lambda layers, _: layers[0]["config"].update(batch_input_shape=[None, 0, 6, 2]),
        "model_config/layers/0 (InputLayer 'image'): input 'image' cannot have the shape [0, 6, 2]",
        FIXED_SHAPE,
    ),
    "a shape of terabytes": (
        lambda layers, _: layers[0]["config"].update(batch_input_shape=[None, 10**6, 10**6, 2]),
        "model_config/layers/0 (InputLayer 'image'): "
        "1000000x1000000x2 has 2,000,000,000,000 elements; the limit is 2^31 - 1",
        "rebuild the model for smaller inputs",
    ),
    "too many filters": (
        lambda layers, _: layers[1]["config"].update(filters=10**12),
        f"{CONV}: filters must be in 1 to 2147483647, not 1000000000000",
        SAVE_AGAIN,
    ),
    "more filters than there are weights": (
        lambda layers, _: layers[1]["config"].update(filters=10**9),
        "model_weights/conv/conv/kernel:0: the kernel has the shape 3x3x2x3; "
        "the configuration asks for 3x3x2x1000000000",
        OTHER_WEIGHTS,
    ),
    "an enormous number": (
        lambda layers, _: layers[1]["config"].update(filters=10**4000),
        f"{CONV}: filters must be in 1 to 2147483647, not 1{'0' * 56}...",
        SAVE_AGAIN,
    ),
    "a fraction": (
        lambda layers, _: layers[1]["config"].update(filters=2.5),
        f"{CONV}: filters must be a whole number, not 2.5",
        SAVE_AGAIN,
    ),
    "an unknown layer": (
        lambda layers, _: layers[3].update(class_name="ConvLSTM3D"),
        "model_config/layers/3 (ConvLSTM3D 'relu'): the layer 'ConvLSTM3D' is not supported",
        LISTED,
    ),
    "a custom layer": (
        lambda layers, _: layers[3].update(module="mine.layers", registered_name="mine>ReLU"),
        "model_config/layers/3 (ReLU 'relu'): the custom layer 'ReLU' is not supported",
        LISTED,
    ),
    "a Lambda layer": (
        lambda layers, _: layers[3].update(class_name="Lambda", config={"name": "f", "function": ["4wEAAAAA", None]}),
        "model_config/layers/3 (Lambda 'f'): a Lambda layer holds Python code, which mnc never runs",
        f"{AS_TFLITE}\nhint: or write its function among the layers, outputs = f(inputs) in place of "
        "Lambda(f)(inputs); docs/layers.md lists the operations that are read",
    ),
    "an operation of TensorFlow": (
        lambda layers, _: layers[3].update(
            class_name="TFOpLambda",
            config={"name": "dct", "function": "signal.dct"},
            inbound_nodes=[["norm", 0, 0, {}]],
        ),
        "model_config/layers/3 (TFOpLambda 'dct'): the operation 'signal.dct' is not supported",
        f"{AS_TFLITE}\nhint: or write it by operations that are read; docs/layers.md lists them",
    ),
    "an unknown attribute": (
        lambda layers, _: layers[1]["config"].update(lora_rank=4),
        f"{CONV}: the attribute 'lora_rank' = 4 is not supported",
        AS_TFLITE,
    ),
    "an unknown padding": (
        lambda layers, _: layers[1]["config"].update(padding="reflect"),
        f"{CONV}: padding = 'reflect' is not supported",
        f"mnc knows valid, same\nhint: {AS_TFLITE}",
    ),
    "a quantised policy": (
        lambda layers, _: layers[1]["config"].update(dtype={"class_name": "QuantizedDTypePolicy", "config": {}}),
        f"{CONV}: the dtype policy 'QuantizedDTypePolicy' is not supported",
        "save the float32 model; mnc quantises by itself (--quantize int8)",
    ),
    "renormalisation": (
        lambda layers, _: layers[2]["config"].update(renorm=True),
        f"{NORM}: renorm = True is not supported",
        f"mnc knows only False for it\nhint: {AS_TFLITE}",
    ),
    "training at inference": (
        lambda layers, _: layers[2].update(inbound_nodes=[[["conv", 0, 0, {"training": True}]]]),
        f"{NORM}: the layer is called with 'training' = True, which is not supported",
        TRAINING,
    ),
    "a circle": (
        lambda layers, _: layers[1].update(inbound_nodes=[[["relu", 0, 0, {}]]]),
        "model_config: these layers wait for each other in a circle: 'conv', 'norm', 'relu'",
        SAVE_AGAIN,
    ),
    "a layer that reads nobody": (
        lambda layers, _: layers[1].update(inbound_nodes=[[["nobody", 0, 0, {}]]]),
        "model_config: layer 'conv' reads 'nobody', which does not exist",
        SAVE_AGAIN,
    ),
    "a call that never was": (
        lambda layers, _: layers[2].update(inbound_nodes=[[["conv", 3, 0, {}]]]),
        "model_config: layer 'norm' reads call 3 of 'conv', which does not exist",
        SAVE_AGAIN,
    ),
    "an output that a layer does not have": (
        lambda layers, _: layers[2].update(inbound_nodes=[[["conv", 0, 1, {}]]]),
        f"{NORM}: 'conv' has 1 outputs, not 2",
        SAVE_AGAIN,
    ),
    "a layer without an input": (
        lambda layers, _: layers[1].update(inbound_nodes=[[]]),
        f"{CONV}: the layer is called without an input",
        SAVE_AGAIN,
    ),
    "an output of nobody": (
        lambda _, config: config.update(output_layers=[["nobody", 0, 0]]),
        "model_config: the output 'nobody' does not exist",
        SAVE_AGAIN,
    ),
    "an input of nobody": (
        lambda _, config: config.update(input_layers=[["conv", 0, 0]]),
        "model_config: the input 'conv' is not an InputLayer of the model",
        SAVE_AGAIN,
    ),
    "one name twice": (
        lambda layers, _: layers[2].update(name="conv"),
        f"{NORM}: two layers are called 'conv'",
        SAVE_AGAIN,
    ),
    "the wrong rank": (
        lambda layers, _: layers[0]["config"].update(batch_input_shape=[None, 6, 2]),
        f"{CONV}: the layer needs an input (height, width, channels), not one of 2 axes",
        f"its input 'image' is float32[6, 2]\nhint: {AS_TFLITE}",
    ),
    "a window larger than the image": (
        lambda layers, _: (
            layers[0]["config"].update(batch_input_shape=[None, 2, 2, 2]),
            layers[1]["config"].update(padding="valid"),
        ),
        f"{CONV}: a window of 3 does not fit into 2",
        "its input 'image' is float32[2, 2, 2]",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_bad_configurations(tmp_path: Path, name: str) -> None:
    edit, fault, way_out = EDITS[name]
    model = small_model()
    edit(model["config"]["layers"], model["config"])
    assert refusal(save_h5(tmp_path / "m.h5", model)) == f"error: m.h5: {fault}\nhint: {way_out}"


def test_all_refusals_at_once(tmp_path: Path) -> None:
    model = small_model()
    layers = model["config"]["layers"]
    layers[1]["config"].update(padding="reflect", groups=0)
    layers[3].update(class_name="Lambda")
    layers[5]["config"].update(activation="mine", spectral=True)
    first, second, third = (str(problem).splitlines() for problem in check(save_h5(tmp_path / "m.h5", model)))
    assert first[0] == f"error: m.h5: {CONV}: padding = 'reflect' is not supported"
    assert second[0].startswith("error: m.h5: model_config/layers/3 (Lambda 'relu'): a Lambda layer")
    assert third[0] == "error: m.h5: model_config/layers/5 (Dense 'scores'): the activation 'mine' is not supported"
    assert third[1].startswith("hint: mnc knows celu, elu, exponential,")


def test_several_unknown_attributes_of_one_layer(tmp_path: Path) -> None:
    model = small_model()
    model["config"]["layers"][5]["config"].update(a=1, b="two")
    where = "error: m.h5: model_config/layers/5 (Dense 'scores'): the attribute"
    shown = [str(problem).splitlines()[0] for problem in check(save_h5(tmp_path / "m.h5", model))]
    assert shown == [f"{where} 'a' = 1 is not supported", f"{where} 'b' = 'two' is not supported"]


TEXTS = {
    '{"class_name": ': ("it is not valid JSON: Expecting value: line 1 column 16 (char 15)", SAVE_AGAIN),
    "[" * 10**5: ("the JSON is nested too deeply", SAVE_AGAIN),
    "[1]": ("it must be a JSON object that describes a model", SAVE_AGAIN),
    "{}": ("the key 'class_name' is missing", SAVE_AGAIN),
    '{"class_name": "Mine", "config": {}}': (
        "the model is a 'Mine', not a Sequential or functional model",
        f"{AS_TFLITE}\nhint: or build its functional model, keras.Model(x, model.call(x)) with x = keras.Input(...), "
        "and save that",
    ),
    '{"class_name": "Sequential", "config": {"layers": []}}': ("the model has no layers", SAVE_AGAIN),
}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: str(text)[:20])
def test_bad_texts(tmp_path: Path, text: str) -> None:
    fault, way_out = TEXTS[text]
    assert refusal(save_h5(tmp_path / "m.h5", text)) == f"error: m.h5: model_config: {fault}\nhint: {way_out}"


def test_a_sequential_model_that_was_never_built(tmp_path: Path) -> None:
    model = sequential(("Dense", {"name": "d", "units": 3}))
    assert refusal(save_h5(tmp_path / "m.h5", model, {})) == (
        "error: m.h5: model_config/layers/0 (Dense 'd'): the shape of input 'd_input' is unknown\n"
        f"hint: give it one: --input-shape d_input=96,96,3\nhint: {FIXED_SHAPE}"
    )


def doubled(model: dict[str, Any]) -> dict[str, Any]:
    """A model that calls another one twice in a row."""
    given = {"class_name": "InputLayer", "name": "i", "config": {"name": "i", "batch_input_shape": [None, 2]}}
    calls = [[["i", 0, 0, {}]], [["inner", 1, 0, {}]]]
    layers = [given, {**model, "name": "inner", "inbound_nodes": calls}]
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["inner", 2, 0]]}
    return {"class_name": "Functional", "config": {"name": "twice", "layers": layers, **ends}}


def test_models_in_models_do_not_explode(tmp_path: Path) -> None:
    model = sequential(("InputLayer", {"name": "i", "batch_input_shape": [None, 2]}), ("ReLU", {"name": "r"}))
    for _ in range(10):
        model = doubled(model)
    assert len(load(save_h5(tmp_path / "m.h5", model, {})).nodes) == 2**10
    for _ in range(6):
        model = doubled(model)
    error, hint = refusal(save_h5(tmp_path / "m.h5", model, {})).splitlines()
    assert error.endswith("(ReLU 'r'): the network has more than 16384 layers")
    assert hint == "hint: call nested models less often"
    path = save_h5(tmp_path / "m.h5", doubled(model), {})
    assert "models are nested more than 16 deep" in refusal(path)


def timed(steps: int, inner: dict[str, Any]) -> dict[str, Any]:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, steps, 8, 8, 1]})
    return sequential(given, ("TimeDistributed", {"name": "t", "layer": inner}))


def test_time_distributed_over_too_many_steps(tmp_path: Path) -> None:
    conv = {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": [3, 3]}}
    weights = {"t": [("t/kernel:0", numbers(3, 3, 1, 2)), ("t/bias:0", numbers(2))]}
    assert load(save_h5(tmp_path / "m.h5", timed(3, conv), weights))
    assert refusal(save_h5(tmp_path / "m.h5", timed(65, conv), weights)) == (
        "error: m.h5: model_config/layers/1 (TimeDistributed 't'): "
        "the wrapped layer would be called 65 times; the limit is 64\n"
        "hint: build the model for inputs of 64 steps at most; its weights fit without a change"
    )


def test_time_distributed_over_what_is_not_supported(tmp_path: Path) -> None:
    inner = {"class_name": "Lambda", "config": {"name": "f"}}
    assert refusal(save_h5(tmp_path / "m.h5", timed(3, inner), {})).startswith(
        "error: m.h5: model_config/layers/1 (TimeDistributed 't')/layer (Lambda 'f'): a Lambda layer holds Python code"
    )


def test_stateful_layers_are_not_shared(tmp_path: Path) -> None:
    inner = {"class_name": "SimpleRNN", "config": {"name": "r", "units": 2, "stateful": True}}
    given = ("InputLayer", {"name": "i", "batch_input_shape": [1, 3, 4, 2]})
    weights = {"t": [("t/kernel:0", numbers(2, 2)), ("t/recurrent_kernel:0", numbers(2, 2)), ("t/bias:0", numbers(2))]}
    model = sequential(given, ("TimeDistributed", {"name": "t", "layer": inner}))
    assert refusal(save_h5(tmp_path / "m.h5", model, weights)) == (
        "error: m.h5: model_config/layers/1 (TimeDistributed 't')/layer (SimpleRNN 'r'): "
        "the layer is stateful and called more than once; the calls would share one state\n"
        "hint: call it once, with the sequences one behind the other, Concatenate(axis=1), and take its steps apart"
    )


def test_inputs_that_the_model_does_not_list(tmp_path: Path) -> None:
    model = small_model()
    other = {"class_name": "InputLayer", "name": "o", "config": {"name": "o", "batch_input_shape": [None, 3]}}
    model["config"]["layers"].insert(1, {**other, "inbound_nodes": []})
    assert refusal(save_h5(tmp_path / "m.h5", model)) == (
        "error: m.h5: model_config/layers/1 (InputLayer 'o'): the InputLayer is not among input_layers\n"
        f"hint: {SAVE_AGAIN}"
    )


def test_a_nested_model_may_leave_its_input_open(tmp_path: Path) -> None:
    inner = small_model()
    inner["config"]["layers"][0]["config"]["batch_input_shape"] = [None, None, None, 2]
    outer = sequential(("InputLayer", {"name": "i", "batch_input_shape": [None, 6, 6, 2]}))
    outer["config"]["layers"].append(inner)
    conv, norm, scores = (SMALL_WEIGHTS[name] for name in ("conv", "norm", "scores"))
    weights = {"small": [*conv, *norm[:2], *scores, *norm[2:]]}
    assert load(save_h5(tmp_path / "m.h5", outer, weights))
    outer["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 6, 6, 3]
    assert refusal(save_h5(tmp_path / "m.h5", outer, weights)) == (
        "error: m.h5: model_config/layers/1 (Functional 'small')/layers/0 (InputLayer 'image'): "
        f"the model is for inputs (None, None, 2), not (6, 6, 3)\nhint: {SAVE_AGAIN}"
    )


def test_masks_that_somebody_reads(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 5]})
    table = ("Embedding", {"name": "e", "input_dim": 4, "output_dim": 3, "mask_zero": True})
    weights = {"e": [("e/embeddings:0", numbers(4, 3))], "r": []}
    model = sequential(given, table, ("Softmax", {"name": "r"}))
    assert refusal(save_h5(tmp_path / "m.h5", model, weights)) == (
        "error: m.h5: model_config/layers/2 (Softmax 'r'): "
        "the layer reads a mask of 5 steps, which Keras does not fit to an input of more axes\n"
        "hint: give the mask to the layer itself, as softmax(x, mask=mask)"
    )
    assert load(save_h5(tmp_path / "m.h5", sequential(given, table, ("Flatten", {"name": "f"})), weights))


def test_one_fault_of_many_layers_is_one_refusal(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 4]})
    unknown = [("MelSpectrogram", {"name": f"m{i}"}) for i in range(3)]
    model = sequential(given, *unknown, ("TFSMLayer", {"name": "t"}), ("Reshape", {"name": "r", "target_shape": [0]}))
    problems = check(save_h5(tmp_path / "m.h5", model, {}))
    message = [line for problem in problems for line in str(problem).splitlines()]
    assert message == [
        "error: m.h5: model_config/layers/1 (MelSpectrogram 'm0') and 2 more: "
        "the layer 'MelSpectrogram' prepares data, which is for the program round the network",
        "hint: compute it there: save keras.Model(the output of the 'MelSpectrogram' layer, model.outputs)",
        "error: m.h5: model_config/layers/4 (TFSMLayer 't'): "
        "the layer 'TFSMLayer' holds code of another framework, which mnc never runs",
        f"hint: {AS_TFLITE}",
        "error: m.h5: model_config/layers/5 (Reshape 'r'): target_shape = [0] cannot be a shape",
        f"hint: {SAVE_AGAIN}",
    ]


@pytest.mark.parametrize(
    "name", ["int", "9lives", "a b/c", "*/ #include <x>", "naïve 🙂", "\n\r\0\x1b[31m", "x" * 10_000]
)
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    model = small_model()
    layers = model["config"]["layers"]
    layers[3]["name"] = layers[3]["config"]["name"] = name
    layers[4]["inbound_nodes"] = [[[name, 0, 0, {}]]]
    graph = load(save_h5(tmp_path / "m.h5", model))
    assert graph.nodes[2].outputs == (name,)
    layers[3]["config"]["max_value"] = "high"
    error, _ = refusal(save_h5(tmp_path / "m.h5", model)).splitlines()
    assert len(error) < 250
    assert error.isprintable()
