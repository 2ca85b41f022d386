"""The work folder: one run at a time, no leftovers, files known by their digests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING, Self

from xmmpy.products.atomic import remove_leftovers
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import StampRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

LOCK_NAME = ".lock"
_DIGEST_SIZE = 16  # bytes; enough to tell files apart
_POLL = 0.05  # s


class WorkFolder:
    """A work folder that this run has for itself, as a context.

    The lock belongs to the open file, and the workers inherit it: it ends with the last process of a
    run, however that ended, and never stays behind.

    Parameters
    ----------
    path : Path
        The folder; made where it is missing.
    subfolders : iterable of str
        Folders in it that a run writes to.
    patience : float
        Seconds to wait for the workers of a run that was killed just now.

    Raises
    ------
    FileProblem
        When the folder cannot be made, or another run is at work in it.
    """

    def __init__(self, path: Path, subfolders: Iterable[str] = (), patience: float = 5.0) -> None:
        self.path = path
        self._subfolders = tuple(subfolders)
        self._patience = patience
        self._lock = -1

    @property
    def lock(self) -> int:
        """File descriptor of the lock, to be inherited by workers."""
        return self._lock

    def __enter__(self) -> Self:
        try:
            for folder in self._folders():
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            problem = f"cannot be used as work folder ({error.strerror or error})"
            raise FileProblem(self.path, problem, "check its permissions, or name another --work") from None
        try:
            self._acquire()
            self.clear_leftovers()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear_leftovers()
        os.close(self._lock)

    def clear_leftovers(self) -> None:
        """Remove the temporary files of runs that were killed."""
        for folder in self._folders():
            remove_leftovers(folder)

    def _folders(self) -> list[Path]:
        return [self.path, *(self.path / name for name in self._subfolders)]

    def _acquire(self) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    owner = os.pread(self._lock, 64, 0).decode(errors="replace").strip()
                    who = f" (process {owner})" if owner else ""
                    advice = "wait for its end, or name another --work"
                    raise FileProblem(self.path, f"is in use by another run{who}", advice) from None
                time.sleep(_POLL)
            else:
                os.ftruncate(self._lock, 0)
                os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
                return


class Digests:
    """Digests of the contents of files; a file that did not change since is not read again.

    Parameters
    ----------
    folder : Path
        The folder to which names are relative.
    stamps : mapping, optional
        What an earlier run knew.
    """

    def __init__(self, folder: Path, stamps: dict[str, StampRecord] | None = None) -> None:
        self._folder = folder
        self._stamps = dict(stamps or {})
        self._mutex = threading.Lock()

    def of(self, name: str) -> str:
        """Give the digest of a file; empty where there is none. That of a folder is of the names and sizes in it."""
        if (self._folder / name).is_dir():
            return self._of_folder(name)
        known = self.known(name)
        if known:
            return known
        try:
            with (self._folder / name).open("rb") as stream:
                stat = os.fstat(stream.fileno())
                digest = hashlib.file_digest(stream, _hash).hexdigest()
        except OSError:
            return ""
        with self._mutex:
            self._stamps[name] = StampRecord(size=stat.st_size, mtime_ns=stat.st_mtime_ns, digest=digest)
        return digest

    def _of_folder(self, name: str) -> str:
        digest = _hash()
        try:
            with os.scandir(self._folder / name) as items:
                files = sorted((item.name, item.stat().st_size) for item in items if item.is_file())
        except OSError:
            return ""
        for file, size in files:
            digest.update(f"{file}\0{size}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def known(self, name: str) -> str:
        """Give the digest of a file if it need not be read for it; else empty."""
        try:
            stat = (self._folder / name).stat()
        except OSError:
            return ""
        with self._mutex:
            stamp = self._stamps.get(name)
        same = stamp is not None and (stamp.size, stamp.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        return stamp.digest if stamp is not None and same else ""

    def same(self, name: str, other: str) -> str:
        """Say that a file is a link to another: it has its digest."""
        digest = self.of(other)
        with self._mutex:
            if other in self._stamps:
                self._stamps[name] = self._stamps[other]
        return digest

    def stamps(self, names: Iterable[str]) -> dict[str, StampRecord]:
        """Give what is known of the named files, for the record."""
        with self._mutex:
            return {name: self._stamps[name] for name in sorted(set(names)) if name in self._stamps}


def _hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=_DIGEST_SIZE)
