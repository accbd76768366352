"""Which Keras class is read by which converter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mnc.errors import CompileError, refuse
from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config, Findings, is_of_keras
from mnc.frontends.keras.operations import KERAS_2_CLASSES, OPERATIONS, build_operation
from mnc.frontends.keras.spelling import respell
from mnc.frontends.keras.ways_out import AS_TFLITE, SAVE_AGAIN
from mnc.frontends.keras.weights import Count
from mnc.ir.layer import Layer
from mnc.names import brief

Converter = Callable[[Config], Build]
"""Reads a whole configuration, refuses what it cannot honour, and returns how to build one call."""


MaskRule = Literal["ends", "passes", "passes since 3", "own"]
"""It ends there; the result has it, too; or the layer gives its result one of its own, or none."""


@dataclass(frozen=True)
class KerasClass:
    """One class of Keras."""

    convert: Converter
    to: tuple[type[Layer], ...]
    """The layer kinds that it becomes; besides there may be layers that rearrange, and those of its activation."""
    over_time: bool
    """Whether TimeDistributed can apply it: what it builds also takes one more axis in front."""
    arguments: frozenset[str] = frozenset()
    """Names of the arguments that a call may have besides its inputs."""
    masks: MaskRule = "ends"
    """The fate of its input's mask."""


CLASSES: dict[str, KerasClass] = {}

REPLACE = "or put layers in its place that do the same, and give them its weights; `mnc layers` lists them"


def converts(
    *class_names: str,
    to: tuple[type[Layer], ...],
    over_time: bool = False,
    arguments: Iterable[str] = (),
    masks: MaskRule = "ends",
) -> Callable[[Converter], Converter]:
    """Register a converter for Keras classes; the arguments are `KerasClass`'s."""

    def register(converter: Converter) -> Converter:
        for name in class_names:
            assert name not in CLASSES, name
            CLASSES[name] = KerasClass(converter, to, over_time, frozenset(arguments), masks)
        return converter

    return register


def convert(where: str, entry: Mapping[str, object], findings: Findings) -> tuple[Build, Count, frozenset[str] | None]:
    """How to build a layer that is serialised as class_name, config, module and registered_name; its weights.

    Besides, the names of the arguments that a call may have (None: the build reads them all itself).
    CompileError where the class or any of its attributes is not supported.
    """
    if is_operation(entry):
        return build_operation(where, entry, findings), Count(), None
    class_name, config = understood(where, entry, findings)
    known = CLASSES[class_name]
    build = known.convert(config)
    config.refuse_leftovers()
    if known.masks == "passes" or (known.masks == "passes since 3" and config.keras >= 3):
        return _masked(build), config.weights, known.arguments | {"mask"}
    return build, config.weights, known.arguments


def _masked(build: Build) -> Build:
    """Outputs have the mask of the input."""

    def masked(call: Call) -> Value | tuple[Value, ...]:
        mask = call.stated_mask(call.inputs[0])
        result = build(call)
        if isinstance(result, tuple):
            return tuple(replace(each, mask=mask) for each in result)
        return replace(result, mask=mask)

    return masked


READ_BY_NAME = frozenset({"CustomScaleLayer", "LayerScale", "PruneLowMagnitude", "QuantizeAnnotate"})
"""Layers that are not of `keras.layers` and may say so."""

QUANTISED = frozenset({"QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2"})
"""Layers round those of the network, by `quantize_apply` of the TensorFlow Model Optimization Toolkit."""

CLUSTERED = frozenset({"ClusterWeights", "ClusterWeightsMHA"})
"""Layers round those of the network, by `cluster_weights` of that toolkit: weights follow from its centroids."""


GIVES_INTEGERS = frozenset({"CategoryEncoding", "Discretization"})
"""Layers whose results Keras 2 stores as integers, which float32 holds exactly."""

IN_FRONT = frozenset(
    {
        *("Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"),
        *("STFTSpectrogram", "MelSpectrogram"),
    }
)
"""Layers that prepare inputs and that an application computes itself."""

FOREIGN = frozenset({"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"})
"""Layers that hold code of another framework."""


def _unsupported(where: str, class_name: str, kind: str) -> CompileError:
    """The refusal of a layer of Keras that mnc does not know, with what its user can do."""
    shown = brief(class_name)
    if class_name in IN_FRONT:
        return refuse(
            where,
            f"the layer {shown} prepares data, which is for the program round the network",
            f"compute it there: save keras.Model(the output of the {shown} layer, model.outputs)",
        )
    if class_name in FOREIGN:
        what = f"the layer {shown} holds code of another framework, which mnc never runs"
        return refuse(where, what, AS_TFLITE)
    return refuse(where, f"the {kind} {shown} is not supported", AS_TFLITE, REPLACE)


def _trained_otherwise(where: str, entry: Mapping[str, object], class_name: str) -> CompileError | None:
    """The refusal of a layer that a toolkit has put in the place of Keras' own; one text for all of one toolkit."""
    if class_name in QUANTISED:
        return refuse(
            where,
            "the layer is of a model that quantize_apply has made to be trained in integers",
            "convert the model with tf.lite.TFLiteConverter.from_keras_model and optimizations = "
            "[tf.lite.Optimize.DEFAULT], and compile the .tflite, which has the ranges that were trained",
            "or save the model as it was before quantize_apply, and let mnc quantise it (--quantize int8)",
        )
    if class_name in CLUSTERED:
        return refuse(
            where,
            "the layer is of a model whose weights are being clustered",
            "save what tfmot.clustering.keras.strip_clustering(model) gives, the network with its clustered weights",
        )
    if _is_of_qkeras(entry, class_name):
        return refuse(
            where,
            "the layer is of QKeras, whose layers round weights and values to a few bits",
            "build the model with Keras' layers, Dense for QDense, relu for quantized_relu, Conv2D with bias for "
            "QConv2DBatchnorm; give them the weights that qkeras.utils.model_save_quantized_weights returns, and save "
            "it; let mnc quantise that (--quantize int8)",
        )
    return None


def _is_of_qkeras(entry: Mapping[str, object], class_name: str) -> bool:
    if str(entry.get("module")).split(".")[0] == "qkeras":
        return True
    plain = class_name[1:].removesuffix("Batchnorm")
    return class_name.startswith("Q") and plain in (*CLASSES, "Activation", "AdaptiveActivation")


def is_operation(entry: Mapping[str, object]) -> bool:
    """Whether what stands among the layers is an operation: of TensorFlow in Keras 2, of `keras.ops` in Keras 3.

    In `.h5` files of Keras 3 operations have their classes' names alone.  Some are layers'
    names, too; but layers state whether they are trainable, and take their inputs as one list.
    """
    class_name, module, config = entry.get("class_name"), entry.get("module"), entry.get("config")
    if class_name in KERAS_2_CLASSES:
        return True
    if module is not None or not isinstance(config, Mapping) or "trainable" in config:
        return isinstance(module, str) and module.startswith("keras.") and ".ops." in module
    calls = entry.get("inbound_nodes")
    first = calls[0] if isinstance(calls, list) and calls else None
    arguments = first.get("args") if isinstance(first, Mapping) else None
    is_list = isinstance(arguments, list) and len(arguments) == 1 and isinstance(arguments[0], list)
    return class_name in OPERATIONS and isinstance(arguments, list) and not (class_name in CLASSES and is_list)


def understood(where: str, entry: Mapping[str, object], findings: Findings) -> tuple[str, Config]:
    """A serialised layer's class, which is one of CLASSES, and its configuration."""
    stated, raw = entry.get("class_name"), entry.get("config")
    if not isinstance(stated, str) or not isinstance(raw, Mapping):
        raise refuse(where, "it must be a layer with class_name and config", SAVE_AGAIN)
    class_name, raw = respell(stated, raw)
    if class_name == "Lambda":
        raise refuse(
            where,
            "a Lambda layer holds Python code, which mnc never runs",
            AS_TFLITE,
            "or write its function among the layers, outputs = f(inputs) in place of Lambda(f)(inputs); "
            "docs/layers.md lists the operations that are read",
        )
    if (refusal := _trained_otherwise(where, entry, stated)) is not None:
        raise refusal
    if not (is_of_keras(entry) or class_name in READ_BY_NAME):
        raise refuse(where, f"the custom layer {brief(stated)} is not supported", AS_TFLITE, REPLACE)
    if class_name not in CLASSES:
        # `.h5` files of Keras 3 do not tell an operation from a layer that does not state whether it is trainable
        calls = entry.get("inbound_nodes")
        of_keras_3 = isinstance(calls, list) and bool(calls) and isinstance(calls[0], Mapping)
        is_either = of_keras_3 and entry.get("module") is None and "trainable" not in raw
        raise _unsupported(where, stated, "layer or operation" if is_either else "layer")
    config = Config(raw, where, findings)
    if class_name in GIVES_INTEGERS and raw.get("dtype") in ("int32", "int64"):
        config.ignore("dtype")
    else:
        config.check_policy()
    return class_name, config
