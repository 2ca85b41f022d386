"""Numbers as a reader wants them."""

from __future__ import annotations

import math

MINUS, DASH, PRIME, SECOND, THIN_SPACE = "\u2212", "\u2013", "\u2032", "\u2033", "\u2009"


def thousands(value: float) -> str:
    """Write a count with thin spaces: ``1 234 567``."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: ``840 s``, ``9.47 ks``."""
    if not math.isfinite(seconds):
        return "unknown"
    return f"{seconds:.0f} s" if abs(seconds) < 1000 else f"{seconds / 1000:.4g} ks"


def percent(part: float, whole: float) -> str:
    """Write a share: ``93.2 %``; a dash where there is no whole."""
    if not whole > 0 or not math.isfinite(part):
        return DASH
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.1f} %" if 0 < share < 100 else f"{share:.0f} %"


def sexagesimal_ra(degrees: float, *, seconds: int = 1) -> str:
    """Write a right ascension: ``09h 58m 24.0s``."""
    total = round(degrees % 360 / 15 * 3600, seconds) % 86400
    hours, rest = divmod(total, 3600)
    minutes, rest = divmod(rest, 60)
    width = 3 + seconds if seconds else 2
    return f"{hours:02.0f}h {minutes:02.0f}m {rest:0{width}.{seconds}f}s"


def sexagesimal_dec(degrees: float, *, seconds: int = 0) -> str:
    """Write a declination: ``−11° 05′ 12″``."""
    total = round(abs(degrees) * 3600, seconds)
    whole, rest = divmod(total, 3600)
    minutes, rest = divmod(rest, 60)
    width = 3 + seconds if seconds else 2
    sign = MINUS if degrees < 0 and total > 0 else "+"
    return f"{sign}{whole:02.0f}° {minutes:02.0f}{PRIME} {rest:0{width}.{seconds}f}{SECOND}"


def short_ra(degrees: float) -> str:
    """Write a right ascension as briefly as it goes: ``9h58m``, ``9h58m30s``, ``10h``."""
    total = round(degrees % 360 / 15 * 3600) % 86400
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}h"
    if minutes or seconds:
        text += f"{minutes:02d}m"
    return text + (f"{seconds:02d}s" if seconds else "")


def short_dec(degrees: float) -> str:
    """Write a declination as briefly as it goes: ``−11°``, ``−11°05′``, ``+2°12′30″``."""
    total = round(abs(degrees) * 3600)
    whole, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    text = (MINUS if degrees < 0 and total else "+") + f"{whole}°"
    if minutes or seconds:
        text += f"{minutes:02d}{PRIME}"
    return text + (f"{seconds:02d}{SECOND}" if seconds else "")


def nice_step(span: float, pieces: int) -> float:
    """Step of 1, 2 or 5 times a power of ten that cuts `span` into about `pieces`."""
    if not (span > 0 and math.isfinite(span)):
        return 1.0
    rough = span / pieces
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if rough <= power * factor * (1 + 1e-9))


def plain(value: float) -> str:
    """Write a tick: no trailing zeros, no exponents where they can be avoided."""
    return f"{value:.6g}".replace("-", MINUS)
