"""Layers that do nothing at inference."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.layers_activation import elementwise
from mnc.frontends.keras.registry import converts

RANDOM_AUGMENTATION = (
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "AugMix",
    "CutMix",
    "Equalization",
    "MixUp",
    "RandAugment",
    "Solarization",
)


@converts(
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "AlphaDropout",
    to=(),
    over_time=True,
    masks="passes",
)
def dropout(config: Config) -> Build:
    """The dropout family."""
    config.ignore("rate", "noise_shape", "data_format", "rng_type")
    return _nothing()


@converts("Identity", to=(), over_time=True, masks="passes since 3")
def identity(_config: Config) -> Build:
    """The input."""
    return _nothing()


@converts("GaussianNoise", to=(), over_time=True, masks="passes")
def gaussian_noise(config: Config) -> Build:
    """Noise in training."""
    config.ignore("stddev")
    return _nothing()


@converts("ActivityRegularization", to=(), over_time=True, masks="passes")
def activity_regularization(config: Config) -> Build:
    """A term of the training loss."""
    config.ignore("l1", "l2")
    return _nothing()


@converts(*RANDOM_AUGMENTATION, to=())
def random_augmentation(config: Config) -> Build:
    """Random changes to images in training."""
    config.ignore_all()
    return _nothing()


@converts("MaxNumBoundingBoxes", to=())
def max_num_bounding_boxes(config: Config) -> Build:
    """Fewer boxes round objects; images stay as they are."""
    config.ignore_all()
    return _nothing()


def _nothing() -> Build:
    through = elementwise(None)

    def build(call: Call) -> Value | tuple[Value, ...]:
        call.weights.discard()  # the state of a random generator
        return through(call)

    return build
