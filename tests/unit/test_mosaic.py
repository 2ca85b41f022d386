"""Adding images on a common grid, and the task around it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.imaging.mosaic import (
    MosaicProblem,
    TangentGrid,
    add_images,
    common_grid,
    divide_by_exposure,
    pixel_map,
    project,
    resample,
)
from xmmpy.tasks import emosaic
from xmmpy.tasks.catalogue.emosaic import quotient_type, sum_type
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Session

SKY = (149.6, -11.1)
PIXEL = 4 / 3600
LONG_NAME = "O'Neil & a name that is far longer than a card, so long that it goes on"


def grid(
    shape: tuple[int, int] = (40, 50),
    sky: tuple[float, float] = SKY,
    pixel: float = PIXEL,
    rotation: float = 0.0,
    reference: tuple[float, float] | None = None,
) -> TangentGrid:
    centre = reference or (shape[1] / 2 + 0.5, shape[0] / 2 + 0.5)
    return TangentGrid.rotated(shape, centre, sky, (-pixel, pixel), rotation)


def wcs_of(g: TangentGrid) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cd = g.reference_pixel, g.reference_sky, np.array(g.matrix)
    return wcs


angles = st.floats(0, 359.9)
skies = st.tuples(st.floats(0, 359.99), st.floats(-89, 89))


@given(sky=skies, angle=angles, other_angle=angles, shift=st.floats(-0.4, 0.4), size=st.floats(0.5, 3))
def test_pixel_map_agrees_with_astropy(
    sky: tuple[float, float], angle: float, other_angle: float, shift: float, size: float
) -> None:
    source = grid(sky=sky, rotation=angle)
    target = grid(sky=(sky[0], max(-90, min(90, sky[1] + shift))), rotation=other_angle, pixel=PIXEL * size)
    x, y = np.array([1.0, 50.0, 17.3]), np.array([1.0, 3.0, 40.0])
    world = wcs_of(source).wcs_pix2world(x, y, 1)
    expected = wcs_of(target).wcs_world2pix(*world, 1)
    np.testing.assert_allclose(project(pixel_map(source, target), x, y), expected, atol=1e-6)


@given(counts=st.lists(st.integers(0, 9), min_size=6, max_size=6), dx=st.integers(-8, 8), dy=st.integers(-8, 8))
def test_images_of_one_sky_grid_are_added_pixel_by_pixel(counts: list[int], dx: int, dy: int) -> None:
    image = np.array(counts).reshape(2, 3)
    first = grid((2, 3), reference=(2.0, 1.5))
    second = grid((2, 3), reference=(2.0 - dx, 1.5 - dy))
    target = common_grid([first, second])
    assert target.shape == (2 + abs(dy), 3 + abs(dx))
    total = add_images([image, image], [first, second], target)
    expected = np.zeros(target.shape)
    x0, y0 = max(-dx, 0), max(-dy, 0)
    expected[y0 : y0 + 2, x0 : x0 + 3] += image
    expected[y0 + dy : y0 + dy + 2, x0 + dx : x0 + dx + 3] += image
    np.testing.assert_array_equal(total, expected)


@settings(max_examples=40)
@given(angle=angles, sky=skies, size=st.floats(0.4, 3), seed=st.integers(0, 99))
def test_conserve_keeps_every_count_on_any_grid(angle: float, sky: tuple[float, float], size: float, seed: int) -> None:
    image = np.random.default_rng(seed).poisson(2, (40, 50))
    source, first = grid(sky=sky, rotation=angle, pixel=PIXEL * size), grid(sky=sky)
    target = common_grid([first, source])
    moved = resample(image, source, target, "conserve")
    assert moved.sum() == image.sum()


@given(angle=angles, size=st.floats(0.4, 3))
def test_point_gives_a_flat_map_its_value_inside_and_nothing_outside(angle: float, size: float) -> None:
    source = grid((40, 40), rotation=angle, pixel=PIXEL * size)
    target = common_grid([grid((10, 10)), source])
    moved = resample(np.full((40, 40), 7.0), source, target)
    assert set(np.unique(moved)) <= {0.0, 7.0}
    area = np.count_nonzero(moved) / (1600 * size**2)
    assert area == pytest.approx(1, abs=4 * 40 * size / (1600 * size**2))


def test_a_source_stays_where_it_is_on_the_sky() -> None:
    source, first = grid((80, 80), rotation=31.0), grid((100, 100), sky=(SKY[0] + 0.02, SKY[1]))
    image = np.zeros((80, 80))
    image[60, 20] = 5
    ra, dec = wcs_of(source).wcs_pix2world([21], [61], 1)
    target = common_grid([first, source])
    moved = resample(image, source, target, "conserve")
    row, column = np.argwhere(moved == 5)[0]
    x, y = wcs_of(target).wcs_world2pix(ra, dec, 1)
    assert abs(x[0] - (column + 1)) <= 0.5
    assert abs(y[0] - (row + 1)) <= 0.5


def test_first_grid_is_extended_by_whole_pixels() -> None:
    first, second = grid(), grid(reference=(10.25, 20.5))
    target = common_grid([first, second])
    for mine, theirs in zip(target.reference_pixel, first.reference_pixel, strict=True):
        assert (mine - theirs) == round(mine - theirs)
    # Rounding in CRPIX, such as SAS leaves in its mosaics, adds no row.
    nearly = grid(reference=(25.5 + 1e-5, 20.5 - 1e-5))
    assert common_grid([first, nearly]).shape == first.shape


@pytest.mark.parametrize("sky", [(329.6, 11.1), (239.6, 0.0), (149.6, 60.0)])
def test_images_far_apart_are_refused(sky: tuple[float, float]) -> None:
    with pytest.raises(MosaicProblem, match="from the first image") as caught:
        common_grid([grid(), grid(sky=sky)], largest=10**6)
    assert caught.value.index == 1


@given(angle=st.floats(-179.9, 179.9), ratio=st.floats(0.5, 2), flip=st.sampled_from([-1, 1]))
def test_sizes_and_rotation_describe_the_matrix(angle: float, ratio: float, flip: int) -> None:
    made = TangentGrid.rotated((2, 2), (1.0, 1.0), SKY, (flip * PIXEL * ratio, PIXEL), angle)
    sizes = made.sizes_and_rotation
    assert sizes is not None
    again = TangentGrid.rotated((2, 2), (1.0, 1.0), SKY, (sizes[0], sizes[1]), sizes[2])
    np.testing.assert_allclose(again.matrix, made.matrix, atol=1e-15)


def test_skewed_axes_have_no_rotation() -> None:
    assert TangentGrid((2, 2), (1.0, 1.0), SKY, ((-PIXEL, PIXEL / 2), (0.0, PIXEL))).sizes_and_rotation is None


def test_nothing_is_divided_by_no_exposure() -> None:
    rate = divide_by_exposure(np.array([4.0, 5.0, 0.0]), np.array([2.0, 0.0, 3.0]))
    np.testing.assert_array_equal(rate, [2, 0, 0])


def test_types_of_sum_and_quotient() -> None:
    i2, i4, f4, f8 = (np.dtype(name) for name in ("i2", "i4", "f4", "f8"))
    assert sum_type([i4, i4]) == i4
    assert sum_type([i4, f4]) == f8
    assert quotient_type([i4, i4], [f4, f4]) == f4
    assert quotient_type([i2], [i2]) == f8
    assert quotient_type([f8], [f4]) == f8


# The task


def write(path: Path, data: np.ndarray[Any, Any], g: TangentGrid | None = None, **keywords: Any) -> Path:
    hdu = fits.PrimaryHDU(data)
    if g is not None:
        hdu.header.update(wcs_of(g).to_header())
    hdu.header.update(INSTRUME="EMOS1", EXPOSURE=100.0, OBJECT="Field")
    hdu.header.update(keywords)
    hdu.writeto(path)
    return path


def code_of(**values: Any) -> str:
    with pytest.raises(TaskError) as caught:
        emosaic(**values)
    assert str(caught.value)
    return caught.value.code


def test_integers_stay_integers_until_they_are_too_large(tmp_path: Path) -> None:
    session = Session("emosaic")
    small = write(tmp_path / "s.fits", np.full((4, 4), 3, np.int16), grid((4, 4)))
    big = write(tmp_path / "b.fits", np.full((4, 4), 30000, np.int16), grid((4, 4)))
    emosaic.execute({"imagesets": [str(small)] * 2, "mosaicedset": str(tmp_path / "o.fits")}, session)
    assert fits.getdata(tmp_path / "o.fits").dtype == ">i2"
    assert not session.warnings
    emosaic.execute({"imagesets": [str(big)] * 2, "mosaicedset": str(tmp_path / "o.fits")}, session)
    assert fits.getdata(tmp_path / "o.fits").max() == 60000
    assert session.warnings[0][0] == "typeTooSmall"


def test_exposure_maps_divide_the_sum(tmp_path: Path) -> None:
    g = grid((2, 2))
    one = write(tmp_path / "1.fits", np.array([[2, 4], [6, 8]], np.int32), g)
    map_one = write(tmp_path / "e1.fits", np.array([[10, 10], [0, 10]], np.float32), g)
    map_two = write(tmp_path / "e2.fits", np.array([[30, 10], [0, 0]], np.float32), g)
    out = tmp_path / "o.fits"
    emosaic(imagesets=[one, one], exposuresets=[map_one, map_two], mosaicedset=out)
    result = fits.getdata(out)
    assert result.dtype == ">f4"
    np.testing.assert_allclose(result, [[0.1, 0.4], [0.0, 1.6]], rtol=1e-6)


def test_keywords_that_differ_are_written_for_each_image(tmp_path: Path) -> None:
    a = write(tmp_path / "a.fits", np.ones((2, 2)), grid((2, 2)), EXPOSURE=12.5)
    b = write(tmp_path / "b.fits", np.ones((2, 2)), grid((2, 2)), INSTRUME="EPN", OBSERVER=LONG_NAME)
    out = tmp_path / "o.fits"
    emosaic(imagesets=[a, b], mosaicedset=out)
    header = fits.getheader(out)
    assert (header["EMSCI001"], header["EMSCI002"]) == ("EMOS1", "EPN")
    assert (header["EMSCE001"], header["EMSCE002"]) == ("12.5", "100")
    assert header["EMSCB001"] == "??"
    assert header["EMSCB002"].startswith("O'Neil & a name")
    assert header["OBJECT"] == "Field"
    assert header["DURATION"] == "??"
    emosaic(imagesets=[a, b], mosaicedset=out, forceuniformkwds=True)
    header = fits.getheader(out)
    assert (header["INSTRUME"], header["EXPOSURE"]) == ("EMOS1", 12.5)
    assert "EMSCI001" not in header


def test_rotated_first_image_gives_a_rotated_mosaic(tmp_path: Path) -> None:
    g = grid((4, 6), rotation=30.0)
    a = write(tmp_path / "a.fits", np.arange(24.0).reshape(4, 6), g)
    out = tmp_path / "o.fits"
    emosaic(imagesets=[a, a], mosaicedset=out)
    header = fits.getheader(out)
    assert header["CROTA2"] == pytest.approx(30)
    np.testing.assert_array_equal(fits.getdata(out), 2 * np.arange(24.0).reshape(4, 6))
    np.testing.assert_allclose(WCS(header).wcs_pix2world(3, 2, 1), wcs_of(g).wcs_pix2world(3, 2, 1))


def test_other_pixel_sizes_are_warned_of_and_can_be_conserved(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    a = write(tmp_path / "a.fits", rng.poisson(1, (20, 20)), grid((20, 20)))
    b = write(tmp_path / "b.fits", rng.poisson(1, (10, 10)), grid((10, 10), pixel=2 * PIXEL))
    out, session = tmp_path / "o.fits", Session("emosaic")
    emosaic.execute({"imagesets": [str(a), str(b)], "mosaicedset": str(out)}, session)
    assert session.warnings[0][0] == "pixelSizesDiffer"
    outcome = emosaic(imagesets=[a, b], mosaicedset=out, sampling="conserve")
    assert outcome.facts["sum"] == fits.getdata(a).sum() + fits.getdata(b).sum() == fits.getdata(out).sum()


def test_errors_carry_the_names_of_sas(tmp_path: Path) -> None:
    good = write(tmp_path / "g.fits", np.ones((4, 4)), grid((4, 4)))
    small = write(tmp_path / "s.fits", np.ones((3, 3)), grid((3, 3)))
    line = write(tmp_path / "l.fits", np.ones(4))
    detector = write(tmp_path / "d.fits", np.ones((4, 4)))
    lost = write(tmp_path / "w.fits", np.ones((4, 4)), grid((4, 4)), CRVAL1="unknown")
    flat = write(tmp_path / "z.fits", np.ones((4, 4)), grid((4, 4)), CDELT1=0.0)
    far = write(tmp_path / "f.fits", np.ones((4, 4)), grid((4, 4), sky=(SKY[0] + 180, 11.1)))
    out = tmp_path / "o.fits"
    assert code_of(imagesets=[], mosaicedset=out) == "wrongNumberOfImages"
    assert code_of(imagesets=[good] * 1000, mosaicedset=out) == "wrongNumberOfImages"
    assert code_of(imagesets=[good, good], exposuresets=[good], mosaicedset=out) == "wrongNumberOfImages"
    assert code_of(imagesets=[good], exposuresets=[small], mosaicedset=out) == "sizesDiffer"
    assert code_of(imagesets=[line], mosaicedset=out) == "badDims"
    assert code_of(imagesets=[good, far], mosaicedset=out) == "badDims"
    assert code_of(imagesets=[detector], mosaicedset=out) == "badType"
    assert code_of(imagesets=[lost], mosaicedset=out) == "badType"
    assert code_of(imagesets=[flat], mosaicedset=out) == "badType"
    assert code_of(imagesets=[tmp_path / "none.fits"], mosaicedset=out) == "FileIo"
    assert not out.exists()


def test_undefined_pixels_count_as_nothing(tmp_path: Path) -> None:
    data = np.array([[1.0, math.nan], [2.0, 3.0]])
    a = write(tmp_path / "a.fits", data, grid((2, 2)))
    emosaic(imagesets=[a, a], mosaicedset=tmp_path / "o.fits")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "o.fits"), [[2, 0], [4, 6]])


def test_sky_and_back_to_pixels() -> None:
    grid = TangentGrid.rotated((400, 500), (250.5, 200.5), (0.01, -70.0), (-0.001, 0.001), 33.0)
    x, y = np.meshgrid(np.linspace(1, 500, 11), np.linspace(1, 400, 9))
    ra, dec = grid.sky(x, y)
    assert np.all((ra >= 0) & (ra < 360))
    assert np.allclose(grid.pixel(ra, dec), (x, y), atol=1e-7)
    assert np.isnan(grid.pixel(180.01, 70.0)).all()
