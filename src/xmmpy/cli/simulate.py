"""``xmmpy simulate``: make observations whose truth is known."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

app = typer.Typer(help="Simulate observations whose truth is known.", no_args_is_help=True)


@app.callback()
def simulate() -> None:
    """Simulate observations whose truth is known."""


@app.command("events")
def events_command(
    outdir: Annotated[Path, typer.Argument(help="Folder for the event lists and the truth.")],
    exposure: Annotated[float, typer.Option(help="Length of the exposure (s).")] = 10_000.0,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    cameras: Annotated[str, typer.Option(help="Cameras, separated by commas.")] = "mos1,mos2,pn",
    sources: Annotated[
        Path | None,
        typer.Option(
            help="Table of sources (FITS, CSV, ECSV): ra, dec (degrees), flux_0p5_2 (erg/cm2/s) or "
            "rate (pn counts/s), optional core_arcsec and beta of an extended one."
        ),
    ] = None,
    logn_logs: Annotated[
        bool | None,
        typer.Option(
            "--logn-logs/--no-logn-logs",
            help="Draw sources from number counts; the default without --sources.",
        ),
    ] = None,
    flares: Annotated[bool, typer.Option("--flares/--no-flares", help="Flares of soft protons.")] = True,
    ra: Annotated[float, typer.Option(help="RA of the pointing (degrees).")] = 150.0,
    dec: Annotated[float, typer.Option(help="Dec of the pointing (degrees).")] = 2.2,
    pa: Annotated[float, typer.Option(help="Position angle (degrees).")] = 290.0,
    optical_filter: Annotated[
        str, typer.Option("--filter", help="Open, Thin1, Thin2, Medium, Thick or Closed.")
    ] = "Thin1",
    scale: Annotated[float, typer.Option(help="Factor on all count rates.")] = 1.0,
    events: Annotated[int | None, typer.Option(help="About so many events per camera, by scaling the rates.")] = None,
) -> None:
    """Simulate the calibrated event lists of the three cameras, and the truth beside them."""
    from xmmpy.simulation.observation import SimulationSettings, simulate_events
    from xmmpy.simulation.sky import read_sources

    try:
        given = read_sources(sources, optical_filter) if sources is not None else None
        settings = SimulationSettings(
            exposure=exposure,
            seed=seed,
            cameras=tuple(name.strip().lower() for name in cameras.split(",") if name.strip()),
            ra=ra,
            dec=dec,
            position_angle=pa,
            optical_filter=optical_filter,
            sources=given,
            logn_logs=sources is None if logn_logs is None else logn_logs,
            flares=flares,
            scale=scale,
            events=events,
        )
        made = simulate_events(outdir, settings)
    except ValueError as error:
        typer.echo(f"xmmpy simulate events: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"xmmpy simulate events: cannot write to {outdir}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
    for name, path in made.event_lists.items():
        typer.echo(f"{name:5s} {made.rows[name]:10d} events  {path}")
    made_of = f"{len(made.sources):10d} sources, {len(made.flares)} flares"
    typer.echo(f"truth {made_of}  {made.truth_sources}, {made.truth}")


@app.command("odf")
def odf_command(
    outdir: Annotated[Path, typer.Argument(help="Folder: the ODF goes to ODF in it, the truth to truth.")],
    exposure: Annotated[float, typer.Option(help="Length of the exposures (s).")] = 10_000.0,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    cameras: Annotated[str, typer.Option(help="Cameras, separated by commas.")] = "mos1,mos2,pn",
    sources: Annotated[Path | None, typer.Option(help="Table of sources, as for `simulate events`.")] = None,
    logn_logs: Annotated[
        bool | None,
        typer.Option(
            "--logn-logs/--no-logn-logs", help="Draw sources from number counts; the default without --sources."
        ),
    ] = None,
    flares: Annotated[bool, typer.Option("--flares/--no-flares", help="Flares of soft protons.")] = True,
    ra: Annotated[float, typer.Option(help="RA of the pointing (degrees).")] = 150.0,
    dec: Annotated[float, typer.Option(help="Dec of the pointing (degrees).")] = 2.2,
    pa: Annotated[float, typer.Option(help="Position angle (degrees).")] = 290.0,
    optical_filter: Annotated[
        str, typer.Option("--filter", help="Open, Thin1, Thin2, Medium, Thick or Closed.")
    ] = "Thin1",
    scale: Annotated[float, typer.Option(help="Factor on all count rates.")] = 1.0,
    pn_mode: Annotated[str, typer.Option(help="PrimeFullWindow or PrimeFullWindowExtended.")] = "PrimeFullWindow",
    photons: Annotated[bool, typer.Option("--photons", help="Write where every raw event came from.")] = False,
    calibration_error: Annotated[
        str, typer.Option(help="Errors of the calibration, such as gain=1.02,boresight=3 (factor, arcsec).")
    ] = "",
) -> None:
    """Simulate an ODF: what the spacecraft would have sent down, and the truth beside it."""
    from xmmpy.simulation.observation import SHORT_NAMES, SimulationSettings
    from xmmpy.simulation.odf import simulate_odf
    from xmmpy.simulation.odf.errors import with_errors
    from xmmpy.simulation.sky import read_sources

    try:
        names = tuple(name.strip().lower() for name in cameras.split(",") if name.strip())
        settings = SimulationSettings(
            exposure=exposure,
            seed=seed,
            cameras=names,
            ra=ra,
            dec=dec,
            position_angle=pa,
            optical_filter=optical_filter,
            sources=read_sources(sources, optical_filter) if sources is not None else None,
            logn_logs=sources is None if logn_logs is None else logn_logs,
            flares=flares,
            scale=scale,
        )
        tables = with_errors([SHORT_NAMES[name] for name in names], calibration_error)
        made = simulate_odf(outdir, settings, calibration=tables, modes={"EPN": pn_mode}, write_photons=photons)
    except ValueError as error:
        typer.echo(f"xmmpy simulate odf: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"xmmpy simulate odf: cannot write to {outdir}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
    for name, number in made.raw_events.items():
        typer.echo(f"{name:5s} {number:10d} raw events")
    typer.echo(f"ODF   {made.folder}")
    typer.echo(f"truth {len(made.sources):10d} sources, {len(made.flares)} flares  {made.truth}")
