"""The nominal calibration: small text tables, each with its source, in place of calibration constituents."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

CAMERAS: Final = ("EMOS1", "EMOS2", "EPN")
BAND_EDGES_KEV: Final = (0.2, 0.5, 1.0, 2.0, 4.5, 12.0)
"""Edges of the five standard energy bands (keV)."""
FILTERS: Final = ("Open", "Thin", "Medium", "Thick")


@dataclass(frozen=True, slots=True)
class NominalTable:
    """A text table: its columns as strings, and where its figures come from.

    Attributes
    ----------
    name : str
        Name of the table without ending.
    source : str
        The comment at its head: what the columns are and their source.
    rows : tuple of dict
        Column name to text, one per row.
    """

    name: str
    source: str
    rows: tuple[dict[str, str], ...]

    def where(self, column: str, value: str) -> NominalTable:
        """Return the rows in which `column` is `value`."""
        kept = tuple(row for row in self.rows if row[column] == value)
        if not kept:
            raise ValueError(f"the nominal table {self.name} has no row with {column} = {value}")
        return NominalTable(self.name, self.source, kept)

    def numbers(self, column: str) -> FloatArray:
        """Return one column as float64, shape (rows,)."""
        return np.array([float(row[column]) for row in self.rows])


@cache
def read_table(name: str) -> NominalTable:
    """Read one of the tables in ``calibration/tables``.

    Parameters
    ----------
    name : str
        File name without ``.csv``.
    """
    text = (files("xmmpy.calibration") / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    lines = text.splitlines()
    source = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    rows = csv.DictReader(line for line in lines if line and not line.startswith("#"))
    return NominalTable(name, source, tuple(rows))


@dataclass(frozen=True, slots=True)
class CcdGeometry:
    """Where the pixels of one CCD lie in DETX,DETY.

    Attributes
    ----------
    camera, ccd
        ``EMOS1``, ``EMOS2`` or ``EPN``, and CCDNR.
    reference : tuple of float
        RAWX, RAWY of the reference pixel.
    origin : tuple of float
        DETX, DETY of the centre of the reference pixel (0.05 arcsec).
    axis_x, axis_y : tuple of float
        Step in DETX, DETY of one pixel along RAWX and along RAWY (0.05 arcsec).
    first, last : tuple of int
        RAWX, RAWY of the first and last pixels in use.
    """

    camera: str
    ccd: int
    reference: tuple[float, float]
    origin: tuple[float, float]
    axis_x: tuple[float, float]
    axis_y: tuple[float, float]
    first: tuple[int, int]
    last: tuple[int, int]

    @property
    def pixel(self) -> float:
        """Size of a pixel (0.05 arcsec)."""
        return float(np.hypot(*self.axis_x))

    @property
    def pixels(self) -> tuple[int, int]:
        """Number of pixels in use along RAWX and RAWY."""
        return self.last[0] - self.first[0] + 1, self.last[1] - self.first[1] + 1

    @property
    def area_arcmin2(self) -> float:
        """Area in use (arcmin2)."""
        return float(np.prod(self.pixels)) * (self.pixel * 0.05 / 60.0) ** 2

    def raw_to_det(self, rawx: FloatArray, rawy: FloatArray) -> tuple[FloatArray, FloatArray]:
        """DETX, DETY (0.05 arcsec) of pixel coordinates; whole numbers are pixel centres."""
        dx, dy = rawx - self.reference[0], rawy - self.reference[1]
        return (
            self.origin[0] + self.axis_x[0] * dx + self.axis_y[0] * dy,
            self.origin[1] + self.axis_x[1] * dx + self.axis_y[1] * dy,
        )

    def det_to_raw(self, detx: FloatArray, dety: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RAWX, RAWY as real numbers of DETX, DETY (0.05 arcsec)."""
        dx, dy = detx - self.origin[0], dety - self.origin[1]
        scale = self.pixel**2
        return (
            self.reference[0] + (self.axis_x[0] * dx + self.axis_x[1] * dy) / scale,
            self.reference[1] + (self.axis_y[0] * dx + self.axis_y[1] * dy) / scale,
        )


@cache
def ccd_geometry(camera: str) -> tuple[CcdGeometry, ...]:
    """CCDs of a camera in the order of CCDNR."""
    ccds = []
    for row in read_table("ccd_geometry").where("camera", camera).rows:
        angle, size = np.radians(float(row["rotation_deg"])), float(row["pixel"])
        cosine, sine = round(float(np.cos(angle)), 12), round(float(np.sin(angle)), 12)
        ccds.append(
            CcdGeometry(
                camera=camera,
                ccd=int(row["ccd"]),
                reference=(float(row["reference_rawx"]), float(row["reference_rawy"])),
                origin=(float(row["detx"]), float(row["dety"])),
                axis_x=(size * cosine, size * sine),
                axis_y=(-size * sine, size * cosine),
                first=(int(row["first_rawx"]), int(row["first_rawy"])),
                last=(int(row["last_rawx"]), int(row["last_rawy"])),
            )
        )
    return tuple(ccds)


@dataclass(frozen=True, slots=True)
class Boresight:
    """How a camera sits under its telescope.

    Attributes
    ----------
    pointing : tuple of float
        DETX, DETY of the direction that the spacecraft looks to, AHFRA and AHFDEC (0.05 arcsec).
    roll_deg : float
        Angle from AHFPA to the orientation of the camera (degrees).
    axis : tuple of float
        DETX, DETY of the optical axis (0.05 arcsec).
    """

    pointing: tuple[float, float]
    roll_deg: float
    axis: tuple[float, float]


@cache
def boresight(camera: str) -> Boresight:
    """Boresight of a camera."""
    row = read_table("boresight").where("camera", camera).rows[0]
    return Boresight(
        pointing=(float(row["detx"]), float(row["dety"])),
        roll_deg=float(row["roll_deg"]),
        axis=(float(row["axis_detx"]), float(row["axis_dety"])),
    )


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """Field of view of a camera in DETX,DETY (0.05 arcsec): a circle, and boxes beyond it.

    Attributes
    ----------
    circle : tuple of float
        Centre and radius.
    boxes : tuple of tuple of float
        Centre and half widths of each.
    """

    circle: tuple[float, float, float]
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    def contains(self, detx: npt.NDArray[Any], dety: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether places lie inside; the arrays are broadcast against each other and keep their precision."""
        x, y, radius = self.circle
        inside: npt.NDArray[np.bool_] = (detx - x) ** 2 + (dety - y) ** 2 <= radius**2
        for box_x, box_y, width, height in self.boxes:
            inside = inside | ((np.abs(detx - box_x) <= width) & (np.abs(dety - box_y) <= height))
        return inside

    @property
    def enclosing(self) -> tuple[float, float, float]:
        """Circle about the same centre that encloses all."""
        x, y, radius = self.circle
        corners = [np.hypot(abs(bx - x) + width, abs(by - y) + height) for bx, by, width, height in self.boxes]
        return x, y, float(max([radius, *corners]))


@cache
def field_of_view(camera: str) -> FieldOfView:
    """Field of view of a camera."""
    rows = read_table("field_of_view").where("camera", camera).rows
    circles, boxes = [], []
    for row in rows:
        x, y, width, height = (float(row[name]) for name in ("detx", "dety", "width", "height"))
        if row["figure"] == "circle":
            circles.append((x, y, width))
        else:
            boxes.append((x, y, width, height))
    return FieldOfView(circles[0], tuple(boxes))


def energy_conversion_factors(camera: str, optical_filter: str) -> FloatArray:
    """Energy conversion factors in the five bands, shape (5,), counts cm2 / erg.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    optical_filter : str
        FILTER as in the headers (``Thin1``, ``Medium`` ...); its beginning decides, ``Closed`` gives zeros.
    """
    wanted = optical_filter.strip().lower()
    if wanted.startswith("clos"):
        return np.zeros(5)
    for name in FILTERS:
        if wanted.startswith(name.lower()[:4]):
            row = read_table("energy_conversion").where("filter", name).where("camera", camera).rows[0]
            return np.array([float(row[f"band{band}"]) for band in range(1, 6)]) * 1e11
    raise ValueError(f"no filter {optical_filter!r}: it is one of Open, Thin1, Thin2, Medium, Thick, Closed")


def part_above_300_ev(optical_filter: str) -> float:
    """Part of the photons of 0.2-0.5 keV that pn detects above 0.3 keV; 1 for a filter that is not known."""
    wanted = optical_filter.strip().lower()[:4]
    rows = read_table("softest_band").rows
    return next((float(row["part"]) for row in rows if row["filter"].lower().startswith(wanted)), 1.0)


@dataclass(frozen=True, slots=True)
class KingProfile:
    """Coefficients of the King profile: rows core (arcsec) and slope; columns 1, E, theta, E theta; pixel in arcsec."""

    core: tuple[float, float, float, float]
    slope: tuple[float, float, float, float]
    pixel: float

    def at(self, energy_kev: FloatArray, offaxis_arcmin: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Core radius (arcsec) and slope, kept inside the range that the fit covers.

        Far off the axis and at 7 keV the formula goes below what pixels of pn alone make of a point: events placed at
        random in their pixels scatter by pixel^2 / 6 along each axis, as those of a core of pixel sqrt(slope / 3) do.
        """
        values = []
        for c0, c_energy, c_theta, c_both in (self.core, self.slope):
            values.append(c0 + c_energy * energy_kev + c_theta * offaxis_arcmin + c_both * energy_kev * offaxis_arcmin)
        slope = np.maximum(values[1], 1.3)
        return np.maximum(values[0], np.maximum(2.0, self.pixel * np.sqrt(slope / 3.0))), slope


@cache
def king_profile(camera: str) -> KingProfile:
    """King profile of the telescope of a camera."""
    rows = {row["parameter"]: row for row in read_table("psf_king").where("camera", camera).rows}

    def coefficients(name: str) -> tuple[float, float, float, float]:
        row = rows[name]
        return float(row["constant"]), float(row["energy"]), float(row["offaxis"]), float(row["product"])

    pixel = ccd_geometry(camera)[0].pixel * 0.05
    return KingProfile(core=coefficients("core"), slope=coefficients("slope"), pixel=pixel)


@dataclass(frozen=True, slots=True, eq=False)
class Vignetting:
    """Relative effective area, `factor` of shape (energies, angles), over keV and arcmin."""

    energy_kev: FloatArray
    offaxis_arcmin: FloatArray
    factor: FloatArray

    def at(self, energy_kev: FloatArray, offaxis_arcmin: FloatArray) -> FloatArray:
        """Bilinear interpolation; outside the table its edge holds."""
        i, u = _cell(self.energy_kev, energy_kev)
        j, v = _cell(self.offaxis_arcmin, offaxis_arcmin)
        low = self.factor[i, j] * (1 - v) + self.factor[i, j + 1] * v
        high = self.factor[i + 1, j] * (1 - v) + self.factor[i + 1, j + 1] * v
        result: FloatArray = low * (1 - u) + high * u
        return result


def _cell(grid: FloatArray, values: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Index of the grid cell of each value and the fraction inside it, kept in the grid."""
    index = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, grid.size - 2)
    fraction = np.clip((values - grid[index]) / (grid[index + 1] - grid[index]), 0.0, 1.0)
    return index, fraction


@cache
def vignetting() -> Vignetting:
    """Vignetting of the X-ray telescopes."""
    table = read_table("vignetting")
    columns = [name for name in table.rows[0] if name.startswith("theta_")]
    return Vignetting(
        energy_kev=table.numbers("energy"),
        offaxis_arcmin=np.array([float(name.removeprefix("theta_")) for name in columns]),
        factor=np.stack([table.numbers(name) for name in columns], axis=1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class AzimuthalVignetting:
    """Vignetting of the gratings: relative area by the place about the optical axis.

    Attributes
    ----------
    coefficients : ndarray, shape (n, n)
        Of u^i v^j, where u and v are DETX and DETY from the optical axis in arcmin.
    """

    coefficients: FloatArray

    def at(self, u_arcmin: FloatArray, v_arcmin: FloatArray) -> FloatArray:
        """Relative area, 1 on the axis."""
        factor = np.polynomial.polynomial.polyval2d(u_arcmin, v_arcmin, self.coefficients)
        return np.asarray(factor, np.float64)

    def at_det(self, camera: str, detx: FloatArray, dety: FloatArray) -> FloatArray:
        """Relative area at DETX, DETY of a camera."""
        axis = boresight(camera).axis
        return self.at((detx - axis[0]) / 1200.0, (dety - axis[1]) / 1200.0)


@cache
def azimuthal_vignetting(camera: str) -> AzimuthalVignetting:
    """Vignetting of the gratings under a camera; 1 everywhere for pn, whose telescope has none."""
    rows = [row for row in read_table("azimuthal_vignetting").rows if row["camera"] == camera]
    if not rows:
        return AzimuthalVignetting(np.ones((1, 1)))
    size = max(max(int(row["u"]), int(row["v"])) for row in rows) + 1
    coefficients = np.zeros((size, size))
    for row in rows:
        coefficients[int(row["u"]), int(row["v"])] = float(row["coefficient"])
    return AzimuthalVignetting(coefficients)


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """Timing of a read-out mode.

    Attributes
    ----------
    frame_s, integration_s : float
        Time from frame to frame, and the part of it in which the CCD integrates (s).
    live_fraction, live_spread : float
        Mean and spread of FRACEXP in quiet times.
    live_block : int
        Frames that share one FRACEXP.
    row_s : float
        Time in which one row is shifted (s); in timing and burst mode the step of the row clock.
    """

    frame_s: float
    integration_s: float
    live_fraction: float
    live_spread: float
    live_block: int
    row_s: float


@cache
def frame_timing(camera: str, mode: str = "PrimeFullWindow") -> FrameTiming:
    """Timing of a camera in a mode, named as SUBMODE names it; that of the full window for a mode not in the table."""
    table = read_table("frames").where("camera", camera)
    row = next((row for row in table.rows if row["mode"] == mode), table.rows[0])
    return FrameTiming(
        frame_s=float(row["frame_s"]),
        integration_s=float(row["integration_s"]),
        live_fraction=float(row["live_fraction"]),
        live_spread=float(row["live_spread"]),
        live_block=int(row["live_block"]),
        row_s=float(row["row_s"]),
    )


def out_of_time_part(camera: str, mode: str) -> float | None:
    """Part of the events that arrive during the read-out, by SUBMODE; None for a mode that has no such image."""
    for row in read_table("frames").where("camera", camera).rows:
        if row["mode"] == mode.strip() and row["out_of_time"]:
            return float(row["out_of_time"])
    return None


@dataclass(frozen=True, slots=True)
class EnergyScale:
    """Channels of a camera: eV per PHA, threshold (eV), largest PI (eV) and PHA."""

    ev_per_channel: float
    threshold_ev: float
    largest_pi: int
    largest_pha: int


@cache
def energy_scale(camera: str) -> EnergyScale:
    """Energy scale of a camera."""
    row = read_table("channels").where("camera", camera).rows[0]
    return EnergyScale(
        ev_per_channel=float(row["ev_per_channel"]),
        threshold_ev=float(row["threshold_ev"]),
        largest_pi=int(row["largest_pi"]),
        largest_pha=int(row["largest_pha"]),
    )


def energy_resolution(camera: str, energy_kev: FloatArray) -> FloatArray:
    """Full width at half maximum (eV) at the given energies."""
    table = read_table("energy_resolution").where("camera", camera)
    return np.interp(energy_kev, table.numbers("energy"), table.numbers("fwhm"))


def pattern_fractions(camera: str, energy_kev: FloatArray) -> FloatArray:
    """Fractions of single, double, triple and quadruple events, shape (n, 4), each row summing to 1."""
    table = read_table("pattern_fractions").where("camera", camera)
    energies = table.numbers("energy")
    kinds = ("single", "double", "triple", "quadruple")
    fractions = np.stack([np.interp(energy_kev, energies, table.numbers(kind)) for kind in kinds], axis=-1)
    result: FloatArray = fractions / fractions.sum(axis=-1, keepdims=True)
    return result
