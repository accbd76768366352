"""TensorFlow's functions, as Keras 2 saves them in functional models, under the names of `keras.ops`."""

from __future__ import annotations

from mnc.frontends.keras.operations import keras_2

XY = {"x": "x1", "y": "x2"}

keras_2("math.add __operators__.add", "Add", XY)
keras_2("math.subtract __operators__.sub", "Subtract", XY)
keras_2("math.multiply __operators__.mul", "Multiply", XY)
keras_2("math.divide math.truediv __operators__.truediv", "TrueDivide", XY)
keras_2("math.floordiv compat.v1.floor_div", "FloorDivide", XY)
keras_2("math.floormod math.mod", "Mod", XY)
keras_2("math.pow", "Power", XY)
keras_2("math.maximum", "Maximum", XY)
keras_2("math.minimum", "Minimum", XY)
keras_2("math.squared_difference", "SquaredDifference", XY)
keras_2("math.greater", "Greater", XY)
keras_2("math.greater_equal", "GreaterEqual", XY)
keras_2("math.less", "Less", XY)
keras_2("math.less_equal", "LessEqual", XY)
keras_2("math.equal", "Equal", XY)
keras_2("math.not_equal", "NotEqual", XY)
keras_2("math.logical_and", "LogicalAnd", XY)
keras_2("math.logical_or", "LogicalOr", XY)
keras_2("math.logical_not", "LogicalNot")
for _name in ("any", "all"):
    keras_2(f"math.reduce_{_name}", _name.capitalize(), {"input_tensor": "x"})
keras_2("math.count_nonzero", "CountNonzero", {"input": "x"})
keras_2("math.divide_no_nan", "DivideNoNan", XY)
keras_2("where", "Where", {"x": "x1", "y": "x2"})

for _functions, _name in (
    ("math.negative", "Negative"),
    ("math.abs", "Abs"),
    ("math.ceil", "Ceil"),
    ("math.cos", "Cos"),
    ("math.cosh", "Cosh"),
    ("math.erfc", "Erfc"),
    ("math.erf", "Erf"),
    ("math.exp", "Exp"),
    ("math.expm1", "Expm1"),
    ("math.floor", "Floor"),
    ("math.log", "Log"),
    ("math.log1p", "Log1p"),
    ("math.log_sigmoid", "LogSigmoid"),
    ("math.reciprocal", "Reciprocal"),
    ("math.round", "Round"),
    ("math.rsqrt", "Rsqrt"),
    ("math.sigmoid nn.sigmoid", "Sigmoid"),
    ("math.sign", "Sign"),
    ("math.sin", "Sin"),
    ("math.sinh", "Sinh"),
    ("math.tan", "Tan"),
    ("math.softplus nn.softplus", "Softplus"),
    ("math.softsign nn.softsign", "Softsign"),
    ("math.sqrt", "Sqrt"),
    ("math.square", "Square"),
    ("math.tanh nn.tanh", "Tanh"),
    ("nn.relu", "Relu"),
    ("nn.relu6", "Relu6"),
    ("nn.elu", "Elu"),
    ("nn.selu", "Selu"),
    ("identity stop_gradient", "Identity"),
    ("cast", "Cast"),
):
    keras_2(_functions, _name)
keras_2("nn.silu nn.swish", "Silu", {"features": "x"})
keras_2("nn.gelu", "Gelu", {"features": "x"}, approximate=False)
keras_2("nn.leaky_relu", "LeakyRelu", {"alpha": "negative_slope"})
keras_2("nn.softmax", "Softmax")
keras_2("nn.log_softmax math.log_softmax", "LogSoftmax")
keras_2("clip_by_value", "Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"})

keras_2("math.reduce_mean", "Mean")
keras_2("math.reduce_sum", "Sum")
keras_2("math.reduce_max", "Max")
keras_2("math.reduce_min", "Min")
keras_2("math.reduce_variance", "Var")
keras_2("math.reduce_std", "Std")
keras_2("math.reduce_logsumexp", "Logsumexp")
keras_2("norm compat.v1.norm", "Norm")
keras_2("math.l2_normalize nn.l2_normalize linalg.l2_normalize", "L2Normalize")

keras_2("__operators__.getitem", "GetItem", {"slice_spec": "key"})
keras_2("slice", "Slice", {"begin": "start_indices", "size": "shape"})
keras_2("concat", "Concatenate")
keras_2("stack", "Stack")
keras_2("unstack", "Unstack")
keras_2("split", "SplitSizes", {"num_or_size_splits": "sizes"})
keras_2("reshape", "Reshape", {"shape": "newshape"})
keras_2("expand_dims", "ExpandDims")
keras_2("squeeze compat.v1.squeeze", "Squeeze")
keras_2("transpose compat.v1.transpose", "Transpose", {"perm": "axes"})
keras_2("gather compat.v1.gather", "Take")
keras_2("reverse", "Flip")
keras_2("roll", "Roll")
keras_2("repeat", "Repeat")
keras_2("tile", "Tile", {"multiples": "repeats"})
keras_2("pad compat.v1.pad", "Pad", {"paddings": "pad_width"})
keras_2("nn.depth_to_space", "DepthToSpace")
keras_2("nn.space_to_depth", "SpaceToDepth")
keras_2("linalg.matmul matmul", "Matmul", {"a": "x1", "b": "x2"})
keras_2("einsum", "Einsum")
keras_2("tensordot", "Tensordot", {"a": "x1", "b": "x2"})
keras_2("math.reduce_euclidean_norm", "Norm", {"input_tensor": "x"})
keras_2("math.argmax", "Argmax", {"input": "x"})
keras_2("math.argmin", "Argmin", {"input": "x"})
keras_2("math.cumsum", "Cumsum")
keras_2("one_hot", "OneHot", {"indices": "x", "depth": "num_classes"})
keras_2("math.add_n", "AddN", {"inputs": "xs"})
keras_2("nn.bias_add", "BiasAdd", {"value": "x1", "bias": "x2"})
keras_2("zeros_like compat.v1.zeros_like", "ZerosLike", {"input": "x", "tensor": "x"})
keras_2("ones_like compat.v1.ones_like", "OnesLike", {"input": "x", "tensor": "x"})
keras_2("keras.backend.batch_flatten", "BatchFlatten")

IMAGE = {"image": "images", "input": "images"}
keras_2("image.resize", "Resize", {**IMAGE, "method": "interpolation"})
keras_2("image.flip_left_right", "Flip", {"image": "x"}, axis=2)
keras_2("image.flip_up_down", "Flip", {"image": "x"}, axis=1)
keras_2("image.central_crop", "CentralCrop", IMAGE)
CROPPING = {"offset_height": "top_cropping", "offset_width": "left_cropping"}
keras_2("image.crop_to_bounding_box", "CropImages", {**IMAGE, **CROPPING})
PADDING = {"offset_height": "top_padding", "offset_width": "left_padding"}
keras_2("image.pad_to_bounding_box", "PadImages", {**IMAGE, **PADDING})
keras_2("image.resize_with_crop_or_pad", "CropOrPad", IMAGE)
keras_2("image.rgb_to_grayscale", "RGBToGrayscale")
keras_2("image.grayscale_to_rgb", "GrayscaleToRGB")
keras_2("image.adjust_brightness", "AdjustBrightness", IMAGE)
keras_2("image.adjust_contrast", "AdjustContrast", IMAGE)
keras_2("image.per_image_standardization", "Standardize", IMAGE)

keras_2("image.rgb_to_hsv", "RGBToHSV", IMAGE)
keras_2("image.hsv_to_rgb", "HSVToRGB", IMAGE)
keras_2("image.adjust_hue", "AdjustHue", IMAGE)
keras_2("image.adjust_saturation", "AdjustSaturation", IMAGE)
keras_2("image.adjust_gamma", "AdjustGamma", IMAGE)
for _space in ("YUV", "YIQ"):
    keras_2(f"image.rgb_to_{_space.lower()}", f"RGBTo{_space}", IMAGE)
    keras_2(f"image.{_space.lower()}_to_rgb", f"{_space}ToRGB", IMAGE)

keras_2("math.reduce_prod", "Prod", {"input_tensor": "x"})
keras_2("math.cumprod", "Cumprod")
keras_2("math.top_k nn.top_k", "TopK", {"input": "x"})
keras_2("sort", "Sort", {"values": "x"})
keras_2("argsort", "Argsort", {"values": "x"})
keras_2("nn.moments", "Moments")
keras_2("nn.batch_normalization", "BatchNorm", {"variance_epsilon": "epsilon"}, axis=-1)
keras_2("nn.local_response_normalization", "LocalResponse", {"input": "x"})
keras_2("clip_by_norm", "ClipByNorm", {"t": "x"})
keras_2("broadcast_to", "BroadcastTo", {"input": "x"})
keras_2("nn.crelu compat.v1.nn.crelu", "Crelu", {"features": "x"})
keras_2("linalg.band_part", "BandPart", {"input": "x"})
keras_2("linalg.diag_part", "Diagonal", {"input": "x"}, axis1=-2, axis2=-1)
keras_2("linalg.trace", "Trace", axis1=-2, axis2=-1)
keras_2("image.rot90", "Rot90", {"image": "x"}, axes=[1, 2])
keras_2("image.transpose", "Transpose", {"image": "x"}, axes=[0, 2, 1, 3])
keras_2("image.resize_with_pad", "ResizeWithPad", IMAGE)
keras_2("image.extract_patches", "ExtractPatchesOfSizes", IMAGE)

POOLING = {"input": "images", "value": "images", "ksize": "pool_size"}
keras_2("nn.max_pool2d nn.max_pool nn.max_pool1d compat.v1.nn.max_pool", "MaxPool", POOLING)
keras_2("nn.avg_pool2d nn.avg_pool nn.avg_pool1d compat.v1.nn.avg_pool", "AveragePool", POOLING)
keras_2("nn.pool compat.v1.nn.pool", "Pool", {"input": "images", "window_shape": "pool_size"})
CONVOLUTION = {"input": "inputs", "filters": "kernel", "filter": "kernel", "stride": "strides"}
DILATED = {"dilations": "dilation_rate", "rate": "dilation_rate"}
for _version in ("", "compat.v1."):
    for _name in ("conv1d", "conv2d", "convolution"):
        keras_2(f"{_version}nn.{_name}", "Conv", CONVOLUTION | DILATED)
keras_2("nn.depthwise_conv2d compat.v1.nn.depthwise_conv2d", "DepthwiseConv", CONVOLUTION | DILATED)
keras_2(
    "nn.separable_conv2d compat.v1.nn.separable_conv2d",
    "SeparableConv",
    CONVOLUTION | DILATED | {"depthwise_filter": "depthwise_kernel", "pointwise_filter": "pointwise_kernel"},
)
