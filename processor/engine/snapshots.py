"""A partition's snapshots: taken while it works, the newest kept, and the newest found when its store is lost or old.

A folder's name has its position and a token: two workers that write at once never touch what is the other's, and what a
fenced one adds stands before what its successor has.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

from processor.engine import snapshot
from processor.engine.identity import Foreign
from processor.engine.model import Source
from processor.engine.shelf import Missing, Shelf, ShelfError
from processor.engine.snapshot import MANIFEST, NAME, Refused, Snapshot, position_of, taken_at
from processor.engine.store import Mark, Memory, Store

KEPT = 2
PATIENCE_SECONDS = 20.0
"""A place that does not say in this time what it has is away: a partition that opens does without."""

ABANDONED_SECONDS = 86_400
"""What has no manifest for so long will never have one."""

Judge = Callable[[Mark], Awaitable[object]]
"""Raises Foreign for a mark that does not belong to this log and this program."""

Tell = Callable[..., None]
"""Told of what happens: (what, source, position=..., reason=...). ``what`` is one of HAPPENINGS."""

HAPPENINGS = ("taken", "restored", "refused", "failed")


class Snapshots:
    """Those of the group's stores on ``shelf``. ``executor``: a thread of their own, so that no step waits."""

    def __init__(self, shelf: Shelf, group: str, executor: Executor, tell: Tell) -> None:
        self.shelf, self.group, self.executor, self.tell = shelf, group, executor, tell
        self.taken: dict[Source, int] = {}

    async def keep(self, held: Callable[[], Iterable[tuple[Source, str, Store]]], seconds: float) -> None:
        """Take one of each store in ``held`` (with its flow's name) every so many seconds, one after another. What goes
        wrong is told, and tried again the next time. Never ends.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(seconds)
            for source, flow, store in list(held()):
                if store.position == self.taken.get(source, 0):
                    continue
                try:
                    taken = await loop.run_in_executor(self.executor, self.take, source, flow, store)
                except Exception as error:  # noqa: BLE001 whatever it is: work goes on without a snapshot
                    self.tell("failed", source, reason=f"{type(error).__name__}: {error}"[:200])
                else:
                    self.taken[source] = taken.mark.position
                    self.tell("taken", source, position=taken.mark.position)

    def take(self, source: Source, flow: str, store: Store) -> Snapshot:
        """A snapshot of the store as it stands; of its kind only the newest are left. Blocking. Raises OSError."""
        home = self._home(source, flow)
        taken = snapshot.take(self.shelf, home, source, flow, store)
        self._tidy(home, taken, store)
        return taken

    async def newest(self, source: Source, flow: str, store: Store, memory: Memory, judge: Judge) -> Store:
        """``store``, or the newest snapshot that stands beyond it: put in its place, and open. Each one that must not
        be used is told, and why; then an older one, or the store, has to do.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                whole, _ = await asyncio.to_thread(self._folders, self._home(source, flow))
        except (ShelfError, TimeoutError) as error:
            self.tell("failed", source, reason=str(error) or "the place does not answer")
            return store
        for folder in whole:
            position, fetched = position_of(folder), snapshot.beside(store.path, "fetched")
            if position <= store.position:
                break
            try:
                await self._fetch(source, flow, folder, fetched, memory, judge)
            except (Refused, Foreign) as why:
                self.tell("refused", source, position=position, reason=str(why))
            except ShelfError as error:
                self.tell("failed", source, position=position, reason=str(error))
            else:
                store.close()
                await asyncio.to_thread(snapshot.put_in_place, fetched, store.path)
                self.tell("restored", source, position=position)
                return await asyncio.to_thread(Store, store.path, memory)
            finally:
                shutil.rmtree(fetched, ignore_errors=True)
        return store

    async def _fetch(self, source: Source, flow: str, folder: str, target: Path, memory: Memory, judge: Judge) -> None:
        """Afterwards the snapshot in ``folder`` lies in ``target``, whole and belongs here."""
        found = await asyncio.to_thread(snapshot.read, self.shelf, folder, target / MANIFEST)
        if (found.flow, found.partition, found.generation) != (flow, source.partition, source.generation):
            raise Refused(f"it is of {found.flow}-{found.partition}, generation {found.generation}")
        if found.mark.position != position_of(folder):
            raise Refused(f"its manifest says position {found.mark.position}")
        await judge(found.mark)
        await asyncio.to_thread(snapshot.fetch, self.shelf, folder, found, target, memory)

    def _home(self, source: Source, flow: str) -> str:
        return f"{self.group}/{flow}-{source.partition}/"

    def _folders(self, home: str) -> tuple[list[str], dict[str, list[str]]]:
        """Folders with a manifest, the newest first; and the names in each folder, with one or without."""
        found: dict[str, list[str]] = {}
        for name in self.shelf.names(home):
            folder = name.rpartition("/")[0]
            if NAME.fullmatch(folder.rpartition("/")[2]):
                found.setdefault(folder, []).append(name)
        whole = [folder for folder, names in found.items() if f"{folder}/{MANIFEST}" in names]
        return sorted(whole, reverse=True), found

    def _tidy(self, home: str, taken: Snapshot, store: Store) -> None:
        """Of the snapshots of the same log and program the newest are left; those of others are not ours to remove."""
        whole, found = self._folders(home)
        scratch, kin = snapshot.beside(store.path, "manifest"), []
        for folder in whole:
            with contextlib.suppress(Refused, Missing):  # another worker may be tidying, too
                if _kind(snapshot.read(self.shelf, folder, scratch).mark) == _kind(taken.mark):
                    kin.append(folder)
        abandoned = time.time() - ABANDONED_SECONDS
        left = [each for each in found if each not in whole and taken_at(each) < abandoned]
        for folder in kin[KEPT:] + left:
            # the manifest first: what is left, should it end there, is no snapshot
            self.shelf.remove(sorted(found[folder], key=lambda name: not name.endswith(MANIFEST)))


def _kind(mark: Mark) -> tuple[str, str, str]:
    return mark.cluster, mark.topic, mark.definition
