"""Where snapshots are kept: a directory, or an object store. Blobs under names with slashes, never changed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
"""An object store that cannot be reached is a warning, soon: its client's own patience is three minutes."""


class ShelfError(OSError):
    """The place is full, away, or forbids it."""


class Missing(ShelfError):
    """There is nothing under this name."""


class Shelf(Protocol):
    """Blocking. Every method raises ShelfError."""

    def names(self, prefix: str) -> list[str]:
        """All names under ``prefix`` (with its slash), in any order; none where there is nothing."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Copy a file there. It is there whole or, under its name, not at all."""
        ...

    def get(self, name: str, target: Path) -> None:
        """Copy a blob into a new file. Raises Missing when there is none."""
        ...

    def remove(self, names: list[str]) -> None:
        """Afterwards none of them is there; it is no error when one was not."""
        ...


class Directory:
    """A directory of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, prefix: str) -> list[str]:
        with _told():
            below = self.root / prefix
            return [path.relative_to(self.root).as_posix() for path in below.rglob("*") if path.is_file()]

    def put(self, name: str, source: Path) -> None:
        target = self.root / name
        part = target.with_name(target.name + ".part")
        with _told():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, part)
                part.replace(target)
            except OSError:
                part.unlink(missing_ok=True)
                raise

    def get(self, name: str, target: Path) -> None:
        with _told():
            shutil.copyfile(self.root / name, target)

    def remove(self, names: list[str]) -> None:
        with _told():
            for name in names:
                (self.root / name).unlink(missing_ok=True)
        for folder in {(self.root / name).parent for name in names}:
            with contextlib.suppress(OSError):  # something else lies in it
                folder.rmdir()


class Bucket:
    """An object store by its URL: s3://, gs://, az://, and what else obstore knows. Credentials are the environment's,
    as each cloud's own tools have them. Raises ValueError for a URL it does not know.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore  # noqa: PLC0415 an extra: a directory needs none of it
            from obstore import store  # noqa: PLC0415
        except ModuleNotFoundError:
            raise ValueError(f"{url} needs an extra: pip install 'single-window[object-store]'") from None
        self.obstore: Any = obstore
        made: Any = store.from_url
        try:
            self.store = made(url) if url.startswith(("file:", "memory:")) else made(url, retry_config=RETRY)
        except Exception as error:  # noqa: BLE001 obstore has no name for it
            raise ValueError(f"{url}: {_brief(error)}") from None

    def names(self, prefix: str) -> list[str]:
        with _told():
            return [str(each["path"]) for page in self.obstore.list(self.store, prefix.rstrip("/")) for each in page]

    def put(self, name: str, source: Path) -> None:
        with _told():
            self.obstore.put(self.store, name, source)

    def get(self, name: str, target: Path) -> None:
        with _told(), target.open("wb") as file:
            for part in self.obstore.get(self.store, name).stream():
                file.write(part)

    def remove(self, names: list[str]) -> None:
        with _told():
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # obstore raises Python's own
                    self.obstore.delete(self.store, name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Whatever a place raises, as ShelfError."""
    try:
        yield
    except FileNotFoundError as error:
        raise Missing(_brief(error)) from None
    except Exception as error:  # noqa: BLE001 obstore's errors are not OSErrors
        raise ShelfError(_brief(error)) from None


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def shelf(where: str) -> Shelf:
    """The place a setting names: a URL with a scheme, else a directory. Raises ValueError when the URL is of no known
    kind, or the extra is missing.
    """
    return Bucket(where) if "://" in where else Directory(Path(where).absolute())
