"""Give every task files that are damaged in many ways; each must answer with a result or one clear sentence.

Files of a simulated observation are cut short, have bits flipped or bytes overwritten, lose columns, get NaN or
unsorted times, no rows, empty or reversed good times, keywords with wrong values, broken data subspaces, missing
blocks, damaged packing; then a task reads them. What counts as wrong: an unexpected exception, a worker that dies, no
answer in time, a sentence that names no file, a changed input, an output of before that was overwritten by a failure,
a result that cannot be read.

Usage: python benchmarks/damaged_inputs.py [--number 2000] [--seed 1] [--folder build/damaged]
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import random
import re
import shutil
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from xmmpy.cli.info import info_command
from xmmpy.engines import CallResult, NativeEngine, TaskCall
from xmmpy.pipeline.discovery import describe
from xmmpy.products.files import FitsFile
from xmmpy.simulation import SimulationSettings, simulate_events

PATIENCE = 60.0  # s; each call takes a fraction of one
OUTPUT = "out.fits"
BEFORE = b"what was there before"

Damage = Callable[[Path, random.Random], None]


def cut_short(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def cut_in_a_header(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice((0, 1, 80, 2879, 2880, 2881, 5760, 8640))])


def flip_bits(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 3, 30, 300))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def flip_bits_of_headers(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    cards = [n for n in range(0, len(data), 80) if data[n : n + 8].isascii() and data[n + 8 : n + 10] == b"= "]
    for _ in range(chance.choice((1, 2, 5, 20))):
        data[chance.choice(cards) + chance.randrange(40)] ^= 1 << chance.randrange(7)
    path.write_bytes(data)


def overwrite_bytes(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    begin = chance.randrange(len(data))
    length = chance.choice((8, 80, 2880))
    data[begin : begin + length] = chance.choice((b"\0", b"\xff", b" ")) * len(data[begin : begin + length])
    path.write_bytes(data)


def drop_a_column(path: Path, chance: random.Random) -> None:
    def change(hdu: Any) -> Any:
        names = [column.name for column in hdu.columns]
        hdu.columns.del_col(chance.choice(names))
        return fits.BinTableHDU.from_columns(hdu.columns, header=_bare(hdu.header), name=hdu.name)

    _with_table(path, chance, change)


def rename_a_column(path: Path, chance: random.Random) -> None:
    def change(hdu: Any) -> Any:
        hdu.header[f"TTYPE{chance.randint(1, hdu.header['TFIELDS'])}"] = chance.choice(("", "NO_NAME", "X", "TIME"))
        return hdu

    _with_table(path, chance, change)


def spoil_values(path: Path, chance: random.Random) -> None:
    def change(hdu: Any) -> Any:
        if not len(hdu.data):
            return hdu
        names = [c.name for c in hdu.columns if c.format[-1] in "DE"] or [hdu.columns[0].name]
        values = hdu.data[chance.choice(names)]
        chosen = np.arange(len(values)) % chance.choice((1, 2, 7)) == 0
        bad = chance.choice((np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0))
        with np.errstate(all="ignore"):
            values[chosen] = bad if values.dtype.kind == "f" else 0
        return hdu

    _with_table(path, chance, change)


def shuffle_rows(path: Path, chance: random.Random) -> None:
    def change(hdu: Any) -> Any:
        hdu.data = hdu.data[np.random.default_rng(chance.randrange(2**31)).permutation(len(hdu.data))]
        return hdu

    _with_table(path, chance, change)


def no_rows(path: Path, chance: random.Random) -> None:
    def change(hdu: Any) -> Any:
        hdu.data = hdu.data[:0]
        return hdu

    _with_table(path, chance, change)


def wrong_keywords(path: Path, chance: random.Random) -> None:
    values = ("", "what", -1, 0, 10**15, 1e-300, 1.5, True)
    with fits.open(path, mode="update", output_verify="ignore") as hdus:
        header = chance.choice(list(hdus)).header
        free = [key for key in header if key and key not in ("COMMENT", "HISTORY", "") and not _structural(key)]
        for _ in range(chance.choice((1, 3, 10))):
            if free:
                key = chance.choice(free)
                if chance.random() < 0.3:
                    header.remove(key, ignore_missing=True)
                else:
                    header[key] = chance.choice(values)


def wrong_forms(path: Path, chance: random.Random) -> None:
    """Change the layout of a table without moving its bytes: TFORMn, TTYPEn, NAXIS1, NAXIS2, TFIELDS, PCOUNT."""
    data = bytearray(path.read_bytes())
    layout = re.compile(rb"(TFORM\d+|NAXIS[12]|TFIELDS|PCOUNT|GCOUNT|BITPIX) *= ")
    cards = [n for n in range(0, len(data), 80) if layout.match(data[n : n + 10])]
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.choice(cards)
        if data[place : place + 5] == b"TFORM":
            forms = ("J       ", "D       ", "999999999999D", "I2      ", "        ", "PJ(9)   ", "0E      ")
            value = f"'{chance.choice(forms)}'"
        else:
            value = f"{chance.choice((0, 1, -1, 3, 2**31, 10**12, 10**20, 99999999)):>20d}"
        data[place + 10 : place + 80] = value.encode().ljust(70)
    path.write_bytes(data)


def broken_subspace(path: Path, chance: random.Random) -> None:
    """Write data subspace keywords that are wrong in many ways."""
    names = ("CCDNR", "TIME", "PI", "FLAG", "POS(X,Y)", "POS(X", "NOPE", "", 3)
    values = ("TABLE", ":", "1:2:3", "b01x", "bxyz", "", "a", "1,2,,3", "-1e999:1e999", "[5:1]", "3", 7, 1.5, True)
    with fits.open(path, mode="update", output_verify="ignore") as hdus:
        header = hdus[min(1, len(hdus) - 1)].header
        for number in range(1, chance.randint(2, 8)):
            header[f"DSTYP{number}"] = chance.choice(names)
            header[f"DSVAL{number}"] = chance.choice(values)
            header[f"{chance.randint(2, 30)}DSVAL{number}"[:8]] = chance.choice(values)
            header[f"DSREF{number}"] = chance.choice((":STDGTI01", ":NOPE", "STDGTI02", "", ":EVENTS", ":", 5))


def lose_blocks(path: Path, chance: random.Random) -> None:
    with fits.open(path) as hdus:
        kept = [hdu.copy() for n, hdu in enumerate(hdus) if n == 0 or chance.random() < 0.7]
    chance.shuffle(tail := kept[1:])
    fits.HDUList([kept[0], *tail]).writeto(path, overwrite=True, output_verify="ignore")


def damage_packing(path: Path, chance: random.Random) -> None:
    data = bytearray(gzip.compress(path.read_bytes(), 1))
    if chance.random() < 0.5:
        del data[chance.randrange(1, len(data)) :]
    else:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def reverse_good_times(path: Path, chance: random.Random) -> None:
    with fits.open(path, mode="update", output_verify="ignore") as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU) and {"START", "STOP"} <= set(hdu.columns.names):
                if chance.random() < 0.5:
                    hdu.data["START"][:], hdu.data["STOP"][:] = hdu.data["STOP"].copy(), hdu.data["START"].copy()
                else:
                    hdu.data["STOP"][:] = hdu.data["START"]


def swap_files(path: Path, chance: random.Random) -> None:
    other = chance.choice([file for file in path.parent.glob("*.fits") if file != path])
    shutil.copy(other, path)


def no_fits_at_all(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.choice((b"", b"hello\n", b"SIMPLE  =", b"\x1f\x8b\x08\0garbage", bytes(range(256)) * 40)))


DAMAGES: tuple[Damage, ...] = (
    cut_short, cut_in_a_header, flip_bits, flip_bits_of_headers, overwrite_bytes, drop_a_column, rename_a_column,
    spoil_values, shuffle_rows, no_rows, wrong_keywords, swap_files, no_fits_at_all, wrong_forms, broken_subspace,
    lose_blocks, damage_packing, reverse_good_times,
)  # fmt: skip

# What reads which damaged file; {} is the file.
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("list", "evselect", {"table": "{}", "filteredset": OUTPUT, "expression": "#XMMEA_EM && PI>150"}),
    ("list", "evselect", {"table": "{}", "filteredset": OUTPUT, "expression": "gti(good_gti.fits,TIME)"}),
    ("list", "evselect", {"table": "{}", "imageset": OUTPUT, "xcolumn": "X", "ycolumn": "Y"}),
    ("list", "evselect", {"table": "{}", "rateset": OUTPUT, "timebinsize": 100, "maketimecolumn": True,
                          "makeratecolumn": True}),
    ("list", "evselect", {"table": "{}", "spectrumset": OUTPUT, "energycolumn": "PI", "spectralbinsize": 5}),
    ("list", "evselect", {"table": "{}", "histogramset": OUTPUT, "histogramcolumn": "PI"}),
    ("list", "evselect", {"table": "{}", "filteredset": OUTPUT, "destruct": False, "expression": "PI>500 && X>20000"}),
    ("list", "evselect", {"table": "good_list.fits", "filteredset": OUTPUT, "filtertype": "dataSubspace",
                          "dssblock": "{}"}),
    ("list", "evselect", {"table": "good_list.fits", "filteredset": OUTPUT, "expression": "region({})"}),
    ("list", "find", {}),
    ("list", "info", {}),
    ("rate", "info", {}),
    ("gti", "info", {}),
    ("image", "info", {}),
    ("gti", "evselect", {"table": "good_list.fits", "filteredset": OUTPUT, "expression": "gti({},TIME)"}),
    ("gti", "gtimerge", {"tables": "{} good_gti.fits", "gtitable": OUTPUT}),
    ("rate", "tabgtigen", {"table": "{}", "gtiset": OUTPUT, "expression": "RATE<=0.35"}),
    ("rate", "dsplot", {"table": "{}", "plotfile": "out.png", "x": "TIME", "y": "RATE"}),
    ("image", "emosaic", {"imagesets": "good_image.fits {}", "mosaicedset": OUTPUT}),
    ("image", "evselect", {"table": "good_list.fits", "filteredset": OUTPUT, "expression": "mask({},1,1,X,Y)"}),
)  # fmt: skip


@dataclass
class Tally:
    """What the tasks answered."""

    results: int = 0
    sentences: int = 0
    wrong: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


def make_good_files(folder: Path) -> None:
    """Simulate a small observation and reduce it with the tasks, once."""
    if (folder / "good_image.fits").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    made = simulate_events(folder / "sim", SimulationSettings(exposure=600, seed=2, cameras=("mos1",)))
    shutil.copy(made.event_lists["mos1"], folder / "good_list.fits")
    engine = NativeEngine(folder)
    table = {"table": "good_list.fits"}
    calls = (
        TaskCall("evselect", {**table, "rateset": "good_rate.fits", "timebinsize": 50, "maketimecolumn": True,
                              "makeratecolumn": True}),
        TaskCall("tabgtigen", {"table": "good_rate.fits", "gtiset": "good_gti.fits", "expression": "RATE>0"}),
        TaskCall("evselect", {**table, "imageset": "good_image.fits", "xcolumn": "X", "ycolumn": "Y",
                              "ximagesize": 100, "yimagesize": 100}),
    )  # fmt: skip
    for call in calls:
        (result,) = engine.run([call])
        if result.error is not None:
            raise RuntimeError(result.error[1])
    engine.close()


def damaged_rounds(folder: Path, number: int, seed: int) -> Tally:
    """Damage `number` files, one after the other, and let a task read each.

    Parameters
    ----------
    folder : Path
        Everything is written here.
    number : int
        Damaged files.
    seed : int
        Of the random damages.
    """
    make_good_files(folder)
    chance = random.Random(seed)
    tally = Tally()
    engine = NativeEngine(folder)
    for count in range(number):
        kind, task, values = CALLS[count % len(CALLS)]
        damage = chance.choice(DAMAGES)
        bad = folder / f"bad_{kind}.fits"
        shutil.copy(folder / f"good_{kind}.fits", bad)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                damage(bad, chance)
        except (OSError, ValueError, KeyError, IndexError, fits.VerifyError) as error:
            raise RuntimeError(f"{damage.__name__} of {kind} failed: {error}") from error
        what = f"#{count} {task} {values.get('expression', '')} on a {kind}: {damage.__name__}"
        inputs = {path: path.read_bytes() for path in (bad, *folder.glob("good_*.fits"))}
        (folder / OUTPUT).write_bytes(BEFORE)
        if task == "find":
            _judge_description(bad, what, tally)
        elif task == "info":
            _judge_information(bad, what, tally)
        else:
            call = TaskCall(task, {name: _filled(value, bad.name) for name, value in values.items()})
            begin = time.monotonic()
            result = _run(engine, call)
            tally.slowest = max(tally.slowest, time.monotonic() - begin)
            if result is None:
                tally.wrong.append(f"{what}: no answer in {PATIENCE:g} s")
                engine.close()
                engine = NativeEngine(folder)
            else:
                _judge(result, what, folder, call, tally)
        changed = [path.name for path, data in inputs.items() if path.read_bytes() != data]
        tally.wrong += [f"{what}: {name} was changed" for name in changed]
        tally.wrong += [f"{what}: left {path.name}" for path in folder.glob("*.part")]
    engine.close()
    return tally


def _run(engine: NativeEngine, call: TaskCall) -> CallResult | None:
    answers: list[CallResult] = []
    thread = threading.Thread(target=lambda: answers.extend(engine.run([call])), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers[0] if answers else None


def _judge(result: CallResult, what: str, folder: Path, call: TaskCall, tally: Tally) -> None:
    if result.error is None:
        tally.results += 1
        if OUTPUT in call.values.values():
            tally.wrong += [f"{what}: {problem}" for problem in _unreadable(folder / OUTPUT)]
        return
    code, text = result.error
    tally.sentences += 1
    tally.codes[code] += 1
    if code in ("Unexpected", "WorkerEnded", "NoMemory"):
        tally.wrong.append(f"{what}: {code}: {text}")
    names = ("bad_", "good_", "column", "'expression'")
    if not any(name in text for name in names):
        tally.wrong.append(f"{what}: the sentence names no file: {text}")
    if OUTPUT in call.values.values() and (folder / OUTPUT).read_bytes() != BEFORE:
        tally.wrong.append(f"{what}: failed, but overwrote its output")


def _unreadable(path: Path) -> list[str]:
    """What is wrong with a result: its own blocks; those that are copied as they are may be as they were."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path) as hdus:
                for hdu in hdus[:2]:
                    _ = hdu.data
        with FitsFile(path) as file:
            for block in file.hdus:
                file.read(block)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
        return [f"the result cannot be read: {type(error).__name__}: {error}"]
    return []


def _judge_information(bad: Path, what: str, tally: Tally) -> None:
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = info_command(str(bad))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
        tally.wrong.append(f"{what}: {type(error).__name__}: {error}")
        return
    if status == 0:
        tally.results += 1
    else:
        tally.sentences += 1
        tally.codes["info"] += 1
        if "bad_" not in err.getvalue():
            tally.wrong.append(f"{what}: the sentence names no file: {err.getvalue()}")


def _judge_description(bad: Path, what: str, tally: Tally) -> None:
    try:
        described = describe(bad)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
        tally.wrong.append(f"{what}: {type(error).__name__}: {error}")
        return
    if described.problem:
        tally.sentences += 1
        tally.codes["problem"] += 1
        if str(bad) not in described.problem:
            tally.wrong.append(f"{what}: the sentence names no file: {described.problem}")
    else:
        tally.results += 1


def _filled(value: Any, name: str) -> Any:
    return value.replace("{}", name) if isinstance(value, str) else value


def _structural(keyword: str) -> bool:
    fixed = {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "EXTEND"}
    return keyword in fixed or keyword.startswith(("TFORM", "TTYPE", "TDIM", "TZERO", "TSCAL"))


def _bare(header: fits.Header) -> fits.Header:
    """Copy a header without what describes its columns."""
    copy = header.copy()
    copy.strip()
    return copy


def _with_table(path: Path, chance: random.Random, change: Callable[[Any], Any]) -> None:
    """Change one table of a file; a file without one is left."""
    with fits.open(path) as hdus:
        tables = [n for n, hdu in enumerate(hdus) if isinstance(hdu, fits.BinTableHDU)]
        if not tables:
            flip_bits(path, chance)
            return
        blocks = [hdu.copy() for hdu in hdus]
    place = tables[0] if chance.random() < 0.6 else chance.choice(tables)
    blocks[place] = change(blocks[place])
    fits.HDUList(blocks).writeto(path, overwrite=True, output_verify="ignore")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/damaged"))
    options = parser.parse_args()
    tally = damaged_rounds(options.folder, options.number, options.seed)
    print("| what | figure |\n|---|---|")
    print(f"| damaged files | {options.number} |")
    print(f"| results | {tally.results} |")
    print(f"| sentences | {tally.sentences} ({', '.join(f'{c} {n}' for c, n in tally.codes.most_common())}) |")
    print(f"| slowest answer | {tally.slowest:.1f} s |")
    print(f"| wrong: tracebacks, hangs, unclear sentences, changed files | {len(tally.wrong)} |")
    for line in tally.wrong:
        print(f"- {line}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
