"""Find an ODF: a folder, ``ODF/`` below it, a summary file that names one, or an archive, unpacked safely."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING

from xmmpy.odf.names import OdfName, parse_name
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bounds of an archive: ODFs of a whole orbit take 2 GB and a few thousand files.
MAX_BYTES = 32 * 2**30
MAX_MEMBERS = 20_000
_MAX_NESTING = 2
_ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz)\Z", re.IGNORECASE)
_SUMMARY = re.compile(r"SUM\.SAS(?:\.gz)?\Z", re.IGNORECASE)
_SAFE_NAME = re.compile(r"[\w.+-]{1,120}\Z")
_GET_AGAIN = "get it again from the archive"


@dataclass(frozen=True, slots=True)
class OdfFolder:
    """The files of one observation.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    files : mapping of OdfName to pathlib.Path
        In the order of the names; of equal names the unpacked file counts.
    observation, revolution : str
        Identifiers, of which there is one each.
    remarks : tuple of str
        One sentence for each thing that was passed over.
    summary : pathlib.Path or None
        The ``SUM.SAS`` that led here, or lies among the files.
    """

    path: Path
    files: Mapping[OdfName, Path]
    observation: str
    revolution: str
    remarks: tuple[str, ...] = ()
    summary: Path | None = None

    def find(self, instrument: str, kind: str) -> Path | None:
        """Find the file of the whole observation of an instrument and kind: ``find("SC", "ATS")``."""
        for name, path in self.files.items():
            if (name.instrument, name.kind, name.exposure) == (instrument, kind, 0):
                return path
        return None

    def canonical_name(self, kind: str, suffix: str) -> str:
        """Name of a spacecraft file of this observation: ``canonical_name("SUM", "SAS")``."""
        return str(OdfName(self.revolution, self.observation, "SC", "X", 0, "00", kind, suffix))


def open_odf(place: str | os.PathLike[str], workspace: str | os.PathLike[str] | None = None) -> OdfFolder:
    """Find the files of an observation.

    Parameters
    ----------
    place : path-like
        A folder with the files or with ``ODF/`` in it, an ``*SUM.SAS`` file, or an archive (``.tar``, ``.tar.gz``,
        ``.TAR`` within a ``.tar.gz``).
    workspace : path-like, optional
        Folder into which an archive is unpacked, in a folder named after it; beside the archive when not given.

    Raises
    ------
    FileProblem
        When there is no ODF, more than one, or the archive is broken or hostile.
    """
    path = Path(place)
    if path.is_file():
        if is_archive(path):
            target = Path(workspace or path.parent) / (_ARCHIVE.sub("", path.name) + "_odf")
            unpack(path, target)
            return _scan(target, path)
        if _SUMMARY.search(path.name):
            return replace(_scan(_folder_of_summary(path), path), summary=path)
        raise FileProblem(path, "is no ODF", "name its folder, its SUM.SAS or the .tar or .tar.gz from the archive")
    if not path.exists():
        raise FileProblem(path, "does not exist", "check the name and the folder")
    return _scan(path, path)


def is_archive(path: PurePath) -> bool:
    """Tell by its name whether a file is an archive that `open_odf` unpacks."""
    return _ARCHIVE.search(path.name) is not None


def _folder_of_summary(path: Path) -> Path:
    from xmmpy.odf.summary import read_summary

    named = read_summary(path).path
    if named and Path(named).is_dir():
        return Path(named)
    if any(parse_name(item.name) is not None for item in path.parent.iterdir() if item != path):
        return path.parent
    problem = f"names the folder '{named}', which does not exist" if named else "names no folder"
    raise FileProblem(path, problem, "edit its PATH line or run odfingest again")


def _scan(folder: Path, asked: Path) -> OdfFolder:
    found, remarks = _names_in(folder)
    if not found:
        for below in _places_below(folder):
            found, remarks = _names_in(below)
            if found:
                folder = below
                break
    if not found:
        advice = "name the folder whose files are called like 0123_..._M1S00110IME.FIT"
        raise FileProblem(asked, "holds no ODF file", advice)
    observations = sorted({(name.revolution, name.observation) for name in found})
    if len(observations) > 1:
        listed = ", ".join(f"{observation} (revolution {orbit})" for orbit, observation in observations[:5])
        raise FileProblem(folder, f"holds files of {len(observations)} observations: {listed}", "keep them apart")
    files = {name: found[name] for name in sorted(found)}
    summary = next((path for name, path in files.items() if (name.kind, name.suffix) == ("SUM", "SAS")), None)
    return OdfFolder(folder, files, observations[0][1], observations[0][0], tuple(remarks), summary)


def _places_below(folder: Path) -> list[Path]:
    try:
        below = sorted(item for item in folder.iterdir() if item.is_dir() and not item.is_symlink())
    except OSError as error:
        raise FileProblem(folder, f"cannot be read ({error.strerror})", "check its permissions") from None
    return sorted(below, key=lambda item: item.name.upper() != "ODF")


def _names_in(folder: Path) -> tuple[dict[OdfName, Path], list[str]]:
    found: dict[OdfName, Path] = {}
    remarks: list[str] = []
    try:
        items = sorted(folder.iterdir())
    except OSError as error:
        raise FileProblem(folder, f"cannot be read ({error.strerror})", "check its permissions") from None
    for item in items:
        name = parse_name(item.name)
        if name is None:
            continue
        if not item.is_file():
            remarks.append(f"{item.name} is no file and is passed over")
        elif name in found:
            first, second = sorted((found[name], item), key=lambda path: (path.suffix.lower() in {".gz", ".ftz"}, path))
            found[name] = first
            remarks.append(f"{first.name} and {second.name} are the same file twice; {first.name} is used")
        else:
            found[name] = item
    return found, remarks


def unpack(
    archive: Path, target: Path, *, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS
) -> tuple[Path, ...]:
    """Unpack the files of an archive into one flat folder, whatever folders it has inside.

    Links, devices, absolute names and names with ``..`` stop it before anything of them is written; archives within
    the archive are unpacked too. The folder appears whole or not at all.

    Parameters
    ----------
    archive : pathlib.Path
        ``.tar`` or ``.tar.gz``.
    target : pathlib.Path
        Folder to make. When it exists with files in it, it is kept as it is.
    max_bytes, max_members : int
        Bounds of the whole, to be safe from archives that unpack to no end.

    Returns
    -------
    tuple of pathlib.Path
        The files.

    Raises
    ------
    FileProblem
        When the archive is broken, hostile or too large, or the folder cannot be written.
    """
    if target.is_dir() and any(target.iterdir()):
        return tuple(sorted(target.iterdir()))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        _Unpacker(archive, part, max_bytes, max_members).unpack()
        part.rename(target)
    except OSError as error:
        raise FileProblem(target, f"cannot be written ({error.strerror or error})", "check the folder") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return tuple(sorted(target.iterdir()))


@dataclass(slots=True)
class _Unpacker:
    archive: Path
    target: Path
    bytes_left: int
    members_left: int

    def unpack(self) -> None:
        try:
            with self.archive.open("rb") as stream:
                self._take(stream, 0)
        except (tarfile.TarError, EOFError, zlib.error, UnicodeError, ValueError) as error:
            detail = " ".join(str(error).split())[:80]
            raise FileProblem(self.archive, f"is a broken archive ({detail})", _GET_AGAIN) from None
        except OSError as error:  # gzip tells damage as an OSError without a number
            if error.errno is None:
                raise FileProblem(self.archive, f"is a broken archive ({error})", _GET_AGAIN) from None
            raise

    def _take(self, stream: IO[bytes], depth: int) -> None:
        with tarfile.open(fileobj=stream, mode="r:*") as tar:
            for member in tar:
                self._take_member(tar, member, depth)

    def _take_member(self, tar: tarfile.TarFile, member: tarfile.TarInfo, depth: int) -> None:
        self.members_left -= 1
        self.bytes_left -= member.size
        if self.members_left < 0:
            self._refuse("holds too many files")
        if self.bytes_left < 0:
            self._refuse("unpacks to more than any ODF")
        place = PurePosixPath(member.name)
        if place.is_absolute() or ".." in place.parts:
            self._refuse(f"holds '{member.name[:80]}', which would be written outside its folder")
        if member.issym() or member.islnk():
            self._refuse(f"holds a link, '{member.name[:80]}'")
        if member.isdir():
            return
        if not member.isreg():
            self._refuse(f"holds '{member.name[:80]}', which is no plain file")
        if not _SAFE_NAME.match(place.name):
            return  # no file of an ODF is called so
        data = tar.extractfile(member)
        assert data is not None  # it is a plain file
        if is_archive(place):
            if depth >= _MAX_NESTING:
                self._refuse("holds archives within archives within archives")
            self._take(data, depth + 1)
            return
        path = self.target / place.name
        if path.exists():
            self._refuse(f"holds '{place.name}' twice")
        with path.open("xb") as out:
            shutil.copyfileobj(data, out, 1 << 20)

    def _refuse(self, problem: str) -> None:
        raise FileProblem(self.archive, problem, "nothing is unpacked; " + _GET_AGAIN)
