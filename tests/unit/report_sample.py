"""A work folder as the pipeline leaves it, small, for the tests of the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from xmmpy.products.gti import gti_hdu
from xmmpy.products.intervals import Intervals
from xmmpy.products.record import (
    CameraRecord,
    CutFlowRecord,
    CutRecord,
    ObservationRecord,
    RunRecord,
    StepRecord,
)
from xmmpy.products.writing import write_hdus

BANDS = {"b1": (200, 500), "b2": (500, 1000), "b3": (1000, 2000), "b4": (2000, 4500), "b5": (4500, 12000)}
CAMERAS = {"mos1": "EMOS1", "mos2": "EMOS2", "pn": "EPN"}


def write_image(path: Path, seed: int, size: int = 60) -> None:
    data = np.random.default_rng(seed).poisson(0.3, (size, size))
    y, x = np.mgrid[:size, :size] - size / 2
    data[np.hypot(x, y) > 0.45 * size] = 0
    hdu = fits.PrimaryHDU(data.astype(np.int32))
    centre = size / 2 + 0.5
    for axis, kind, value, step in ((1, "RA---TAN", 150.1, -40 / 3600), (2, "DEC--TAN", 2.2, 40 / 3600)):
        hdu.header[f"CTYPE{axis}"], hdu.header[f"CRVAL{axis}"] = kind, value
        hdu.header[f"CRPIX{axis}"], hdu.header[f"CDELT{axis}"] = centre, step
    write_hdus(path, [hdu])


def write_rate(path: Path, seed: int) -> None:
    rate = np.random.default_rng(seed).poisson(20, 100) / 100
    rate[40:50] = 3.0
    columns = [
        fits.Column("TIME", "D", array=1e8 + 50 + 100.0 * np.arange(100)),
        fits.Column("RATE", "E", array=rate),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="RATE")
    table.header["TIMEDEL"] = 100.0
    write_hdus(path, [fits.PrimaryHDU(), table])


def add_raw_step(record: RunRecord, remark: str = "") -> None:
    """Let MOS1 come from raw files."""
    record.cameras[0].source = "0001_EMOS1_S001_ImagingEvts.ds"
    record.remarks = ["0001_SCX00000ROS.ASC is missing: the orbit", *([remark] if remark else [])]
    record.steps.insert(
        0,
        StepRecord(
            name="mos1_S001/emproc", task="emproc", rows_in=8000, rows_out=4000, seconds=1.0,
            line="xmmpy task emproc withinstexpids=yes instexpids=M1S001",
            outputs={"0001_EMOS1_S001_ImagingEvts.ds": "0", "0001_EMOS1_S001_Badpixels.ds": "0"},
            cuts=[
                CutFlowRecord(name="not track of a cosmic ray", rows=5000),
                CutFlowRecord(name="not on a bad pixel", rows=4000),
            ],
            facts={
                "attitude": "AHF", "clock_rms": 3.7e-7,
                "calibration": ["EMOS1 LINCOORD: nominal:ccd_geometry.csv", "EMOS2 LINCOORD: EMOS2_LINCOORD_0015.CCF",
                                "XMM BORESIGHT: XMM_BORESIGHT_0029.CCF"],
            },
            warnings=["0001_SCX00000ROS.ASC is missing: the orbit", "a frame is out of order"],
        ),
    )  # fmt: skip


def make_work(work: Path, target: str = "Abell 1", reason: str = "") -> RunRecord:
    """Write the files and the record; `target` and `reason` come from outside and may be anything."""
    (work / "images").mkdir(parents=True)
    record = RunRecord(
        version="0.1.0",
        started="2026-01-02T03:04:05Z",
        settings={kind: {"bands": {n: {"low": a, "high": b} for n, (a, b) in BANDS.items()}} for kind in ("mos", "pn")},
        observation=ObservationRecord(
            obs_id="0123456789", object=target, ra=150.1, dec=2.2, date_obs="2020-01-01T00:00:00"
        ),
    )
    for seed, (key, instrument) in enumerate(CAMERAS.items()):
        images = {band: f"images/{key}_image_{band}.fits" for band in (*BANDS, "full")}
        for number, file in enumerate(images.values()):
            write_image(work / file, 10 * seed + number)
        write_rate(work / f"{key}_rate.fits", seed)
        kept = Intervals.of([1e8, 1e8 + 5000], [1e8 + 4000, 1e8 + 10000])
        write_hdus(work / f"gtiset_{key}.fits", [fits.PrimaryHDU(), gti_hdu(kept)])
        record.cameras.append(
            CameraRecord(
                key=key, instrument=instrument, exposure="S001", filter="Thin1", mode="PrimeFullWindow",
                rate=f"{key}_rate.fits", gti=f"gtiset_{key}.fits", clean=f"{key}_clean.fits", images=images,
                cut=CutRecord(method="fixed", limit=0.35, kept=9000, total=10000),
            )
        )  # fmt: skip
        record.steps.append(
            StepRecord(
                name=f"{key}/clean", camera=key, task="evselect", seconds=1.5, rows_in=4000, rows_out=1000,
                line=f"xmmpy task evselect table={key}.fits expression='#XMMEA_EM && (PI>150)'",
                outputs={f"{key}_clean.fits": "0"},
                cuts=[CutFlowRecord(name="#XMMEA_EM", rows=3000), CutFlowRecord(name="(PI>150)", rows=1000)],
            )
        )  # fmt: skip
    add_raw_step(record, reason)
    write_image(work / "mosaic.ds", 99)
    record.steps.append(
        StepRecord(
            name="mosaic",
            task="emosaic",
            line="xmmpy task emosaic imagesets='a b' mosaicedset=mosaic.ds",
            outputs={"mosaic.ds": "0"},
        )
    )
    if reason:
        record.steps.append(StepRecord(name="mos2_U002/rate", task="evselect", status="failed", reason=reason))
    record.write(work)
    return record


def add_sources(work: Path, record: RunRecord, number: int = 6) -> None:
    """Let sources be found on the mosaic: a list, the images that were searched, their maps."""
    from detection_sample import PROVENANCE

    from xmmpy.products.sourcelists import ML_COLUMNS, empty_rows, write_source_list

    (work / "coords").mkdir()
    (work / "images/all").mkdir()
    images = []
    for camera, instrument in (("pn", "EPN"), ("m1", "EMOS1")):
        for band in (1, 2):
            images.append(f"images/{camera}_image_b{band}.fits")
            write_image(work / images[-1], band)
            with fits.open(work / images[-1], mode="update") as file:
                file[0].header.update(INSTRUME=instrument, RA_PNT=150.1, DEC_PNT=2.2, PA_PNT=70.0)
            for kind, value in (("bkg", 0.3), ("sen", 2e-3)):
                data = np.where(fits.getdata(work / images[-1]) >= 0, value, 0.0)
                name = f"images/all/{camera}_image_b{band}{kind}.fits"
                fits.PrimaryHDU(data, fits.getheader(work / images[-1])).writeto(work / name)
    plan = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    rows = empty_rows(ML_COLUMNS, len(plan) * number)
    generator = np.random.default_rng(5)
    rows["ML_ID_SRC"][:] = np.repeat(np.arange(1, number + 1), len(plan))
    rows["ID_INST"][:], rows["ID_BAND"][:] = np.tile(np.array(plan).T, number)
    x, y = generator.uniform(18, 42, (2, number))
    values = {
        "X_IMA": x, "Y_IMA": y, "RA": 150.1 - (x - 30.5) * 40 / 3600, "DEC": 2.2 + (y - 30.5) * 40 / 3600,
        "RADEC_ERR": np.full(number, 56.57), "X_IMA_ERR": np.ones(number), "Y_IMA_ERR": np.ones(number),
        "DET_ML": np.linspace(20, 300, number), "EXT": np.r_[2.0, np.zeros(number - 1)],
        "HR2": generator.uniform(-0.5, 0.5, number), "HR2_ERR": np.full(number, 0.1),
        "HR3": generator.uniform(-0.5, 0.5, number), "HR3_ERR": np.full(number, 0.2),
        "FLUX": generator.permutation(number) * 1e-14, "SCTS": 10.0 + np.arange(number),
    }  # fmt: skip
    for name, column in values.items():
        rows[name][:] = np.repeat(column, len(plan))
    write_source_list(work / "coords/all_emllist.fits", ML_COLUMNS, rows, [], PROVENANCE)
    record.steps.append(
        StepRecord(
            name="detect", task="edetect_chain", rows_in=9, rows_out=number,
            line="xmmpy task edetect_chain witheexpmap=no mapdir=images/all imagesets='" + " ".join(images)
            + "' pimin='500 1000 500 1000' pimax='1000 2000 1000 2000' eml_list=coords/all_emllist.fits",
            outputs={"coords/all_emllist.fits": "0"},
        )
    )  # fmt: skip
    record.write(work)
