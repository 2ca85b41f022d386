"""Run a chain: all exposures of some cameras, one after the other; a failure of one never stops the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.events.flags import EMPROC_REJECTED
from xmmpy.events.mos import MosOptions
from xmmpy.events.pn import PnOptions
from xmmpy.odf.names import INSTRUMENT_NAMES
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.epic.ccds import CcdWork
from xmmpy.tasks.epic.exposures import (
    ExposureOutcome,
    nothing_to_do,
    process_exposure,
    write_bad_pixels,
    write_list,
)
from xmmpy.tasks.epic.names import attitude_name, bad_pixel_name, list_name
from xmmpy.tasks.epic.observation import Observation, exposures_of, housekeeping_times, open_observation
from xmmpy.tasks.epic.parameters import MosChainParameters, PnChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Cut, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.odf.inventory import Exposure
    from xmmpy.products.intervals import Intervals
    from xmmpy.tasks.epic.ccds import CcdResult
    from xmmpy.tasks.epic.parameters import ChainParameters
    from xmmpy.tasks.session import Session

_CODES = ("M1", "M2", "PN")


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What tells one chain from another.

    Attributes
    ----------
    instruments : tuple of str
        Codes of the cameras: ``M1``, ``M2``, ``PN``.
    canonical : bool
        Names as the pipeline of ESA gives them (emchain, epchain), else those of emproc and epproc.
    keep_more : bool
        MOS: keep events outside of the field of view and those with energies cut off, as emchain does.
    modes : tuple of str
        ``IMAGING``, ``TIMING``; all when empty.
    exposures : tuple of str
        Identifiers; all when empty.
    odf : str
        Folder, SUM.SAS or archive; that of SAS_ODF when empty.
    ccds : tuple of int
        Numbers; all when empty.
    """

    instruments: tuple[str, ...]
    canonical: bool = False
    keep_more: bool = False
    modes: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    odf: str = ""
    ccds: tuple[int, ...] = ()


def run_chain(p: ChainParameters, settings: ChainSettings, session: Session) -> Outcome:
    """Process an ODF.

    Raises
    ------
    TaskError
        When there is no ODF, no exposure, or no list could be made of exposures that have events.
    """
    outdir = Path(p.outdir)
    if not outdir.is_dir():
        raise TaskError("FileIo", f"there is no folder '{outdir}'; make it or set outdir to one that exists")
    fixed = (p.fixedra, p.fixeddec, p.fixedposangle) if p.withfixedattitude else None
    observation = open_observation(session, settings.instruments, outdir, fixed, settings.odf)
    wanted = (*settings.exposures, *(p.instexpids.replace(",", " ").split() if p.withinstexpids else ()))
    outcomes: list[ExposureOutcome] = []
    outputs: list[Path] = []
    for code in settings.instruments:
        mine = [item for item in wanted if item[:2].upper() == code or item[:2].upper() not in _CODES]
        if wanted and not mine:
            continue
        for exposure in exposures_of(observation, code, mine, settings.modes):
            used = exposure
            if settings.ccds:
                used = replace(exposure, ccds=tuple(one for one in exposure.ccds if one.name.ccd in settings.ccds))
            outcome, files = _one(p, settings, observation, used, outdir, session)
            if outcome is not None:
                outcomes.append(outcome)
                outputs += files
                _tell(outcome, session)
    made = [outcome for outcome in outcomes if outcome.status == "done"]
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if not outcomes:
        raise TaskError("NoExposures", f"{observation.inventory.folder.path} has no exposure of {_names(settings)}")
    if failed and not made:
        raise TaskError(
            "NoLists", f"no list could be made: {failed[0].instrument} {failed[0].exposure}: {failed[0].reason}"
        )
    if p.runatthkgen and made and observation.pointings is not None and observation.pointings.table is not None:
        outputs.append(_write_attitude(observation, outdir, settings, session, p))
    return Outcome(
        outputs=tuple(outputs),
        rows_in=sum(outcome.raw_events for outcome in outcomes),
        rows_out=sum(outcome.rows for outcome in outcomes),
        cuts=_cuts(outcomes),
        facts=_facts(observation, outcomes),
    )


def _names(settings: ChainSettings) -> str:
    return ", ".join(INSTRUMENT_NAMES[code] for code in settings.instruments)


def _one(
    p: ChainParameters,
    settings: ChainSettings,
    observation: Observation,
    exposure: Exposure,
    outdir: Path,
    session: Session,
) -> tuple[ExposureOutcome | None, list[Path]]:
    """Process one exposure; None for one that took no science data at all (offsets, diagnostics)."""
    camera = INSTRUMENT_NAMES[exposure.instrument]
    outcome = ExposureOutcome(camera, exposure.identifier, exposure.mode, exposure.filter)
    reason = nothing_to_do(exposure)
    if reason:
        if not exposure.is_science and exposure.auxiliary is None:
            return None, []
        outcome.status = "failed" if exposure.is_science else "nothing to do"
        outcome.reason = reason
        return outcome, []
    work = _work(p, settings, observation, exposure, housekeeping_times(observation, exposure.instrument, session))
    folder = observation.inventory.folder
    out_of_time = isinstance(p, PnChainParameters) and p.withoutoftime
    paths: list[Path] = []
    try:
        done = process_exposure(observation, exposure, work, session)
        _count(outcome, done)
        path = session.check_output(
            outdir / list_name(folder, exposure, canonical=settings.canonical, out_of_time=out_of_time)
        )
        write_list(path, observation, exposure, work, done, session.provenance(p))
        paths.append(path)
        if not out_of_time:
            bad = session.check_output(outdir / bad_pixel_name(folder, exposure, canonical=settings.canonical))
            write_bad_pixels(bad, work, done, session.provenance(p))
            paths.append(bad)
        outcome.events = path.name
    except (FileProblem, TaskError) as problem:
        outcome.status, outcome.reason = "failed", str(problem)
        session.warn("ExposureFailed", f"{camera} {exposure.identifier}: {problem}")
    return outcome, paths


def _work(
    p: ChainParameters, settings: ChainSettings, observation: Observation, exposure: Exposure, good: Intervals | None
) -> CcdWork:
    camera = INSTRUMENT_NAMES[exposure.instrument]
    spread: dict[str, Any] = {
        "randomize_position": p.randomizeposition,
        "randomize_time": p.randomizetime,
        "randomize_energy": p.randomizeenergy,
    }
    mos, pn = MosOptions(**spread), PnOptions(**spread)
    find = False
    if isinstance(p, MosChainParameters):
        find = p.runbadpixfind
        rejected = EMPROC_REJECTED if settings.keep_more else mos.rejected
        mos = MosOptions(
            **spread, split_diagonals=p.splitdiagonals, reject_e3e4=p.rejectbade3e4, rejected=rejected
        )  # fmt: skip
    elif isinstance(p, PnChainParameters):
        find = p.runbadpixfind
        pn = PnOptions(
            **spread, out_of_time=p.withoutoftime, lower_threshold=p.lowerthreshold, mip_threshold=p.mipthreshold,
            reemission_threshold=p.reemissionthresh,
        )  # fmt: skip
    return CcdWork(
        camera=camera,
        mode=exposure.mode,
        calibration=observation.calibration[camera],
        pointings=observation.pointings,
        mos=mos,
        pn=pn,
        find_bad_pixels=find,
        seed=(p.randomseed, _CODES.index(exposure.instrument), int(exposure.identifier[1:]), exposure.scheduled),
        housekeeping=good,
    )


def _write_attitude(
    observation: Observation, outdir: Path, settings: ChainSettings, session: Session, p: ChainParameters
) -> Path:
    from xmmpy.tasks.catalogue.atthkgen import write_attitude

    name = attitude_name(observation.inventory.folder, canonical=settings.canonical)
    path = session.check_output(outdir / name)
    assert observation.pointings is not None
    assert observation.pointings.table is not None
    write_attitude(
        path, session.provenance(p), observation.inventory, observation.pointings.table,
        observation.pointings.source, observation.clock, 1.0,
    )  # fmt: skip
    return path


def _count(outcome: ExposureOutcome, done: Sequence[CcdResult]) -> None:
    for one in done:
        ccd = one.calibrated
        outcome.rows += len(one.rows)
        outcome.raw_events += ccd.raw_events
        for fate in ccd.fates:
            outcome.fates[fate.reason] = outcome.fates.get(fate.reason, 0) + fate.events
        outcome.ccds[str(ccd.ccdnr)] = {
            "raw_events": ccd.raw_events, "rows": len(one.rows), "bad_pixels_found": one.found, **ccd.facts,
        }  # fmt: skip


def _tell(outcome: ExposureOutcome, session: Session) -> None:
    """Say how many raw events came to what."""
    name = f"{outcome.instrument} {outcome.exposure}"
    if outcome.status != "done":
        session.say(f"{name}: {outcome.status}: {outcome.reason}", level=1)
        return
    session.say(f"{name}: {outcome.raw_events} raw events, {outcome.rows} in {outcome.events}", level=1)
    for reason, events in outcome.fates.items():
        session.say(f"{name}: {events} {reason}", level=3)


def _cuts(outcomes: Sequence[ExposureOutcome]) -> tuple[Cut, ...]:
    """Events left after each reason, over all exposures."""
    left = sum(outcome.raw_events for outcome in outcomes)
    total: dict[str, int] = {}
    for outcome in outcomes:
        for reason, events in outcome.fates.items():
            total[reason] = total.get(reason, 0) + events
    cuts = []
    for reason, events in total.items():
        left -= events
        cuts.append(Cut(f"not {reason}" if events > 0 else f"with the {reason}", left))
    return tuple(cuts)


def _facts(observation: Observation, outcomes: Sequence[ExposureOutcome]) -> dict[str, Any]:
    facts: dict[str, Any] = {"exposures": [outcome.as_facts() for outcome in outcomes]}
    if observation.clock is not None:
        facts |= {"clock_degree": observation.clock.degree, "clock_rms": observation.clock.rms}
    facts["attitude"] = observation.pointings.source if observation.pointings is not None else "none"
    facts["calibration"] = [
        f"{source.scope} {source.type_id}: {source.name}"
        for calibration in observation.calibration.values()
        for source in calibration.sources
    ]
    facts["missing"] = list(observation.inventory.missing)
    return facts
