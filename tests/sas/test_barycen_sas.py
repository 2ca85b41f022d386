"""barycen against a list that SAS's barycen corrected: times from before are in tables that SAS leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.events.barycentre import FARTHEST_M, LIGHT, corrections, direction
from xmmpy.tasks import barycen
from xmmpy.tasks.messages import TaskError

FILE = "pn-list/0932190801/0932190801_PN1_src.evt.gz"


@pytest.fixture
def corrected(real_data: Path) -> Path:
    path = real_data / FILE
    if not path.is_file():
        pytest.skip(f"no {FILE} in the real data")
    return path


def test_what_is_left_is_the_way_of_the_orbit(corrected: Path) -> None:
    """TSTART and TSTOP of each CCD are known before (HKAUXnn) and after (STDGTInn) the correction."""
    before, after = [], []
    with fits.open(corrected) as file:
        source = direction(file[0].header["RA_OBJ"], file[0].header["DEC_OBJ"])
        for ccd in range(1, 13):
            old, new = file[f"HKAUX{ccd:02d}"].header, file[f"STDGTI{ccd:02d}"].header
            before += [old["TSTART"], old["TSTOP"]]
            after += [new["TSTART"], new["TSTOP"]]
    start, stop = np.array(before[::2]), np.array(before[1::2])
    left = [
        np.array(after)[n::2] - times - corrections(times, 50814.0, source) for n, times in enumerate((start, stop))
    ]
    # Without the orbit, what is left is the spacecraft's distance along the line of sight: less than that of apogee ...
    assert np.abs(left).max() < FARTHEST_M / LIGHT
    # ... the same for the CCDs, which start within 0.3 s (a spacecraft of 2 km/s makes 2 us of that) ...
    assert start.max() - start.min() < 0.3
    assert np.ptp(left[0]) < 5e-6
    assert np.ptp(left[1]) < 5e-6
    # ... and its change over the exposure that of a spacecraft of 1.2 km/s.
    speed = (left[1].mean() - left[0].mean()) * LIGHT / (stop.mean() - start.mean())
    assert 0 < abs(speed) < 2500.0


def test_events_of_it_within_a_frame(corrected: Path) -> None:
    """TIME_RAW is TIME from before, but for its place within the frame of 73 ms."""
    with fits.open(corrected) as file:
        source = direction(file[0].header["RA_OBJ"], file[0].header["DEC_OBJ"])
        data = file["EVENTS"].data
        raw, time = np.array(data["TIME_RAW"]), np.array(data["TIME"])
    left = time - raw - corrections(raw, 50814.0, source)
    smooth = np.polyval(np.polyfit(raw - raw[0], left, 2), raw - raw[0])
    assert np.abs(left - smooth).max() < 0.0735 / 2 + 1e-3


def test_keywords_are_those_of_sas(corrected: Path, tmp_path: Path) -> None:
    """Take the correction back by what SAS wrote, and compare the keywords that ours leaves."""
    path = tmp_path / "list.fits"
    with fits.open(corrected) as file:
        old = file["HKAUX02"].header
        for name in ("PRIMARY", "EVENTS", "EXPOSU02", "STDGTI02"):
            header = file[name].header
            header["TIMEREF"], header["TIMESYS"] = "LOCAL", "TT"
            del header["PLEPHEM"]
            for key in ("TSTART", "TSTOP", "DATE-OBS", "DATE-END"):
                if key in header:
                    header[key] = old[key]
        for name, columns in (("EVENTS", ("TIME",)), ("EXPOSU02", ("TIME",)), ("STDGTI02", ("START", "STOP"))):
            for column in columns:
                file[name].data[column] -= 142.3
        file.writeto(path, output_verify="ignore")
    barycen(table=str(path))
    with fits.open(path) as ours, fits.open(corrected) as theirs:
        for name in ("PRIMARY", "EVENTS", "EXPOSU02", "STDGTI02"):
            mine, real = ours[name].header, theirs[name].header
            assert (mine["TIMEREF"], mine["TIMESYS"]) == (real["TIMEREF"], real["TIMESYS"])
            for key in ("TSTART", "TSTOP"):
                assert mine[key] == pytest.approx(real[key], abs=0.4)
            assert mine["DATE-OBS"][:17] == real["DATE-OBS"][:17]
            assert "PLEPHEM" in mine
        assert ours["HKAUX02"].header["TIMEREF"] == theirs["HKAUX02"].header["TIMEREF"] == "LOCAL"


def test_sas_s_own_is_refused(corrected: Path, tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "list.fits"
    with gzip.open(corrected) as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    before = path.read_bytes()
    with pytest.raises(TaskError, match="at the barycentre already"):
        barycen(table=str(path))
    assert path.read_bytes() == before
