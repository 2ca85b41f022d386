"""Detection likelihoods: minus the logarithm of the probability that background alone does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_TERMS = 64


def poisson_likelihood(counts: npt.NDArray[Any], background: FloatArray) -> FloatArray:
    """-ln of the Poisson probability of that many counts or more; 0 for no counts.

    The regularised lower incomplete gamma function P(N, B), through the series of the tail where it underflows.

    Parameters
    ----------
    counts, background : ndarray
        Counts N and expected background B, of one shape.
    """
    from scipy.special import gammainc, gammaln

    n, mean = np.asarray(counts, np.float64), np.maximum(np.asarray(background, np.float64), 1e-12)
    result = np.zeros(np.broadcast(n, mean).shape)
    some = n > 0
    n, mean = np.broadcast_to(n, result.shape)[some], np.broadcast_to(mean, result.shape)[some]
    tail = gammainc(n, mean)
    likelihood = np.zeros(n.shape)
    plain = tail > 1e-280
    likelihood[plain] = -np.log(tail[plain])
    if not plain.all():
        many, few = n[~plain], mean[~plain]
        # P(N, B) = e^-B B^N / N! (1 + B/(N+1) + B^2/((N+1)(N+2)) + ...); N is far above B here.
        term, series = np.ones(many.shape), np.ones(many.shape)
        for k in range(1, _TERMS):
            term = term * few / (many + k)
            series += term
        likelihood[~plain] = few - many * np.log(few) + gammaln(many + 1.0) - np.log(series)
    result[some] = likelihood
    return result


def combined_likelihood(total: npt.ArrayLike, number: npt.ArrayLike) -> FloatArray:
    """Likelihood of the sum of the likelihoods of some bands: -ln Q(n, L), for whole n.

    Source: SAS task pages, eboxdetect and ssclib: L = -ln(1 - P(n, sum of L_i)). For whole n the upper incomplete gamma
    function is e^-L (1 + L + L^2/2! + ... + L^(n-1)/(n-1)!).

    Parameters
    ----------
    total : array-like
        Sum of the likelihoods.
    number : array-like of int
        How many there are; 0 gives 0.
    """
    likelihood, bands = np.broadcast_arrays(np.asarray(total, np.float64), np.asarray(number))
    term, series = np.ones(likelihood.shape), np.where(bands > 0, 1.0, 0.0)
    for k in range(1, int(bands.max(initial=0))):
        term = term * likelihood / k
        series = series + np.where(k < bands, term, 0.0)
    result: FloatArray = np.where(bands > 0, likelihood - np.log(np.maximum(series, 1.0)), 0.0)
    return np.maximum(result, 0.0)


def equivalent_likelihood(improvement: npt.ArrayLike, freedom: npt.ArrayLike) -> FloatArray:
    """DET_ML: -ln Q(nu / 2, L) for nu degrees of freedom and L = half of the change of the Cash statistic.

    Source: SAS task page emldetect (DET_ML normalised to two degrees of freedom, for which it is L itself).

    Parameters
    ----------
    improvement : array-like
        L, half of C_null - C_best; negative counts as 0.
    freedom : array-like
        nu.
    """
    from scipy.special import gammaincc, gammaln

    value, nu = np.broadcast_arrays(
        np.maximum(np.asarray(improvement, np.float64), 0.0), np.asarray(freedom, np.float64)
    )
    a = nu / 2.0
    upper = gammaincc(a, value)
    plain = upper > 1e-280
    result = np.zeros(value.shape)
    result[plain] = -np.log(upper[plain])
    if not plain.all():
        order, far = a[~plain], value[~plain]
        # Q(a, x) = x^(a-1) e^-x / Gamma(a) (1 + (a-1)/x + (a-1)(a-2)/x^2 + ...)
        term, series = np.ones(far.shape), np.ones(far.shape)
        for k in range(1, 12):
            term = term * (order - k) / far
            series += term
        result[~plain] = far - (order - 1.0) * np.log(far) + gammaln(order) - np.log(series)
    return np.maximum(result, 0.0)
