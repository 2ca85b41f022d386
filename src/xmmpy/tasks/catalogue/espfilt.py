"""espfilt: cut out soft-proton flares by the histogram of the count rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.calibration.nominal import field_of_view
from xmmpy.flares.cut import NoCutFound
from xmmpy.flares.histogram import HistogramSettings, fit_histogram, histogram_cut
from xmmpy.flares.timeline import write_timeline
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.catalogue.evselect.source import EventSource
from xmmpy.tasks.gtifiles import check_gti_output, write_gti
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Integer, Real, RealList, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.ratecurves import read_curve
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.subtasks import SubCall, run_subtasks

if TYPE_CHECKING:
    from xmmpy.flares import FlareCut, RateCurve
    from xmmpy.flares.histogram import HistogramFit

_SIZE = 780  # pixels of the images in DETX,DETY, and
_RANGE = (-19499.0, 19500.0)  # what they cover (0.05 arcsec), as ESAS has them
_PREFIX = {"EMOS1": "mos1", "EMOS2": "mos2", "EPN": "pn"}


class EspfiltParameters(TaskParameters):
    """Cut out soft-proton flares by the histogram of the count rate."""

    eventfile: Dataset = parameter(help="calibrated event list", writes=False)
    withoot: Switch = parameter(False, help="filter the list of pn's out-of-time events, too")
    ootfile: Text = parameter("default", help="list of out-of-time events", parent="withoot")
    method: Text = parameter("histogram", choices=("histogram", "ratio"), help="how the limits are found")
    withsmoothing: Switch = parameter(True, help="smooth the curve before its histogram is made")
    smooth: Integer = parameter(51, unit="s", minimum=1, help="length of the smoothing window", parent="withsmoothing")
    withbinning: Switch = parameter(True, help="choose time in wider bins")
    binsize: Integer = parameter(60, unit="s", minimum=1, help="width of these bins", parent="withbinning")
    ratio: Real = parameter(1.2, help="not used: it belongs to method=ratio")
    withlongnames: Switch = parameter(False, help="accepted; names are the short ones")
    elow: Integer = parameter(2500, unit="eV", minimum=0, help="lower limit of the band of the curve")
    ehigh: Integer = parameter(8500, unit="eV", minimum=0, help="its upper limit")
    rangescale: Real = parameter(6.0, above=0.0, help="steps of the histogram beside its peak that are fitted")
    allowsigma: Real = parameter(2.5, above=0.0, help="standard deviations about the centre that are kept")
    limits: RealList = parameter((0.1, 6.5), unit="count/s", help="rates between which the peak is looked for")
    keepinterfiles: Switch = parameter(False, help="keep the text from which the good times are made")


@dataclass(frozen=True, slots=True)
class _Camera:
    """Selections of a camera."""

    prefix: str
    patterns: str
    quiet: str
    all_sky: str
    outside: str

    @classmethod
    def of(cls, instrument: str, exposure: str) -> _Camera:
        """For INSTRUME and EXPIDSTR of a list; the selections are those in the headers of real products."""
        x, y, radius = field_of_view(instrument).circle
        figures = [f"CIRCLE({x:g},{y:g},{radius:g},DETX,DETY)"]
        figures += [f"BOX({a:g},{b:g},{w:g},{h:g},0,DETX,DETY)" for a, b, w, h in field_of_view(instrument).boxes]
        outside = f"!({'||'.join(figures)})"
        prefix = f"{_PREFIX[instrument]}{exposure}"
        if instrument == "EPN":
            return cls(prefix, "(PATTERN<=4)", "((FLAG & 0xfb0000)==0)", "((FLAG & 0xfb0000)==0)", outside)
        return cls(prefix, "(PATTERN<=12)", "(#XMMEA_EM)", "((FLAG & 0x766aa000)==0)", outside)


def run(p: EspfiltParameters, session: Session) -> Outcome:
    """Make curves, find the limits, write good times and filtered lists."""
    if p.method == "ratio":
        text = "method=ratio (field of view over corners) is not available here"
        raise TaskError("badMethod", f"{text}; take method=histogram, or a limit with evselect and tabgtigen")
    if len(p.limits) != 2 or not 0.0 <= p.limits[0] < p.limits[1] or not p.elow < p.ehigh:
        raise TaskError("parsing", "limits='low high' and elow, ehigh each need a lower and a higher value")
    if p.withoot and not Path(p.ootfile).is_file():
        raise TaskError("file", f"there is no list of out-of-time events '{p.ootfile}'; name it in ootfile")
    with EventSource(p.eventfile) as source:
        instrument = str(source.keyword("INSTRUME", "")).strip()
        exposure = str(source.keyword("EXPIDSTR", "")).strip()
    if instrument not in _PREFIX or not exposure:
        raise FileProblem(p.eventfile, "does not name an EPIC camera and exposure", "give a list of MOS1, MOS2 or pn")
    camera = _Camera.of(instrument, exposure)
    gti = f"{camera.prefix}-gti.fits"
    check_gti_output(gti, session)
    curve = _curves(p, camera, session)
    fit, cut = _limits(p, curve)
    write_gti(gti, cut.intervals, session, p)
    drawing = f"{camera.prefix}-hist.qdp"
    _write_text(drawing, histogram_text(fit, cut, curve))
    if p.keepinterfiles:
        _write_text(f"{camera.prefix}-gti.txt", write_timeline(cut.intervals))
    filtered = run_subtasks(_filtered(p, camera, gti), session)
    session.say(f"{camera.prefix}: {cut.describe()}")
    lists = tuple(path for one in filtered for path in one.outputs)
    curves = tuple(Path(f"{camera.prefix}-{kind}lc.fits") for kind in ("fov", "cor"))
    return Outcome(
        outputs=(Path(gti), Path(drawing), *curves, *lists),
        rows_in=filtered[0].rows_in,
        rows_out=filtered[0].rows_out,
        facts={"centre": fit.centre, "sigma": fit.sigma, "limit": cut.limit, "ontime": cut.kept},
    )


def _curves(p: EspfiltParameters, camera: _Camera, session: Session) -> RateCurve:
    """Make the curves of the field of view and of the corners; gives the first."""
    band = f"{camera.patterns}&&(PI in [{p.elow}:{p.ehigh}])"
    selections = {"fov": camera.quiet, "cor": f"{camera.all_sky}&&{camera.outside}"}
    names = {kind: f"{camera.prefix}-{kind}lc.fits" for kind in selections}
    run_subtasks([_curve(p, names[kind], f"{band}&&{chosen}") for kind, chosen in selections.items()], session)
    return read_curve(Path(names["fov"]))


def _limits(p: EspfiltParameters, curve: RateCurve) -> tuple[HistogramFit, FlareCut]:
    smooth, width = float(p.smooth if p.withsmoothing else 1), float(p.binsize if p.withbinning else 1)
    settings = HistogramSettings(smooth, width, p.rangescale, p.allowsigma, p.limits[0], p.limits[1])
    try:
        return fit_histogram(curve, settings), histogram_cut(curve, settings)
    except (NoCutFound, ValueError) as problem:
        text = f"no good time can be found in '{p.eventfile}': {problem}"
        raise TaskError("gaussian", f"{text}; change elow, ehigh, limits or rangescale") from None


def _curve(p: EspfiltParameters, output: str, expression: str) -> SubCall:
    values = {
        "table": p.eventfile, "withrateset": True, "rateset": output, "maketimecolumn": True, "makeratecolumn": True,
        "timecolumn": "TIME", "timebinsize": 1.0, "expression": expression,
    }  # fmt: skip
    return SubCall("evselect", values)


def _filtered(p: EspfiltParameters, camera: _Camera, gti: str) -> list[SubCall]:
    """Calls that make the list of the good time, that of its corners, and that of the out-of-time events."""
    good = f"{camera.patterns}&&GTI({gti},TIME)&&{camera.all_sky}"
    calls = [
        _list(p.eventfile, f"{camera.prefix}-all", good),
        _list(p.eventfile, f"{camera.prefix}-cor", f"{good}&&{camera.outside}"),
    ]
    if p.withoot:
        calls.append(_list(p.ootfile, f"{camera.prefix}-all", good, "oot"))
    return calls


def _list(table: str, stem: str, expression: str, suffix: str = "") -> SubCall:
    low, high = _RANGE
    values: dict[str, Any] = {
        "table": table, "withfilteredset": True, "filteredset": f"{stem}evc{suffix}.fits", "keepfilteroutput": True,
        "destruct": True, "expression": expression, "withimageset": True, "imageset": f"{stem}imc{suffix}.fits",
        "xcolumn": "DETX", "ycolumn": "DETY", "imagebinning": "imageSize", "ximagesize": _SIZE, "yimagesize": _SIZE,
        "withxranges": True, "ximagemin": low, "ximagemax": high, "withyranges": True, "yimagemin": low,
        "yimagemax": high,
    }  # fmt: skip
    return SubCall("evselect", values)


def histogram_text(fit: HistogramFit, cut: FlareCut, curve: RateCurve) -> str:
    """The histogram, its Gaussian and the curve as commands and points of QDP."""
    import numpy as np

    gaussian = fit.norm * np.exp(-0.5 * ((fit.rate - fit.centre) / fit.sigma) ** 2)
    lines = [
        "skip sing", "line step 2", "lab x Count Rate (counts/s)", "lab y N",
        f'la 1 "Fit Norm: {fit.norm:.3f}  Fit Width: {fit.sigma:.4f}  Fit Center: {fit.centre:.4f}"',
        f'la 2 "Fitted: {fit.window[0]:.4f} to {fit.window[1]:.4f}  Kept: {cut.lower or 0.0:.4f} to {cut.limit:.4f}"',
        "! rate, bins with it, Gaussian",
    ]  # fmt: skip
    lines += [f"{r:12.5f} {n:10.1f} {g:10.3f}" for r, n, g in zip(fit.rate, fit.number, gaussian, strict=True)]
    lines += ["no no no", "! time since the first bin (s), rate (counts/s)"]
    seen = curve.observed
    lines += [f"{t:12.3f} {r:10.4f} 0" for t, r in zip(curve.time[seen] - curve.time[0], curve.rate[seen], strict=True)]
    return "\n".join([*lines, ""])


def _write_text(name: str, text: str) -> None:
    with atomic_path(name) as part:
        Path(os.fspath(part)).write_text(text, encoding="utf-8")


TASK = Task(name="espfilt", parameters=EspfiltParameters, run=run)
