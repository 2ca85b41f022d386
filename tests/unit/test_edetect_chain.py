"""edetect_chain: names of maps, which images belong together, what stops it."""

from __future__ import annotations

import io
from pathlib import Path

import detection_sample
import pytest
from astropy.io import fits

from xmmpy.tasks import edetect_chain
from xmmpy.tasks.catalogue.edetect_chain.calls import Chain, derived_name
from xmmpy.tasks.catalogue.edetect_chain.parameters import EdetectChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Environment, Session
from xmmpy.tasks.subtasks import SubCall, run_subtasks

BANDS = {"pimin": (500, 2000), "pimax": (2000, 4500)}


@pytest.mark.parametrize(
    ("image", "suffix", "expected"),
    [
        ("images/pn_image_b1.fits", "exp", "pn_image_b1exp.fits"),
        ("m1.fits:PRIMARY", "bkg", "m1bkg.fits"),
        ("P0123456789M1S001IMAGE_1000.FTZ", "mask", "P0123456789M1S001IMAGE_1000mask.FIT"),
        ("mos1-0.50-2.00keVimg.fits.gz", "sen", "mos1-0.50-2.00keVimgsen.fits"),
        ("a.ds.fits", "smap", "asmap.ds.fits"),
        ("image", "cheese", "imagecheese"),
    ],
)
def test_names_of_maps(image: str, suffix: str, expected: str) -> None:
    assert derived_name(image, suffix) == expected


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """MOS1 and pn, two bands each, MOS1 first."""
    monkeypatch.chdir(tmp_path)
    names = []
    for camera in ("EMOS1", "EPN"):
        for band in (1, 2):
            path = detection_sample.write_image(tmp_path / f"{camera}_b{band}.fits", camera=camera, seed=band)
            names.append(path.name)
    return names


def chain(session: Session | None = None, **values: object) -> Chain:
    return Chain.of(EdetectChainParameters.from_values(values), session or Session("edetect_chain"))


def test_images_are_sorted_with_what_belongs_to_them(images: list[str]) -> None:
    session = Session("edetect_chain")
    made = chain(
        session, imagesets=images, eventsets=[images[2], images[0]], pimin=(500, 2000, 501, 2001),
        pimax=(2000, 4500, 2002, 4502), ecf=(1, 2, 3, 4), attitudeset="att.fits",
    )  # fmt: skip
    found = [(image.name, image.band, image.low_ev, image.high_ev, image.ecf) for image in made.images]
    assert found == [
        ("EPN_b1.fits", 1, 501, 2002, 3), ("EPN_b2.fits", 2, 2001, 4502, 4), ("EMOS1_b1.fits", 1, 500, 2000, 1),
        ("EMOS1_b2.fits", 2, 2000, 4500, 2),
    ]  # fmt: skip
    assert not session.warnings
    first, second = made.exposure_maps()
    assert first.values["expimageset"] == ["EPN_b1exp.fits", "EPN_b2exp.fits"]
    assert (first.values["eventset"], second.values["eventset"]) == ("EPN_b1.fits", "EMOS1_b1.fits")
    assert [call.values["detmaskset"] for call in made.masks()] == ["EPN_b1mask.fits", "EMOS1_b1mask.fits"]
    assert [call.values["idband"] for call in made.background_maps()] == [1, 2, 1, 2]
    assert made.fit().values["ecf"] == [3, 4, 1, 2]
    assert made.search(with_maps=True).values["detmasksets"] == ["EPN_b1mask.fits", "EMOS1_b1mask.fits"]


def test_missing_list_is_said(images: list[str]) -> None:
    session = Session("edetect_chain")
    made = chain(session, imagesets=images, eventsets=[images[0]], pimin=(500,) * 4, pimax=(2000,) * 4)
    assert made.events == {"EPN": "EPN_b1.fits", "EMOS1": "EMOS1_b1.fits"}
    assert [code for code, _ in session.warnings] == ["noEvents"]


@pytest.mark.parametrize(
    ("values", "flat"),
    [
        ({}, False), ({"esp_withexpimage2": True}, False), ({"esp_fitmethod": "model"}, True),
        ({"esp_fitmethod": "model", "witheexpmap": False}, False),
        ({"esp_fitmethod": "smooth", "esp_withexpimage2": True}, False),
    ],
)  # fmt: skip
def test_maps_without_vignetting(images: list[str], values: dict[str, object], flat: bool) -> None:
    made = chain(imagesets=images[:1], eventsets=images[:1], pimin=500, pimax=2000, **values)
    assert len(made.exposure_maps()) == (0 if values.get("witheexpmap") is False else 1 + flat)
    (background,) = made.background_maps()
    assert background.values["withexpimage2"] is flat
    assert background.values.get("expimageset2", "") == ("EMOS1_b1expnovig.fits" if flat else "")


def test_out_of_time_events_concern_pn_alone(images: list[str]) -> None:
    made = chain(
        imagesets=images, eventsets=images[::2], pimin=(500,) * 4, pimax=(2000,) * 4, esp_ooteventset="oot.fits"
    )
    found = {call.values["imageset"]: call.values.get("ooteventset") for call in made.background_maps()}
    assert set(found.values()) == {"oot.fits", None}
    assert found["EPN_b1.fits"] == "oot.fits"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"pimin": (500,)}, "2 images, 1 values of pimin"),
        ({"ecf": (1, 2, 3)}, "3 values of ecf"),
        ({"imagesets": ("EMOS1_b1.fits", "x/EMOS1_b1.fits")}, "same names"),
        ({"imagesets": ("EMOS1_b1.fits", "rgs.fits")}, "INSTRUME 'RGS1'"),
        ({"imagesets": ("EMOS1_b1.fits", "none.fits")}, "none.fits"),
        ({"mapdir": "nowhere"}, "no folder 'nowhere'"),
        ({"eml_list": "nowhere/emllist.fits"}, "no folder"),
    ],
)
def test_what_cannot_be_done(images: list[str], values: dict[str, object], complaint: str) -> None:
    Path("x").mkdir()
    Path("x/EMOS1_b1.fits").write_bytes(Path("EMOS1_b1.fits").read_bytes())
    fits.PrimaryHDU(header=fits.Header({"INSTRUME": "RGS1"})).writeto("rgs.fits")
    before = sorted(path.name for path in Path().iterdir())
    with pytest.raises(TaskError, match=complaint):
        edetect_chain(**{"imagesets": images[:2], "eventsets": images[:1], **BANDS, **values})
    assert sorted(path.name for path in Path().iterdir()) == before


def test_failing_task_stops_the_chain_with_its_name(images: list[str]) -> None:
    for name in images[:2]:
        fits.PrimaryHDU([[0.0, 0.0]]).writeto(name.replace(".fits", "exp.fits"))  # of another size
    with pytest.raises(TaskError, match=r"^eboxdetect: .*expEMOS1|^eboxdetect: .*EMOS1_b1") as caught:
        edetect_chain(imagesets=images[:2], witheexpmap=False, **BANDS)
    assert caught.value.code == "sizesDiffer"
    assert not Path("emllist.fits").exists()
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_subtasks_in_threads_speak_in_order(images: list[str]) -> None:
    out = io.StringIO()
    session = Session("edetect_chain", Environment(), out=out, err=io.StringIO())
    calls = [
        SubCall("emask", {"expimageset": name, "detmaskset": name.replace(".fits", "mask.fits")}) for name in images
    ]
    assert len(run_subtasks(calls, session, workers=4)) == 4
    said = [line for line in out.getvalue().splitlines() if "Executing" in line]
    assert [name in line for name, line in zip(images, said, strict=True)] == [True] * 4
    assert [line for line in session.log if "Executing" in line] == said
    bad = SubCall("emask", {"expimageset": "none.fits", "detmaskset": "m.fits"})
    with pytest.raises(TaskError, match=r"^emask: none\.fits"):
        run_subtasks([calls[0], bad, calls[1]], session, workers=2)
