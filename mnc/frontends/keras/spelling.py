"""One spelling for all versions: Keras 1's class and attribute names become the names of Keras 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution1DTranspose": "Conv1DTranspose",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "GroupedQueryAttention": "GroupQueryAttention",
    "Model": "Functional",
}
"""Other names of one class, of any version."""

_CONVOLUTION = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "bias": "use_bias",
}
_POOLING = {
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "pool_length": "pool_size",
    "stride": "strides",
}
_RECURRENT = {
    "output_dim": "units",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_KEYS: dict[str, dict[str, str]] = {
    "Dense": {"output_dim": "units", "bias": "use_bias"},
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "Conv2DTranspose": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "MaxPooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "AveragePooling1D": _POOLING,
    "AveragePooling2D": _POOLING,
    "GlobalAveragePooling2D": _POOLING,
    "GlobalMaxPooling2D": _POOLING,
    "ZeroPadding2D": _POOLING,
    "Cropping2D": _POOLING,
    "UpSampling2D": _POOLING,
    "UpSampling1D": {"length": "size"},
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "SimpleRNN": _RECURRENT,
    "GRU": _RECURRENT,
    "LSTM": _RECURRENT,
}
_VALUES = {"data_format": {"th": "channels_first", "tf": "channels_last", "default": "channels_last"}}
_TRAINING = frozenset(
    {
        "init",
        "inner_init",
        "forget_bias_init",
        "W_regularizer",
        "U_regularizer",
        "b_regularizer",
        "W_constraint",
        "U_constraint",
        "b_constraint",
        "p_constraint",
        "weights",
        "input_dim",
        "input_length",
        "consume_less",
    }
)
"""Keys of Keras 1 that matter only for training."""


TABLES = ("Embedding", "ReversibleEmbedding")
"""Layers of which `input_dim` says more than the input does."""


def respell(class_name: str, config: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """A layer's class and configuration in the names that Keras 2 and 3 share."""
    class_name = CLASSES.get(class_name, class_name)
    keys = _KEYS.get(class_name, {})
    new: dict[str, object] = {}
    for key, value in config.items():
        name = keys.get(key, key)
        if name != key and name in config:
            name = key  # the old name beside the new one is left for the reader to refuse
        new[name] = _VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value
    if "nb_row" in new and "nb_col" in new and "kernel_size" not in new:
        new["kernel_size"] = [new.pop("nb_row"), new.pop("nb_col")]
    if new.keys() & {"init", "inner_init"} or "W_constraint" in new or class_name not in TABLES:
        kept = {"input_dim"} if class_name in TABLES else set()
        new = {key: value for key, value in new.items() if key not in _TRAINING or key in kept}
    return class_name, new
