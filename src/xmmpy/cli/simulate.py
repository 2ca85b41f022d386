"""``xmmpy simulate``: make observations whose truth is known."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xmmpy.simulation.observation import SimulationSettings

app = typer.Typer(help="Simulate observations whose truth is known.", no_args_is_help=True)

Outdir = Annotated[Path, typer.Argument(help="Folder for the files and the truth.")]
Exposure = Annotated[float, typer.Option(help="Length of the exposure (s).")]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Cameras = Annotated[str, typer.Option(help="Cameras, separated by commas.")]
Sources = Annotated[
    Path | None,
    typer.Option(
        help="Table of sources (FITS, CSV, ECSV): ra, dec (degrees), flux_0p5_2 (erg/cm2/s) or "
        "rate (pn counts/s), optional core_arcsec and beta of an extended one."
    ),
]
LogNLogS = Annotated[
    bool | None,
    typer.Option("--logn-logs/--no-logn-logs", help="Draw sources from number counts; the default without --sources."),
]
Flares = Annotated[bool, typer.Option("--flares/--no-flares", help="Flares of soft protons.")]
Ra = Annotated[float, typer.Option(help="RA of the pointing (degrees).")]
Dec = Annotated[float, typer.Option(help="Dec of the pointing (degrees).")]
Pa = Annotated[float, typer.Option(help="Position angle (degrees).")]
Filter = Annotated[str, typer.Option("--filter", help="Open, Thin1, Thin2, Medium, Thick or Closed.")]
Scale = Annotated[float, typer.Option(help="Factor on all count rates.")]
Events = Annotated[int | None, typer.Option(help="About so many events per camera, by scaling the rates.")]


@app.callback()
def simulate() -> None:
    """Simulate observations whose truth is known."""


@app.command("events")
def events_command(
    outdir: Outdir,
    exposure: Exposure = 10_000.0,
    seed: Seed = 1,
    cameras: Cameras = "mos1,mos2,pn",
    sources: Sources = None,
    logn_logs: LogNLogS = None,
    flares: Flares = True,
    ra: Ra = 150.0,
    dec: Dec = 2.2,
    pa: Pa = 290.0,
    optical_filter: Filter = "Thin1",
    scale: Scale = 1.0,
    events: Events = None,
) -> None:
    """Simulate the calibrated event lists of the three cameras, and the truth beside them."""
    from xmmpy.simulation.observation import simulate_events

    with _one_sentence("events", outdir):
        settings = _settings(
            sources, logn_logs, cameras, optical_filter, exposure=exposure, seed=seed, flares=flares, ra=ra, dec=dec,
            position_angle=pa, scale=scale, events=events,
        )  # fmt: skip
        made = simulate_events(outdir, settings)
    for name, path in made.event_lists.items():
        typer.echo(f"{name:5s} {made.rows[name]:10d} events  {path}")
    made_of = f"{len(made.sources):10d} sources, {len(made.flares)} flares"
    typer.echo(f"truth {made_of}  {made.truth_sources}, {made.truth}")


@app.command("odf")
def odf_command(
    outdir: Outdir,
    exposure: Exposure = 10_000.0,
    seed: Seed = 1,
    cameras: Cameras = "mos1,mos2,pn",
    sources: Sources = None,
    logn_logs: LogNLogS = None,
    flares: Flares = True,
    ra: Ra = 150.0,
    dec: Dec = 2.2,
    pa: Pa = 290.0,
    optical_filter: Filter = "Thin1",
    scale: Scale = 1.0,
    events: Events = None,
    pn_mode: Annotated[str, typer.Option(help="PrimeFullWindow or PrimeFullWindowExtended.")] = "PrimeFullWindow",
    photons: Annotated[bool, typer.Option("--photons", help="Write where every raw event came from.")] = False,
    calibration_error: Annotated[
        str, typer.Option(help="Errors of the calibration, such as gain=1.02,boresight=3 (factor, arcsec).")
    ] = "",
) -> None:
    """Simulate an ODF: what the spacecraft would have sent down, and the truth beside it."""
    from xmmpy.simulation.observation import SHORT_NAMES
    from xmmpy.simulation.odf import simulate_odf
    from xmmpy.simulation.odf.errors import with_errors

    with _one_sentence("odf", outdir):
        settings = _settings(
            sources, logn_logs, cameras, optical_filter, exposure=exposure, seed=seed, flares=flares, ra=ra, dec=dec,
            position_angle=pa, scale=scale, events=events,
        )  # fmt: skip
        tables = with_errors([SHORT_NAMES[name] for name in settings.cameras], calibration_error)
        made = simulate_odf(outdir, settings, calibration=tables, modes={"EPN": pn_mode}, write_photons=photons)
    for name, number in made.raw_events.items():
        typer.echo(f"{name:5s} {number:10d} raw events")
    typer.echo(f"ODF   {made.folder}")
    typer.echo(f"truth {len(made.sources):10d} sources, {len(made.flares)} flares  {made.truth}")


def _settings(
    sources: Path | None, logn_logs: bool | None, cameras: str, optical_filter: str, **others: Any
) -> SimulationSettings:
    """Settings of the options that both commands have."""
    from xmmpy.simulation.observation import SimulationSettings
    from xmmpy.simulation.sky import read_sources

    return SimulationSettings(
        cameras=tuple(name.strip().lower() for name in cameras.split(",") if name.strip()),
        optical_filter=optical_filter,
        sources=read_sources(sources, optical_filter) if sources is not None else None,
        logn_logs=sources is None if logn_logs is None else logn_logs,
        **others,
    )


@contextmanager
def _one_sentence(command: str, outdir: Path) -> Iterator[None]:
    """Say what is wrong in one sentence and end with status 1."""
    try:
        yield
    except ValueError as error:
        typer.echo(f"xmmpy simulate {command}: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"xmmpy simulate {command}: cannot write to {outdir}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
