"""The calibration index that the environment asks for: SAS_CCF, with what SAS_CCFFILES puts in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.calibration.calindex import CalibrationIndex, read_calindex
from xmmpy.calibration.constituents import NotAConstituent, read_constituent
from xmmpy.calibration.readers import first_file
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xmmpy.calibration.constituents import Constituent
    from xmmpy.tasks.session import Environment

DEFAULT_NAME = "ccf.cif"


def index_of(environment: Environment, warn: Callable[[str], None]) -> CalibrationIndex | None:
    """Read the index; None where neither SAS_CCF nor SAS_CCFFILES is set.

    Parameters
    ----------
    environment : Environment
        ``ccf`` names an index, a folder that holds a ``ccf.cif``, or any file with a CALINDEX table, such as an event
        list; ``ccf_files`` names constituents that take the place of those of the same scope and type, as paths or
        as names of files in ``ccf_path`` (SAS: package cal, section "Environmental dependencies").
    warn : callable
        Is told of constituents that cannot be used.

    Raises
    ------
    FileProblem
        When the index cannot be read.
    """
    replacing = _replacements(environment.ccf_files, environment.ccf_path, warn)
    if not environment.ccf:
        return CalibrationIndex((), "", "", "").replacing(replacing) if replacing else None
    return read_calindex(index_path(environment.ccf)).replacing(replacing)


def index_path(ccf: str) -> Path:
    """File that SAS_CCF leads to: itself, or the ccf.cif in the folder that it names."""
    path = Path(ccf)
    return path / DEFAULT_NAME if path.is_dir() else path


def constituent_path(name: str, folders: Sequence[str]) -> Path | None:
    """File of a constituent that SAS_CCFFILES names, as a path or as a name in one of the folders; also gzipped."""
    path = first_file(folder / name for folder in (Path(), *map(Path, folders)))
    return path and path.absolute()


def _replacements(names: Sequence[str], folders: Sequence[str], warn: Callable[[str], None]) -> list[Constituent]:
    rows = []
    for name in names:
        path = constituent_path(name, folders)
        if path is None:
            warn(f"SAS_CCFFILES names '{name}', which is no file and is not in SAS_CCFPATH; it is left out")
            continue
        try:
            rows.append(read_constituent(path))
        except (NotAConstituent, FileProblem) as problem:
            warn(f"SAS_CCFFILES: {problem}; it is left out")
    return rows
