"""barycen: a pulse that is regular at the barycentre, as a spacecraft on its orbit sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord, get_body_barycentric_posvel
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers

from xmmpy.simulation.observation import SimulationSettings, simulate_events
from xmmpy.tasks import barycen
from xmmpy.tasks.messages import TaskError

PERIOD = 1.0  # s
MJDREF = 50814.0
LIGHT = 299_792_458.0
_SEMI_MAJOR, _ECCENTRICITY, _INCLINATION = 66_926e3, 0.7, np.radians(62.0)  # m; XMM-Newton's orbit of 48 hours
_MU = 3.986004418e14  # m^3/s^2
RA, DEC = 150.0, 2.2
SINCE_PERIGEE = 70_000.0  # s at the start: the rising arm, where the distance changes by 1 km/s
SUN_DELAY = 7e-6  # s; what the comparison leaves out, the delay of light near the Sun


def kepler(since_perigee: np.ndarray) -> np.ndarray:
    """Places on the orbit, m, shape (n, 3)."""
    mean = np.sqrt(_MU / _SEMI_MAJOR**3) * since_perigee
    anomaly = mean.copy()
    for _ in range(100):
        anomaly = mean + _ECCENTRICITY * np.sin(anomaly)
    x = _SEMI_MAJOR * (np.cos(anomaly) - _ECCENTRICITY)
    y = _SEMI_MAJOR * np.sqrt(1 - _ECCENTRICITY**2) * np.sin(anomaly)
    return np.stack([x, y * np.cos(_INCLINATION), y * np.sin(_INCLINATION)], axis=1)


def independent(met: np.ndarray, place: np.ndarray | None, ra: float = RA, dec: float = DEC) -> np.ndarray:
    """Seconds to the barycentre by astropy's light_travel_time from the Earth's centre, and the orbit in plain vectors.

    astropy takes a place at a spacecraft's distance through the aberration (10 km at 100,000 km); hence the centre.
    """
    source = SkyCoord(ra * u.deg, dec * u.deg)
    centre = EarthLocation.from_geocentric(0 * u.m, 0 * u.m, 0 * u.m)
    with iers.conf.set_temp("auto_download", False):
        time = Time(MJDREF, met / 86400.0, format="mjd", scale="tt", location=centre)
        tdb = time.tdb
        clock = ((tdb.jd1 - time.jd1) + (tdb.jd2 - time.jd2)) * 86400.0
        way = time.light_travel_time(source, ephemeris="builtin").to_value("s")
        speed = get_body_barycentric_posvel("earth", tdb, ephemeris="builtin")[1].xyz.to_value(u.m / u.s).T
    if place is None:
        return clock + way
    return clock + way + place @ source.cartesian.xyz.value / LIGHT + (speed * place).sum(axis=1) / LIGHT**2


@dataclass(frozen=True)
class Pulsar:
    """A list whose events come with the pulses, and the orbit; their times at the spacecraft and the barycentre."""

    events: Path
    orbit: Path
    time: np.ndarray
    pulse: np.ndarray

    def copy_to(self, folder: Path) -> Path:
        path = folder / "pulsed.fits"
        path.write_bytes(self.events.read_bytes())
        return path


@pytest.fixture(scope="module")
def pulsar(tmp_path_factory: pytest.TempPathFactory) -> Pulsar:
    folder = tmp_path_factory.mktemp("barycen")
    settings = SimulationSettings(
        exposure=3000.0, seed=6, cameras=("mos1",), flares=False, logn_logs=False, ra=RA, dec=DEC
    )
    source = simulate_events(folder, settings).event_lists["mos1"]
    with fits.open(source) as file:
        header, data = file["EVENTS"].header, file["EVENTS"].data
        header["RA_OBJ"], header["DEC_OBJ"] = RA, DEC
        start = float(header["TSTART"])
        minutes = start + np.arange(-600.0, 4000.0, 60.0)
        time = np.array(data["TIME"], float)
        barycentric = time + independent(time, kepler(time - start + SINCE_PERIGEE))
        pulse = np.round(barycentric / PERIOD) * PERIOD
        for _ in range(2):  # the correction changes by 1e-4 s a second at most
            time = time + (pulse - barycentric)
            barycentric = time + independent(time, kepler(time - start + SINCE_PERIGEE))
        data["TIME"] = time
        path, orbit = folder / "pulsed.fits", folder / "orbit.fits"
        file.writeto(path)
    places = kepler(minutes - start + SINCE_PERIGEE) / 1e3
    columns = [fits.Column("TIME", "D", "s", array=minutes)]
    columns += [fits.Column(name, "D", "km", array=places[:, n]) for n, name in enumerate("XYZ")]
    fits.BinTableHDU.from_columns(columns, name="ORBIT").writeto(orbit)
    return Pulsar(path, orbit, time, pulse)


def test_pulses_are_regular_again(pulsar: Pulsar, tmp_path: Path) -> None:
    path = pulsar.copy_to(tmp_path)
    outcome = barycen(table=f"{path}:EVENTS", orbitset=str(pulsar.orbit))
    found = fits.getdata(path, "EVENTS")["TIME"]
    assert outcome.facts["orbit"] is True
    assert np.abs(found - pulsar.time).max() > 100.0
    assert np.abs(found - pulsar.pulse).max() < SUN_DELAY


def test_the_centre_of_the_earth_stands_for_the_orbit(pulsar: Pulsar, tmp_path: Path) -> None:
    path = pulsar.copy_to(tmp_path)
    outcome = barycen(table=str(path))
    found = fits.getdata(path, "EVENTS")["TIME"]
    assert outcome.facts["orbit"] is False
    assert np.abs(found - pulsar.time - independent(pulsar.time, None)).max() < SUN_DELAY
    assert 0.01 < np.abs(found - pulsar.pulse).max() < 0.39  # as the warning says


def test_everything_that_holds_times_moves(pulsar: Pulsar, tmp_path: Path) -> None:
    path = pulsar.copy_to(tmp_path)
    barycen(table=str(path), orbitset=str(pulsar.orbit))
    with fits.open(pulsar.events) as before, fits.open(path) as after:
        assert [hdu.name for hdu in before] == [hdu.name for hdu in after]
        start = float(before["EVENTS"].header["TSTART"])
        for old, new in zip(before[1:], after[1:], strict=True):
            names = {"STDGTI": ("START", "STOP"), "EXPOSU": ("TIME",), "EVENTS": ("TIME",)}.get(old.name[:6], ())
            for column in old.columns.names:
                if column not in names:
                    np.testing.assert_array_equal(old.data[column], new.data[column])
                elif len(old.data):
                    met = np.array(old.data[column], float)
                    wanted = independent(met, kepler(met - start + SINCE_PERIGEE))
                    np.testing.assert_allclose(new.data[column] - met, wanted, atol=SUN_DELAY, rtol=0)
            assert (new.header.get("TIMEREF") == "SOLARSYSTEM") is bool(names)
            assert (new.header.get("TIMESYS") == "TDB") is bool(names)
        first, last = (float(after["EVENTS"].header[name]) for name in ("TSTART", "TSTOP"))
        whole = float(before["EVENTS"].header["TSTOP"]) - start
        assert last - first == pytest.approx(whole, abs=2e-4 * whole)
        assert after[0].header["TIMEREF"] == "SOLARSYSTEM"
    once = path.read_bytes()
    with pytest.raises(TaskError, match="at the barycentre already"):
        barycen(table=str(path), orbitset=str(pulsar.orbit))
    assert path.read_bytes() == once
    assert not list(tmp_path.glob(".*.part"))


def test_only_what_is_asked_for(pulsar: Pulsar, tmp_path: Path) -> None:
    path = pulsar.copy_to(tmp_path)
    barycen(table=str(path), orbitset=str(pulsar.orbit), processgtis=False, processexposutables=False)
    with fits.open(path) as file, fits.open(pulsar.events) as before:
        for name, column in (("STDGTI01", "START"), ("EXPOSU01", "TIME")):
            np.testing.assert_array_equal(file[name].data[column], before[name].data[column])
            assert file[name].header.get("TIMEREF") != "SOLARSYSTEM"
