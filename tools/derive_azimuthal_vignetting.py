"""Derive calibration/tables/azimuthal_vignetting.csv from public exposure maps.

The maps of 0201901401 and 0201903501 (MOS1 and MOS2, two bands, made by SAS) are divided by ours without the table; a
polynomial in DETX, DETY about the optical axis is fitted to the ratio inside of the field of view.

Usage: python tools/derive_azimuthal_vignetting.py DATA > src/xmmpy/calibration/tables/azimuthal_vignetting.csv
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

from xmmpy.calibration import nominal
from xmmpy.tasks.catalogue import eexpmap
from xmmpy.tasks.detection.fields import FieldFiles, load_field
from xmmpy.tasks.session import Session

DEGREE = 4
BANDS = {"0.50-2.00": (500, 2000), "2.00-10.00": (2000, 10000)}
HEAD = """\
# Vignetting of the gratings under the MOS cameras: relative area, the sum of coefficient u^i v^j (columns u and v
# give i and j), where u and v are DETX and DETY from the optical axis in arcmin. The gratings cut one side more.
# Source: the public exposure maps of 0201901401 and 0201903501 over ours with the radial vignetting alone.
# Made by tools/derive_azimuthal_vignetting.py.
camera,u,v,coefficient"""


def ratios(root: Path, camera: str, short: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u, v (arcmin) and ratio of all pixels well inside of CCDs."""
    parts = []
    for folder in (root / "sas-products/0201901401", root / "sas-products/0201903501"):
        (events,), (attitude,) = folder.glob(f"{short}*clean*"), folder.glob("*ATTTSR*")
        for band, (low, high) in BANDS.items():
            (image,) = folder.glob(f"*{short}_exp1-{band}keVimg*")
            with tempfile.NamedTemporaryFile(suffix=".fits") as made:
                eexpmap.TASK(
                    imageset=str(image), attitudeset=str(attitude), eventset=str(events), expimageset=[made.name],
                    attrebin=4, pimin=[low], pimax=[high],
                )  # fmt: skip
                ours = fits.getdata(made.name).astype(float)
            theirs = fits.getdata(str(image).replace("keVimg", "keVexpmap")).astype(float)
            view = load_field(FieldFiles([str(image)]), Session("derive")).field.views[nominal_id(camera)]
            y, x = np.nonzero((ours > 0) & (theirs > 0))
            detx, dety = view.det(x.astype(float), y.astype(float))
            axis = nominal.boresight(camera).axis
            parts.append(((detx - axis[0]) / 1200.0, (dety - axis[1]) / 1200.0, theirs[y, x] / ours[y, x]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def nominal_id(camera: str) -> int:
    """ID_INST."""
    return {"EPN": 1, "EMOS1": 2, "EMOS2": 3}[camera]


def main() -> None:
    """Fit and print the table."""
    root = Path(sys.argv[1])
    eexpmap.azimuthal_vignetting = lambda _camera: None
    print(HEAD)
    for camera, short in (("EMOS1", "mos1"), ("EMOS2", "mos2")):
        u, v, ratio = ratios(root, camera, short)
        powers = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i) if i + j > 0]
        design = np.stack([u**i * v**j for i, j in powers], axis=1)
        used = np.abs(ratio - 1.0) < 0.3
        for _ in range(5):  # edges of CCDs and bad columns fall out
            fit = np.linalg.lstsq(design[used], ratio[used] - 1.0, rcond=None)[0]
            used = np.abs(ratio - 1.0 - design @ fit) < 0.05
        print(f"{camera},0,0,1")
        for (i, j), value in zip(powers, fit, strict=True):
            print(f"{camera},{i},{j},{value:.4e}")
        good = np.mean(np.abs(ratio / (1.0 + design @ fit) - 1.0) < 0.03)
        print(f"{camera}: {used.sum()} pixels, {100 * good:.1f} % within 3 %", file=sys.stderr)


if __name__ == "__main__":
    main()
