"""Lines in which programs and scripts call SAS, on a simulated ODF; the files that they look for afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

LINES = r"""
cifbuild calindexset=ccf.cif withobservationdate=yes observationdate=2000-12-10 analysisdate=2026-11-22 fullpath=yes
odfingest odfdir=ODF outdir=. withodfdir=yes
epchain odf=ODF odfaccess=odf exposure=003 schedule=S ccds=1,2,3,4,5,6,7,8,9,10,11,12 runbackground=N \
  keepintermediate=raw withoutoftime=Y
epchain odf=ODF odfaccess=odf exposure=003 schedule=S ccds=4,5 runbackground=N keepintermediate=raw withoutoftime=N \
  runatthkgen=N runepframes=N runbadpixfind=N runbadpix=N
emchain odf=ODF instruments=M1 exposures=S001 addtaglenoise=no makeflaregti=no
espfilt eventfile=P0000000001M1S001MIEVLI0000.FIT withoot=no method=histogram withsmoothing=yes smooth=51 \
  withbinning=yes binsize=60 ratio=1.2 elow=2500 ehigh=8500 rangescale=6.0 allowsigma=3.0 keepinterfiles=yes
evselect table=mos1S001-allevc.fits imageset=im.fits xcolumn=X ycolumn=Y ximagebinsize=87 yimagebinsize=87 \
  squarepixels=yes ximagesize=512 yimagesize=512 imagebinning=binSize ximagemin=3649 ximagemax=48106 withxranges=yes \
  yimagemin=3649 yimagemax=48106 withyranges=yes 'expression=(PI in [500:2000])'
eexpmap eventset=mos1S001-allevc.fits imageset=im.fits expimageset=exp.fits withdetcoords=no withvignetting=yes \
  attitudeset=P0000000001OBX000ATTTSR0000.FIT pimin=500 pimax=2000
emosaic 'imagesets=im.fits im.fits' mosaicedset=mosaic.fits
psfgen image=im.fits coordtype=EQPOS level=ELLBETA energy=1000 xsize=400 ysize=400 x=150.0 y=2.2 output=psf.fits
"""
MADE = (
    "ccf.cif", "P0000000001PNS003OOEVLI0000.FIT", "P0000000001PNS003PIEVLI0000.FIT", "P0000000001M1S001MIEVLI0000.FIT",
    "P0000000001OBX000ATTTSR0000.FIT", "mos1S001-gti.fits", "mos1S001-gti.txt", "mos1S001-allevc.fits",
    "mos1S001-hist.qdp", "im.fits", "exp.fits", "mosaic.fits", "psf.fits",
)  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    command = [sys.executable, "-m", "xmmpy"]
    simulate = ["simulate", "odf", ".", "--exposure", "2000", "--seed", "8", "--cameras", "mos1,pn", "--no-flares"]
    subprocess.run([*command, *simulate], cwd=folder, check=True, capture_output=True)
    (folder / "ccf").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAS_")}
    environment["SAS_CCFPATH"] = str(folder / "ccf")
    for line in LINES.replace("\\\n", " ").strip().splitlines():
        done = subprocess.run(
            [*command, "task", *shlex.split(line)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


@pytest.mark.parametrize("name", MADE)
def test_files_are_there(work: Path, name: str) -> None:
    assert (work / name).stat().st_size > 0


def test_only_the_ccds_that_were_asked_for(work: Path) -> None:
    events = fits.getdata(work / "P0000000001PNS003PIEVLI0000.FIT", "EVENTS")
    assert set(np.unique(events["CCDNR"])) == {4, 5}
    assert set(np.unique(fits.getdata(work / "P0000000001PNS003OOEVLI0000.FIT", "EVENTS")["CCDNR"])) == set(
        range(1, 13)
    )


def test_ccds_that_do_not_exist(work: Path) -> None:
    command = [sys.executable, "-m", "xmmpy", "task", "epchain", "odf=ODF", "ccds=4,13"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "numbers from 1 to 12" in done.stderr
