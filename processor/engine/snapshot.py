"""One snapshot: the files of a store as it stood at a position, and a manifest that says what they must be.

The manifest is written last: what has none is no snapshot.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from processor.engine.model import Source
from processor.engine.shelf import Missing, Shelf
from processor.engine.store import Mark, Memory, Store, StoreError

MANIFEST = "manifest.json"
NAME = re.compile(r"\d{20}-\d+-[0-9a-f]{8}")
"""Of a snapshot's folder: position, when it was taken (s since 1970), token."""


class Refused(Exception):
    """A snapshot that must not be used, and why."""


@dataclass(frozen=True)
class Snapshot:
    """A manifest. ``mark``: where the store stood; ``files``: name -> (bytes, SHA-256)."""

    flow: str
    partition: int
    generation: int
    mark: Mark
    files: dict[str, tuple[int, str]]

    def dump(self) -> str:
        return json.dumps({**self.__dict__, "mark": json.loads(self.mark.dump())}, indent=1)

    @classmethod
    def load(cls, raw: bytes) -> Snapshot:
        """Raises Refused when it is none."""
        try:
            fields = json.loads(raw)
            mark = Mark.load(json.dumps(fields.pop("mark")).encode())
            files = {str(name): (int(size), str(digest)) for name, (size, digest) in fields.pop("files").items()}
            made = cls(mark=mark, files=files, **fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(f"its manifest cannot be read: {type(error).__name__}: {error}") from None
        if any(Path(name).name != name for name in files):
            raise Refused("its manifest names a file outside of it")
        return made


def take(shelf: Shelf, home: str, source: Source, flow: str, store: Store) -> Snapshot:
    """Copy ``store`` as it stands into a folder of its own under ``home``. Blocking; the store may be written
    meanwhile. Raises OSError; what then lies in the folder is no snapshot.
    """
    copy = beside(store.path, "taken")
    try:
        mark = store.checkpoint(copy)
        files = {path.name: (path.stat().st_size, digest(path)) for path in sorted(copy.iterdir())}
        snapshot = Snapshot(flow, source.partition, source.generation, mark, files)
        folder = f"{home}{mark.position:020d}-{int(time.time())}-{secrets.token_hex(4)}"
        for file in files:
            shelf.put(f"{folder}/{file}", copy / file)
        (copy / MANIFEST).write_text(snapshot.dump(), encoding="utf-8")
        shelf.put(f"{folder}/{MANIFEST}", copy / MANIFEST)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return snapshot


def read(shelf: Shelf, folder: str, scratch: Path) -> Snapshot:
    """The manifest in ``folder``. Raises Refused, and ShelfError."""
    scratch.parent.mkdir(exist_ok=True)
    try:
        shelf.get(f"{folder}/{MANIFEST}", scratch)
        return Snapshot.load(scratch.read_bytes())
    finally:
        scratch.unlink(missing_ok=True)


def fetch(shelf: Shelf, folder: str, snapshot: Snapshot, target: Path, memory: Memory) -> None:
    """Copy a snapshot's files into ``target``, an empty directory. Raises Refused unless every byte is as the manifest
    says and the store opens where it says, and ShelfError.
    """
    for file, (size, expected) in snapshot.files.items():
        copy = target / file
        try:
            shelf.get(f"{folder}/{file}", copy)
        except Missing:
            raise Refused(f"{file} is missing") from None
        if copy.stat().st_size != size:
            raise Refused(f"{file} has {copy.stat().st_size} bytes, its manifest says {size}")
        if digest(copy) != expected:
            raise Refused(f"{file} is damaged: its SHA-256 is not the manifest's")
        with copy.open("rb+") as written:
            os.fsync(written.fileno())
    try:
        opened = Store(target, memory)
    except StoreError as error:
        for moved in target.parent.glob(f"{target.name}.broken-*"):  # where a damaged store of our own is kept
            shutil.rmtree(moved, ignore_errors=True)
        raise Refused(f"it does not open: {str(error).rpartition('anew: ')[2]}") from None
    opened.close()
    if replace(opened.mark, manifest=None) != replace(snapshot.mark, manifest=None):  # opening writes a new list
        raise Refused("the store in it does not stand where its manifest says")


def position_of(folder: str) -> int:
    """The position in a folder's name."""
    return int(folder.rpartition("/")[2].split("-")[0])


def taken_at(folder: str) -> int:
    """When a folder was begun (s since 1970), by its name."""
    return int(folder.rpartition("/")[2].split("-")[1])


def put_in_place(fetched: Path, path: Path) -> None:
    """Rename a store's directory to ``path``; the one that was there goes. Killed between, there is none for a moment:
    that is folded anew, or fetched again.
    """
    old = beside(path, "old")
    if path.exists():
        path.rename(old)
    fetched.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def beside(path: Path, what: str) -> Path:
    """A place beside a store, on the same disk; nothing is there."""
    made = path.with_name(f"{path.name}.{what}")
    shutil.rmtree(made, ignore_errors=True)
    return made


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
