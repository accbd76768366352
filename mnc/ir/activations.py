"""Element-by-element functions: a layer of their own or fused into the one before.

Each is one frozen class; the docstring gives the function, `mnc.reference`
computes it, `bounds` encloses its values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

INFINITY = math.inf


@dataclass(frozen=True)
class Function:
    """Base of all activation functions."""

    def bounds(self) -> tuple[float, float]:
        """An interval that encloses every value the function can take."""
        return (-INFINITY, INFINITY)


@dataclass(frozen=True)
class Relu(Function):
    """min(x, max_value) where x >= threshold, else negative_slope * (x - threshold)."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def bounds(self) -> tuple[float, float]:
        bounded = self.negative_slope == 0.0 and self.threshold >= 0.0
        low = min(0.0, self.max_value or 0.0) if bounded else -INFINITY
        if self.negative_slope < 0.0:
            return (low, INFINITY)
        return (low, INFINITY if self.max_value is None else max(self.max_value, 0.0))

    @property
    def is_clamp(self) -> bool:
        """Whether it is just clamp(x, 0, max_value)."""
        return self.negative_slope == 0.0 and self.threshold == 0.0


@dataclass(frozen=True)
class Elu(Function):
    """x where x > 0, else alpha * (exp(x) - 1)."""

    alpha: float = 1.0

    def bounds(self) -> tuple[float, float]:
        return (min(-self.alpha, 0.0), INFINITY)


@dataclass(frozen=True)
class Selu(Function):
    """1.05070098 * elu(x, alpha=1.67326324) (arXiv 1706.02515)."""

    def bounds(self) -> tuple[float, float]:
        return (-1.7581, INFINITY)


@dataclass(frozen=True)
class Sigmoid(Function):
    """1 / (1 + exp(-x))."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, 1.0)


@dataclass(frozen=True)
class HardSigmoid(Function):
    """clamp(slope * x + 0.5, 0, 1): slope 0.2 in Keras 1 and 2, 1/6 in Keras 3."""

    slope: float = 1.0 / 6.0

    def bounds(self) -> tuple[float, float]:
        return (0.0, 1.0)


@dataclass(frozen=True)
class Tanh(Function):
    """The hyperbolic tangent."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Softplus(Function):
    """log(1 + exp(x))."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Softsign(Function):
    """x / (1 + |x|)."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Swish(Function):
    """x * sigmoid(x), also called SiLU."""

    def bounds(self) -> tuple[float, float]:
        return (-0.2785, INFINITY)


@dataclass(frozen=True)
class HardSwish(Function):
    """x * clamp(x / 6 + 0.5, 0, 1), also called hard SiLU."""

    def bounds(self) -> tuple[float, float]:
        return (-0.3751, INFINITY)


@dataclass(frozen=True)
class Gelu(Function):
    """x * Phi(x), Phi by erf, or where `approximate` by tanh (arXiv 1606.08415)."""

    approximate: bool = False

    def bounds(self) -> tuple[float, float]:
        return (-0.1701, INFINITY)


@dataclass(frozen=True)
class Exponential(Function):
    """exp(x)."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Mish(Function):
    """x * tanh(softplus(x)) (arXiv 1908.08681)."""

    def bounds(self) -> tuple[float, float]:
        return (-0.3089, INFINITY)


@dataclass(frozen=True)
class Celu(Function):
    """x where x > 0, else alpha * (exp(x / alpha) - 1) (arXiv 1704.07483)."""

    alpha: float = 1.0

    def bounds(self) -> tuple[float, float]:
        return (-abs(self.alpha), INFINITY)


@dataclass(frozen=True)
class Clip(Function):
    """min(max(x, low), high)."""

    low: float = -1.0
    high: float = 1.0

    def bounds(self) -> tuple[float, float]:
        return (min(self.low, self.high), self.high)


@dataclass(frozen=True)
class HardShrink(Function):
    """x where |x| > threshold, else 0."""

    threshold: float = 0.5


@dataclass(frozen=True)
class SoftShrink(Function):
    """x - threshold where x > threshold, x + threshold where x < -threshold, else 0."""

    threshold: float = 0.5


@dataclass(frozen=True)
class TanhShrink(Function):
    """x - tanh(x)."""


@dataclass(frozen=True)
class Threshold(Function):
    """x where x > threshold, else value."""

    threshold: float = 0.0
    value: float = 0.0

    def bounds(self) -> tuple[float, float]:
        return (min(self.threshold, self.value), INFINITY)


@dataclass(frozen=True)
class Squareplus(Function):
    """(x + sqrt(x^2 + b)) / 2 (arXiv 2112.11687)."""

    b: float = 4.0

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class SparsePlus(Function):
    """x where x >= 1, 0 where x <= -1, else (x + 1)^2 / 4."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class LogSigmoid(Function):
    """log(1 / (1 + exp(-x)))."""

    def bounds(self) -> tuple[float, float]:
        return (-INFINITY, 0.0)


@dataclass(frozen=True)
class Abs(Function):
    """|x|."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Sign(Function):
    """1 where x > 0, -1 where x < 0, 0 where x is 0."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Square(Function):
    """x * x."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Sqrt(Function):
    """The square root of x; not a number where x < 0."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Rsqrt(Function):
    """1 / sqrt(x); not a number where x < 0."""

    def bounds(self) -> tuple[float, float]:
        return (0.0, INFINITY)


@dataclass(frozen=True)
class Power(Function):
    """x ^ exponent, as C's pow: not a number where x < 0 and the exponent is no whole number."""

    exponent: float = 2.0


@dataclass(frozen=True)
class Log(Function):
    """The natural logarithm of x; not a number where x < 0."""


@dataclass(frozen=True)
class Log1p(Function):
    """log(1 + x), exact near 0."""


@dataclass(frozen=True)
class Sin(Function):
    """The sine of x, in radians."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Cos(Function):
    """The cosine of x, in radians."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Erf(Function):
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

    def bounds(self) -> tuple[float, float]:
        return (-1.0, 1.0)


@dataclass(frozen=True)
class Floor(Function):
    """The largest whole number that is not above x."""


@dataclass(frozen=True)
class Ceil(Function):
    """The smallest whole number that is not below x."""


@dataclass(frozen=True)
class Round(Function):
    """The nearest whole number to x, the even one of two (IEEE 754)."""
