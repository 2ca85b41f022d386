"""eregionanalyse: what it measures on a source that is known, what it prints, what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import detection_sample
import numpy as np
import pytest
from astropy.io import fits

from xmmpy.detection.aperture import best_radius, centroid, fraction_inside, upper_limit
from xmmpy.detection.psf import Psf, PsfShape
from xmmpy.tasks import eregionanalyse
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

COUNTS, BACKGROUND = 5000.0, 0.02
PIXEL = (110.3, 95.6)
X, Y = 18000.5 + 80.0 * PIXEL[0], 18000.5 + 80.0 * PIXEL[1]
SOURCE = f"(X,Y) IN CIRCLE({X:.1f},{Y:.1f},800)"
RING = f"(X,Y) IN ANNULUS({X:.1f},{Y:.1f},3500,5500)"


@pytest.fixture
def image(tmp_path: Path) -> str:
    return str(detection_sample.write_image(tmp_path / "image.fits", COUNTS, PIXEL, BACKGROUND))


@pytest.mark.parametrize(
    ("counts", "background", "probability", "expected"),
    [  # closed forms: -ln(1 - p) without counts, whatever the background; for one count (1 + S) exp(-S) = 1 - p
        (0, 0.0, 0.9, 2.302585), (0, 3.0, 0.95, 2.995732), (0, 900.0, 0.95, 2.995732), (1, 0.0, 0.9, 3.88972),
        (10000, 9000.0, 0.5, 1000.7),
    ],
)  # fmt: skip
def test_upper_limits(counts: float, background: float, probability: float, expected: float) -> None:
    assert upper_limit(counts, background, probability) == pytest.approx(expected, rel=2e-4)


def test_best_radius_is_the_best() -> None:
    shape = PsfShape(5.0, 1.45, ellipticity=0.3)
    net, background = 400.0, 0.01
    radii = np.arange(1.0, 301.0)
    for elliptical in (False, True):
        found = best_radius(net, background, shape, elliptical=elliptical)
        area = np.pi * radii**2 * (0.7 if elliptical else 1.0)
        ratio = net * shape.encircled(radii) / np.sqrt(net * shape.encircled(radii) + background * area)
        assert found == radii[np.argmax(ratio)]
    assert best_radius(100 * net, background, shape) > best_radius(net, background, shape) > best_radius(9, 1.0, shape)


def test_centroid_of_nothing() -> None:
    empty = np.zeros((5, 5))
    assert centroid(empty, np.ones((5, 5), bool), 0.1) is None


def test_fraction_of_any_region_agrees_with_the_circle() -> None:
    shape = Psf("EPN").shape(1.5, 3.0)
    y, x = np.indices((401, 401))
    inside = np.hypot(x - 200, y - 200) <= 30
    assert fraction_inside(shape, 1.0, inside, (200, 200), 0.0) == pytest.approx(float(shape.encircled(30)), abs=0.003)


def test_known_source(image: str) -> None:
    facts = eregionanalyse(imageset=image, srcexp=SOURCE, backexp=RING).facts
    assert facts["xcentroid"] == pytest.approx(X, abs=5.0)  # 0.05 arcsec each; 5000 counts: 0.1 arcsec rms
    assert facts["ycentroid"] == pytest.approx(Y, abs=5.0)
    # The ring holds some of the source: 175 to 275 arcsec.
    assert facts["netcnts"] == pytest.approx(COUNTS, abs=4 * facts["netcnts_err"])
    assert facts["netcnts_err"] == pytest.approx(np.sqrt(facts["srccnts"]) / facts["eef"], rel=0.02)
    assert facts["eef"] == pytest.approx(float(Psf("EMOS1").shape(1.5, 1.0).encircled(40.0)), abs=0.01)
    assert facts["exposure"] == 1e4
    assert facts["upperlimit"] > facts["netcnts"] / 1e4


def test_coordinates_agree(image: str, tmp_path: Path) -> None:
    head = fits.getheader(image)
    from astropy.wcs import WCS

    ra, dec = WCS(head).all_pix2world([[*PIXEL]], 0)[0]
    base = eregionanalyse(imageset=image, srcexp=SOURCE, backval=BACKGROUND / 16)
    sky = eregionanalyse(
        imageset=image, srcexp=f"((RA,DEC) IN circle({ra},{dec},{40 / 3600}))", backval=BACKGROUND / 16
    )
    assert sky.facts == pytest.approx(base.facts, rel=1e-4)
    background = tmp_path / "bkg.fits"
    fits.PrimaryHDU(np.full((200, 200), BACKGROUND, np.float32), head).writeto(background)
    mapped = eregionanalyse(imageset=image, srcexp=SOURCE, bkgimageset=background)
    assert mapped.facts == pytest.approx(base.facts, rel=1e-4)
    out_of_circle = eregionanalyse(
        imageset=image, srcexp=f"{SOURCE} &&! (X,Y) IN CIRCLE({X + 3000},{Y},300)", backval=BACKGROUND / 16
    )
    assert out_of_circle.facts["srccnts"] == base.facts["srccnts"]
    assert out_of_circle.facts["eef"] == pytest.approx(base.facts["eef"], abs=0.01)  # summed over pixels


def test_exposure_map_scales_the_background(image: str, tmp_path: Path) -> None:
    exposure = np.full((200, 200), 5e3, np.float32)
    exposure[:, 135:] = 2.5e3  # half of the exposure in a part of the ring
    path = tmp_path / "exp.fits"
    fits.PrimaryHDU(exposure, fits.getheader(image)).writeto(path)
    plain = eregionanalyse(imageset=image, srcexp=SOURCE, backexp=RING).facts
    scaled = eregionanalyse(imageset=image, srcexp=SOURCE, backexp=RING, exposuremap=path).facts
    assert scaled["exposure"] == pytest.approx(5e3)
    assert scaled["netcnts"] < plain["netcnts"]  # more background where the ring was exposed for less long


def test_what_is_printed(image: str, tmp_path: Path) -> None:
    out = io.StringIO()
    session = Session("eregionanalyse", Environment(verbosity=0), out=out)
    output = tmp_path / "out.txt"
    outcome = find_task("eregionanalyse").execute(
        {"imageset": image, "srcexp": SOURCE, "backexp": RING, "output": str(output)}, session
    )
    text = out.getvalue()
    assert output.read_text() == text.removeprefix("eregionanalyse:- ")
    # How scripts take it apart: sed, cut and tr on these words.
    lines = text.splitlines()
    circle = next(line for line in lines if "SASCIRCLE" in line).replace(" SASCIRCLE: ", "")
    assert circle == "(X,Y) in CIRCLE({xcentroid:.1f},{ycentroid:.1f},{optradius:g})".format(**outcome.facts)
    assert float(next(line for line in lines if "cnts per pixel" in line).split(" ")[6]) > 1.0
    assert float(next(line for line in lines if "encircled energy factor" in line).split(" ")[4]) == pytest.approx(
        outcome.facts["eef"], rel=1e-5
    )
    limit = next(line for line in lines if "upper limit" in line).split("c/r: ")[-1].split(" c/s")[0]
    assert float(limit) == pytest.approx(outcome.facts["upperlimit"], rel=1e-3)


def test_circle_can_be_used_as_an_expression_again(image: str) -> None:
    session = Session("eregionanalyse")
    task = find_task("eregionanalyse")
    task.execute({"imageset": image, "srcexp": SOURCE, "backexp": RING}, session)
    again = next(line for line in session.log[-1].splitlines() if "SASELLIPSE" in line).split(": ")[1]
    assert task.execute({"imageset": image, "srcexp": again}, session).facts["srccnts"] > 1000


def test_empty_region_is_measured_too(image: str) -> None:
    session = Session("eregionanalyse")
    values = {"imageset": image, "srcexp": "(X,Y) IN CIRCLE(20000,31000,400)", "backval": 0.01}
    facts = find_task("eregionanalyse").execute(values, session).facts
    assert {code for code, _ in session.warnings} >= {"noSource"}
    assert np.isfinite(list(facts.values())).all()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"srcexp": "(X,Y) IN CIRCLE(1,1,5)"}, "holds no pixel"),
        ({"srcexp": "(X,Y) IN CIRCLE("}, "srcexp"),
        ({"srcexp": SOURCE, "backexp": "(X,NO) IN CIRCLE(1,1,5)"}, "backexp"),
        ({"srcexp": SOURCE, "exposuremap": "small.fits"}, "3 x 3 pixels"),
        ({"srcexp": SOURCE, "ulsig": 1.5}, "at most"),
    ],
)
def test_what_cannot_be_done(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fits.PrimaryHDU(np.ones((3, 3))).writeto("small.fits")
    with pytest.raises(TaskError, match=complaint):
        eregionanalyse(imageset=image, output="out.txt", **values)
    assert not Path("out.txt").exists()


def test_image_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "odd.fits"
    header = detection_sample.header()
    header["CTYPE1L"] = "RAWX"
    fits.PrimaryHDU(np.ones((9, 9)), header).writeto(path)
    with pytest.raises(TaskError, match="RAWX,Y"):
        eregionanalyse(imageset=path, srcexp=SOURCE)
