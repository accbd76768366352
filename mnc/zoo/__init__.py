"""The MobileNet family: architectures, and training them.

The architectures are texts of the network language (`mnc.zoo.networks`);
the classes build Keras models of them, with micromobilenet's usage.
"""

from mnc.zoo.mobilenet import (
    BaseMobileNet,
    Config,
    MicroMobileNet,
    MilliMobileNet,
    MobileNet,
    NanoMobileNet,
    PicoMobileNet,
)

__all__ = [
    "BaseMobileNet",
    "Config",
    "MicroMobileNet",
    "MilliMobileNet",
    "MobileNet",
    "NanoMobileNet",
    "PicoMobileNet",
]
