"""Quantiles of the beta distribution and Student's t, without SciPy."""

import functools
import math


def beta_cdf(x: float, a: float, b: float) -> float:
    """The cumulative distribution function of Beta(a, b) at `x`.

    Example:
        >>> round(beta_cdf(0.5, 2.0, 2.0), 12), round(beta_cdf(0.2, 1.0, 1.0), 12)
        (0.5, 0.2)

    Source: the continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions.
    """
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # by symmetry; the fraction converges faster there
        return 1 - beta_cdf(1 - x, b, a)
    return _front(x, a, b) * _fraction(x, a, b) / a


def _front(x: float, a: float, b: float) -> float:
    """The density, times `x (1 - x)`."""
    log_ways = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_ways + a * math.log(x) + b * math.log1p(-x))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            change = c * d
            value *= change
        if abs(change - 1) < 1e-14:
            break
    return value


@functools.lru_cache(maxsize=4096)
def beta_quantile(p: float, a: float, b: float) -> float:
    """The `p`-quantile of Beta(a, b).

    Example:
        >>> round(beta_quantile(0.975, 1.0, 1000.0), 6)  # the upper end of 0 successes in 1,000
        0.003682
    """
    low, high, x = 0.0, 1.0, a / (a + b)
    # Newton's method, with a bisection step wherever it would leave the bracket.
    for _ in range(200):
        excess = beta_cdf(x, a, b) - p
        low, high = (x, high) if excess < 0 else (low, x)
        slope = _front(x, a, b) / (x * (1 - x))
        following = x - excess / slope if slope > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - x) <= 1e-12 * x:
            break
        x = following
    return x


def t_quantile(level: float, freedom: int) -> float:
    """The two-sided critical value of Student's t: `P(|T| <= x) = level`.

    Example:
        >>> round(t_quantile(0.95, 2), 4)
        4.3027
    """
    x = beta_quantile(1 - level, freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x)
