"""Which pixels of an image an expression takes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.detection.planes import INSTRUMENT_IDS, CameraView
from xmmpy.tasks.detection.fields import camera_view
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.skyimages import image_number, tangent_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.imaging.mosaic import TangentGrid
    from xmmpy.products.images import Image
    from xmmpy.selection import CelestialFrame, Expression

UNIT_ARCSEC = 0.05


@dataclass(frozen=True, eq=False)
class Plane:
    """An image with its axes in units of 0.05 arcsec.

    Attributes
    ----------
    image : Image
        The image.
    names : tuple of str
        ``X``, ``Y`` or ``DETX``, ``DETY``.
    view : CameraView
        How the camera lies on it.
    grid : TangentGrid or None
        Its pixels on the sky; None for DETX, DETY.
    step, start : tuple of float
        Coordinates of pixel n, from 0, are start + n * step.
    """

    image: Image
    names: tuple[str, str]
    view: CameraView
    grid: TangentGrid | None
    step: tuple[float, float]
    start: tuple[float, float]

    @classmethod
    def of(cls, image: Image) -> Plane:
        """Read the axes.

        Raises
        ------
        TaskError
            When the image is neither of X, Y nor of DETX, DETY, or of no known camera.
        """
        camera = str(image.header.get("INSTRUME", "")).strip().upper()
        if camera not in INSTRUMENT_IDS:
            text = f"image '{image.path}' is of INSTRUME '{camera}'; eregionanalyse knows {', '.join(INSTRUMENT_IDS)}"
            raise TaskError("badInstrument", text)
        found = tuple(str(image.header.get(f"CTYPE{axis}L", "")).strip().upper() for axis in (1, 2))
        if found not in {("X", "Y"), ("DETX", "DETY")}:
            text = f"image '{image.path}' is of {found[0] or 'nothing'},{found[1] or 'nothing'} (CTYPE1L, CTYPE2L)"
            raise TaskError("badType", f"{text}, not of X,Y or DETX,DETY; make it from these columns")
        step = (image_number(image, "CDELT1L"), image_number(image, "CDELT2L"))
        start = (
            image_number(image, "CRVAL1L") + step[0] * (1.0 - image_number(image, "CRPIX1L")),
            image_number(image, "CRVAL2L") + step[1] * (1.0 - image_number(image, "CRPIX2L")),
        )
        if found[0] == "X":
            grid = tangent_grid(image)
            return cls(image, ("X", "Y"), camera_view(image, grid), grid, step, start)
        to_det = ((step[0], 0.0, start[0]), (0.0, step[1], start[1]))
        return cls(image, ("DETX", "DETY"), CameraView(camera, to_det, abs(step[0]) * UNIT_ARCSEC), None, step, start)

    @property
    def pixel_arcsec2(self) -> float:
        """Area of a pixel."""
        return abs(self.step[0] * self.step[1]) * UNIT_ARCSEC**2

    def units(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """X, Y or DETX, DETY of a pixel from 0."""
        return self.start[0] + self.step[0] * pixel[0], self.start[1] + self.step[1] * pixel[1]

    def pixel(self, units: tuple[float, float]) -> tuple[float, float]:
        """Pixel, from 0, of X, Y or DETX, DETY."""
        return (units[0] - self.start[0]) / self.step[0], (units[1] - self.start[1]) / self.step[1]

    def det(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """DETX, DETY of a pixel from 0."""
        detx, dety = self.view.det(np.array([pixel[0]]), np.array([pixel[1]]))
        return float(detx[0]), float(dety[0])

    @property
    def celestial(self) -> CelestialFrame | None:
        """Projection of X and Y."""
        from xmmpy.selection import CelestialFrame

        if self.grid is None or self.grid.sizes_and_rotation is None:
            return None
        width, height, _ = self.grid.sizes_and_rotation
        place = self.grid.reference_pixel
        return CelestialFrame(
            self.grid.reference_sky,
            self.units((place[0] - 1.0, place[1] - 1.0)),
            (width / self.step[0], height / self.step[1]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """Pixels that an expression takes in.

    Attributes
    ----------
    inside : ndarray of bool
        By pixel.
    circle : tuple of float or None
        Centre (X, Y or DETX, DETY) and radius, all 0.05 arcsec, where the expression is nothing but a circle.
    """

    inside: NDArray[np.bool_]
    circle: tuple[float, float, float] | None

    @property
    def middle(self) -> tuple[float, float]:
        """Mean pixel, from 0."""
        y, x = np.nonzero(self.inside)
        return float(x.mean()), float(y.mean())


def mark(expression: str, plane: Plane, parameter: str) -> Marked:
    """Find the pixels whose centres an expression takes in.

    Raises
    ------
    TaskError
        When it cannot be understood, or no pixel is inside.
    """
    from xmmpy.selection import SelectionError, TableSchema, compile_selection, parse, resolve
    from xmmpy.tasks.blockfiles import TaskBlockFiles

    rows, columns = plane.image.data.shape
    y, x = (axis.ravel().astype(np.float64) for axis in np.indices((rows, columns)))
    values = dict(
        zip(plane.names, (plane.start[0] + plane.step[0] * x, plane.start[1] + plane.step[1] * y), strict=True)
    )
    if plane.names[0] == "X":
        values["DETX"], values["DETY"] = plane.view.det(x, y)
    schema = TableSchema({name: column.dtype for name, column in values.items()}, celestial=plane.celestial)
    try:
        parsed = resolve(parse(expression), {})
        selection = compile_selection(parsed, schema, TaskBlockFiles(plane.image.path, plane.celestial))
        inside = selection({name: values[name] for name in selection.columns}, 0, x.size).reshape(rows, columns)
    except SelectionError as error:
        raise TaskError("BadExpression", f"{parameter}: {error}") from None
    if not inside.any():
        text = f"{parameter} '{expression}' holds no pixel of '{plane.image.path}'"
        raise TaskError("regionOutside", f"{text}; check its coordinates ({', '.join(values)}, RA, DEC)")
    return Marked(inside, _circle(parsed, plane))


def _circle(expression: Expression, plane: Plane) -> tuple[float, float, float] | None:
    """The circle that an expression is, on the axes of the image."""
    from xmmpy.selection.syntax import Number, Region, Unary

    node = expression.root
    if not isinstance(node, Region) or node.shape != "circle":
        return None
    numbers: list[float] = []
    for part in node.parameters:
        sign = 1.0
        while isinstance(part, Unary) and part.op == "-":
            part, sign = part.operand, -sign
        if not isinstance(part, Number):
            return None
        numbers.append(sign * float(part.value))
    names = tuple(str(getattr(column, "name", "")).upper() for column in node.columns)
    if names == plane.names:
        return numbers[0], numbers[1], numbers[2]
    if names == ("RA", "DEC") and plane.celestial is not None:
        x, y, radius = plane.celestial.to_parameters("xyl", tuple(numbers))
        return x, y, radius
    return None
