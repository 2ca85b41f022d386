"""barycen's parameters and refusals, and the arithmetic on plain arrays."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from small_list import write_small_list

from xmmpy.events.barycentre import LIGHT, Barycentre, Orbit, SolarSystem, builtin_ephemeris, corrections, direction
from xmmpy.tasks import barycen
from xmmpy.tasks.messages import TaskError

POLE = direction(0.0, 90.0)


def still(day: float, fractions: np.ndarray) -> SolarSystem:
    """The Earth at rest at 300,000 km on the x axis, the Sun far away on the other side."""
    rows = np.ones((len(fractions), 1))
    return SolarSystem(rows * [3e8, 0.0, 0.0], rows * [0.0, 3e4, 0.0], rows * [-1.5e11, 0.0, 0.0])


def circle(times: np.ndarray, radius: float = 1e8) -> Orbit:
    angle = 1e-4 * times
    return Orbit.of(times, radius * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1))


def test_a_source_in_front_is_early_and_one_behind_late() -> None:
    time = np.array([1e8])
    front, behind, beside = (
        corrections(time, 50814.0, direction(ra, dec), still)[0] for ra, dec in ((0, 0), (180, 0), (0, 90))
    )
    assert front - beside == pytest.approx(3e8 / LIGHT, abs=1e-5)
    assert behind - beside == pytest.approx(-3e8 / LIGHT, abs=5e-4)
    assert abs(beside) < 2e-3  # TDB - TT alone


def test_the_place_on_the_orbit_counts() -> None:
    time = np.linspace(1e8, 1e8 + 3000.0, 7)
    orbit = circle(np.arange(1e8 - 600, 1e8 + 4000.0, 60.0))
    source = direction(0.0, 0.0)
    added = corrections(time, 50814.0, source, still, orbit) - corrections(time, 50814.0, source, still)
    clock = 3e4 * 1e8 * np.sin(1e-4 * time) / LIGHT**2
    np.testing.assert_allclose(added, 1e8 * np.cos(1e-4 * time) / LIGHT + clock, atol=3e-9)


def test_interpolation_is_exact_enough_and_not_beyond_its_ends() -> None:
    time = np.sort(np.random.default_rng(1).uniform(2e8, 2e8 + 5e4, 500))
    fast = Barycentre(time[0], time[-1], 50814.0, POLE)
    np.testing.assert_allclose(fast.correction(time), corrections(time, 50814.0, POLE), atol=1e-9, rtol=0)
    assert np.isnan(fast(np.nan))
    with pytest.raises(ValueError, match="outside"):
        fast(time[-1] + 1e4)


@pytest.mark.parametrize(
    ("places", "what"),
    [
        (np.full((9, 3), 1e3), "km from the Earth"),
        (np.full((9, 3), 1e9), "km from the Earth"),
        (np.ones((3, 3)), "fewer"),
    ],
)
def test_what_is_no_orbit(places: np.ndarray, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Orbit.of(np.arange(len(places)), places)


def test_earth_and_sun_of_the_built_in_series() -> None:
    year = builtin_ephemeris(2451545.0, np.arange(0.0, 365.0, 5.0))
    distance = np.linalg.norm(year.earth - year.sun, axis=1) / 1.495978707e11
    assert distance.min() == pytest.approx(0.98329, abs=1e-4)
    assert distance.max() == pytest.approx(1.01671, abs=1e-4)
    assert np.linalg.norm(year.sun, axis=1).max() < 1.6e9


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = write_small_list(tmp_path / "list.fits").path
    with fits.open(path, mode="update") as file:
        header = file["EVENTS"].header
        header["RA_OBJ"], header["DEC_OBJ"], header["MJDREF"], header["TIMEREF"] = 150.0, 2.0, 50814.0, "LOCAL"
    return path


def test_coordinates_of_the_user(events: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.fits"
    twin.write_bytes(events.read_bytes())
    found = barycen(table=str(events), srcra="150.5", srcdec="-3.25")
    again = barycen(table=str(twin), srcra="10:02:00", srcdec="-03:15:00", withsrccoordinates=True)
    assert (found.facts["ra"], found.facts["dec"]) == (150.5, -3.25)
    assert (again.facts["ra"], again.facts["dec"]) == pytest.approx((150.5, -3.25))
    np.testing.assert_array_equal(fits.getdata(events, "EVENTS")["TIME"], fits.getdata(twin, "EVENTS")["TIME"])


def test_coordinates_of_the_list(events: Path) -> None:
    assert barycen(table=f"{events}:EVENTS").facts["ra"] == 150.0


def test_one_time() -> None:
    found = barycen(withtable=False, time="2004-09-04T03:00:00", srcra="266.9", srcdec="-28.4")
    assert found.facts["time"] == pytest.approx(210654064.184, abs=1e-3)
    wanted = corrections(np.array([found.facts["time"]]), 50814.0, direction(266.9, -28.4))[0]
    assert found.facts["barycentric"] - found.facts["time"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"srcra": "400", "srcdec": "0"}, "no place on the sky"),
        ({"srcra": "ten", "srcdec": "0"}, "no place on the sky"),
        ({"timecolumn": "RAWX"}, "no double-precision times in RAWX"),
        ({"timecolumn": "NONE"}, "has no column NONE"),
        ({"ephemeris": "de440.bsp"}, "no ephemeris 'de440.bsp'"),
        ({"orbitset": "none.fits"}, "none.fits does not exist"),
    ],
)
def test_refusals_leave_the_list_alone(events: Path, values: dict[str, str], what: str) -> None:
    before = events.read_bytes()
    with pytest.raises(TaskError, match=what):
        barycen(table=str(events), **values)
    assert events.read_bytes() == before


def test_no_place_of_the_source(events: Path) -> None:
    with fits.open(events, mode="update") as file:
        del file["EVENTS"].header["RA_OBJ"]
        file["EVENTS"].header.pop("RA_NOM", None)
    with pytest.raises(TaskError, match="give srcra and srcdec"):
        barycen(table=str(events))
    with pytest.raises(TaskError, match="no place of the source is given"):
        barycen(withtable=False, time="1e8")
    with pytest.raises(TaskError, match="is no time"):
        barycen(withtable=False, time="noon", srcra="1", srcdec="1")
    with pytest.raises(TaskError, match="no table is given"):
        barycen()


def test_an_orbit_of_another_time(events: Path, tmp_path: Path) -> None:
    times = 1e8 + np.arange(0.0, 3000.0, 60.0)
    orbit = circle(times)
    columns = [fits.Column("TIME", "D", "s", array=times)]
    columns += [fits.Column(name, "D", "m", array=orbit.place[:, n]) for n, name in enumerate("XYZ")]
    fits.BinTableHDU.from_columns(columns, name="ORBIT").writeto(tmp_path / "orbit.fits")
    with pytest.raises(TaskError, match="reaches from 100000000 to 100002940 s"):
        barycen(table=str(events), orbitset=str(tmp_path / "orbit.fits"))


def test_a_file_of_jpl(events: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of SPICE files in a stand-in that gives the built-in series, in km and km a day."""

    class Segment:
        def __init__(self, part: str) -> None:
            self.part = part

        def compute(self, day: float, fractions: np.ndarray) -> np.ndarray:
            return builtin_ephemeris(day, fractions).sun.T / 1e3

        def compute_and_differentiate(self, day: float, fractions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            system = builtin_ephemeris(day, fractions)
            share = 0.75 if self.part == "system" else 0.25
            return system.earth.T / 1e3 * share, system.earth_velocity.T / 1e3 * 86400.0 * share

    class Spk:
        @staticmethod
        def open(_: str) -> dict[tuple[int, int], Segment]:
            return {(0, 3): Segment("system"), (3, 399): Segment("earth"), (0, 10): Segment("sun")}

    module = types.ModuleType("jplephem.spk")
    module.SPK = Spk  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jplephem", types.ModuleType("jplephem"))
    monkeypatch.setitem(sys.modules, "jplephem.spk", module)
    (tmp_path / "de999.bsp").write_bytes(b"DAF/SPK ")
    twin = tmp_path / "twin.fits"
    twin.write_bytes(events.read_bytes())
    assert barycen(table=str(events), ephemeris=str(tmp_path / "de999.bsp")).facts["ephemeris"] == "DE999"
    barycen(table=str(twin))
    one, other = (fits.getdata(path, "EVENTS")["TIME"] for path in (events, twin))
    np.testing.assert_allclose(one, other, atol=1e-9, rtol=0)
    assert fits.getheader(events, "EVENTS")["PLEPHEM"] == "DE999"
    assert fits.getheader(twin, "EVENTS")["PLEPHEM"] == "EPV00"


def test_without_the_reader_of_jpl_s_files(events: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jplephem.spk", None)
    (tmp_path / "de999.bsp").write_bytes(b"DAF/SPK ")
    with pytest.raises(TaskError, match="pip install jplephem"):
        barycen(table=str(events), ephemeris=str(tmp_path / "de999.bsp"))
