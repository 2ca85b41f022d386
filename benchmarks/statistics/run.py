"""Statistics of the detection chain on simulated fields whose truth is known; run by hand, takes half an hour.

Usage: python benchmarks/statistics/run.py [--folder build/statistics] [--short 100] [--long 20] [--seed 900001]

100 fields of 10 ks and 20 of 50 ks, three cameras, five bands, sources from number counts. The tables go to
FOLDER/statistics.md, the plots to FOLDER/*.png.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from astropy.table import Table

sys.path.insert(0, str(Path(__file__).parent))

import figures
from fields import CAMERAS, FieldSettings, run_field
from matching import FieldResult, load

THRESHOLDS = (6.0, 10.0)
KILOSECONDS = {"short": 10_000.0, "long": 50_000.0}


def run_all(root: Path, kind: str, number: int, seed: int, workers: int) -> list[FieldResult]:
    """Run the fields of one exposure, those that are not there yet, and match them."""
    folders = {root / f"{kind}_{n:03d}": FieldSettings(KILOSECONDS[kind], seed + n) for n in range(number)}
    with ProcessPoolExecutor(workers) as pool:
        jobs = {pool.submit(run_field, folder, settings): folder for folder, settings in folders.items()}
        begin = time.time()
        for done, job in enumerate(as_completed(jobs), 1):
            if job.exception() is not None:
                print(f"{jobs[job].name}: {job.exception()}")
            elif done % 10 == 0:
                print(f"{kind}: {done} of {number} fields, {time.time() - begin:.0f} s", flush=True)
    return [load(folder) for folder in folders if (folder / "done.json").is_file()]


def report(kind: str, fields: list[FieldResult], lines: list[str]) -> None:
    """Write the tables of one exposure."""
    least = figures.LEAST_COUNTS[KILOSECONDS[kind]]
    detections, sources = figures.stacked(fields)
    lines.append(f"\n## {len(fields)} fields of {KILOSECONDS[kind] / 1000:g} ks\n")
    lines.append("| DET_ML at least | detections per field | false per field |\n|---|---|---|")
    for threshold in THRESHOLDS:
        mean, error = figures.false_per_field(fields, threshold)
        found = np.sum(detections["det_ml"] >= threshold) / len(fields)
        lines.append(f"| {threshold:g} | {found:.1f} | {mean:.2f} ± {error:.2f} |")
    lines.append(
        "\n| flux 0.5-2 keV (erg/cm2/s) | sources | found, DET_ML >= 6 | found, DET_ML >= 10 |\n|---|---|---|---|"
    )
    for low, high in zip(*(figures.completeness(sources, threshold) for threshold in THRESHOLDS), strict=True):
        lines.append(f"| {low[0]:.2e} | {low[1]} | {100 * low[2]:.1f} % | {100 * high[2]:.1f} % |")
    for threshold in THRESHOLDS:
        share, number = figures.completeness_at(sources, 6e-15, threshold)
        lines.append(
            f"\nWithin 15 % of 6e-15 and 12' of the axis: {100 * share:.1f} % of {number} at DET_ML >= {threshold:g}."
        )
    positions(sources, lines)
    for low, high, what in ((700.0, 1400.0, "700 to 1400"), (1000.0, np.inf, "1000 and more")):
        offset, number = figures.median_offset(sources, low, high)
        lines.append(f'\nMedian offset of {number} sources of {what} counts: {offset:.2f}".')
    lines.append(f"\nRates of sources of {least:g} counts and more:")
    lines.append("\n| rate | sources | mean pull | width |\n|---|---|---|---|")
    pulls = figures.total_pulls(sources, least)
    lines.append(f"| all cameras and bands | {pulls.size} | {pulls.mean():+.3f} | {pulls.std():.3f} |")
    for camera in CAMERAS:
        for band in range(5):
            pulls = figures.rate_pulls(sources, camera, band, least)
            if pulls.size > 10:
                lines.append(f"| {camera} band {band + 1} | {pulls.size} | {pulls.mean():+.3f} | {pulls.std():.3f} |")
    lines.append("\n| camera | off-axis angle | sources | measured / true rate |\n|---|---|---|---|")
    for camera in CAMERAS:
        for angle, number, ratio, error in figures.flux_by_offaxis(sources, camera, least):
            lines.append(f"| {camera} | {angle:.1f}' | {number} | {ratio:.3f} ± {error:.3f} |")


def positions(sources: Table, lines: list[str]) -> None:
    """Write how many offsets lie below RADEC_ERR, by what is true and by what a list knows."""
    for name, by, bins in (
        ("counts expected", "expected", figures.COUNT_BINS),
        ("counts measured (SCTS)", "counts", figures.COUNT_BINS),
        ("DET_ML", "found", figures.LIKELIHOOD_BINS),
    ):
        lines.append(f"\n| {name} | sources | offsets below RADEC_ERR (63.2 % expected) |\n|---|---|---|")
        for bin_name, number, share, error in figures.position_shares(sources, by, bins):
            lines.append(f"| {bin_name} | {number} | {100 * share:.1f} ± {100 * error:.1f} % |")


def plot(kind: str, fields: list[FieldResult], path: Path) -> None:
    """Completeness, offsets over errors, pulls."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    _, sources = figures.stacked(fields)
    least = figures.LEAST_COUNTS[KILOSECONDS[kind]]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for threshold in THRESHOLDS:
        rows = figures.completeness(sources, threshold)
        left.semilogx([row[0] for row in rows], [row[2] for row in rows], "o-", label=f"DET_ML ≥ {threshold:g}")
    left.set(xlabel="flux 0.5-2 keV (erg cm⁻² s⁻¹)", ylabel="completeness within 12'", ylim=(0, 1.03))
    left.legend()
    grid = np.linspace(0, 4, 200)
    for low, high in figures.COUNT_BINS:
        chosen = figures.lone(sources) & (sources["expected"] >= low) & (sources["expected"] < high)
        ratio = np.sort(np.array(sources["offset"][chosen] / sources["radec_err"][chosen]))
        if ratio.size:
            label = f"{low:g} to {high:g} counts" if high < 1e5 else f"over {low:g} counts"
            middle.step(ratio, np.arange(1, ratio.size + 1) / ratio.size, label=label)
    middle.plot(grid, 1 - np.exp(-(grid**2)), "k--", label="expected")
    middle.set(xlabel="offset / RADEC_ERR", ylabel="part below", xlim=(0, 4))
    middle.legend()
    pulls = figures.total_pulls(sources, least)
    edges = np.linspace(-5, 5, 41)
    right.hist(pulls, edges, histtype="step", density=True)
    centres = 0.5 * (edges[1:] + edges[:-1])
    right.plot(centres, np.exp(-0.5 * centres**2) / np.sqrt(2 * np.pi), "k--")
    right.set(xlabel="(RATE - true) / RATE_ERR", ylabel="density")
    figure.suptitle(f"{len(fields)} fields of {KILOSECONDS[kind] / 1000:g} ks")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the fields, write tables and plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/statistics"))
    parser.add_argument("--short", type=int, default=100)
    parser.add_argument("--long", type=int, default=20)
    parser.add_argument("--seed", type=int, default=900_001)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    root = arguments.folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    lines = ["# Statistics of the detection chain", f"\nSeeds from {arguments.seed}."]
    together = []
    for kind, number, first in (("short", arguments.short, 0), ("long", arguments.long, 50_000)):
        if not number:
            continue
        fields = run_all(root, kind, number, arguments.seed + first, arguments.workers)
        if fields:
            report(kind, fields, lines)
            plot(kind, fields, root / f"detection_{kind}.png")
            together += fields
    if together:
        lines.append(f"\n## Positions in all {len(together)} fields")
        positions(figures.stacked(together)[1], lines)
    text = "\n".join(lines) + "\n"
    (root / "statistics.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
