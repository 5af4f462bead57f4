"""The embedded engine's surroundings: its configuration file and the lock on its folder."""

import atexit
import ctypes
import hashlib
import importlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import IO, Any

from vario.errors import Unavailable

log = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0
_MIB = 1 << 20

# Merge-tree settings: what an insert wrote is on the disk before it is acknowledged (unless the
# setting `store.sync` says otherwise), and what a merge wrote before its sources go. Without the
# merge settings two of three simulated power cuts lost over 96 % of the rows; with all of them
# three of three lost none (docs/decisions/0002-store.md). A cut can leave broken parts of
# unacknowledged inserts: they are set aside, never a reason not to open. Cache sizes: the defaults
# are 5 GiB each, sized for servers. System log tables are off as long as they are not named here.
_CONFIG = """<clickhouse>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <mark_cache_size>{cache}</mark_cache_size>
  <index_mark_cache_size>{cache}</index_mark_cache_size>
  <primary_index_cache_size>{cache}</primary_index_cache_size>
  <vector_similarity_index_cache_size>0</vector_similarity_index_cache_size>
  <text_index_tokens_cache_size>{small_cache}</text_index_tokens_cache_size>
  <text_index_header_cache_size>{small_cache}</text_index_header_cache_size>
  <text_index_postings_cache_size>{cache}</text_index_postings_cache_size>
  <query_condition_cache_size>{small_cache}</query_condition_cache_size>
  <compiled_expression_cache_size>{small_cache}</compiled_expression_cache_size>
  <max_thread_pool_size>512</max_thread_pool_size>
  <max_thread_pool_free_size>8</max_thread_pool_free_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>2</background_schedule_pool_size>
  <merge_tree>
    <fsync_after_insert>{sync}</fsync_after_insert>
    <fsync_part_directory>{sync}</fsync_part_directory>
    <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
    <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>
    <merge_selector_enable_heuristic_to_remove_small_parts_at_right>0</merge_selector_enable_heuristic_to_remove_small_parts_at_right>
    <min_parts_to_merge_at_once>16</min_parts_to_merge_at_once>
    <min_partition_age_to_force_merge_seconds>3600</min_partition_age_to_force_merge_seconds>
    <auto_statistics_types></auto_statistics_types>
    <old_parts_lifetime>60</old_parts_lifetime>
    <max_suspicious_broken_parts>1000000</max_suspicious_broken_parts>
    <max_suspicious_broken_parts_bytes>1000000000000</max_suspicious_broken_parts_bytes>
    <min_free_disk_bytes_to_perform_insert>50000000</min_free_disk_bytes_to_perform_insert>
  </merge_tree>
</clickhouse>
"""


def write_config(max_memory_mb: int, *, sync: bool) -> Path:
    """Writes the engine's configuration for a process.

    Args:
        max_memory_mb: memory that the engine may use.
        sync: whether an insert returns only once its rows are on the disk.

    Returns:
        The file, which goes when the process ends.
    """
    memory = max_memory_mb * _MIB
    path = _scratch() / "engine.xml"
    path.write_text(
        _CONFIG.format(
            memory=memory,
            cache=min(memory // 16, 64 * _MIB),
            small_cache=16 * _MIB,
            sync=int(sync),
        ),
        encoding="utf-8",
    )
    return path


@cache
def schema_file(text: str) -> Path:
    """Returns a file with a protobuf schema in it, which goes when the process ends.

    A schema given to the embedded engine as text ends up in a `__cache__` folder below whatever
    folder the process was started in; one given as a file does not.
    """
    path = _scratch() / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.proto"
    path.write_text(text, encoding="utf-8")
    return path


@cache
def _scratch() -> Path:
    folder = tempfile.mkdtemp(prefix="vario-engine-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def import_engine() -> None:
    """Imports chDB without Arrow, whose formats are not used here: 28 MiB less memory."""
    if "pyarrow" in sys.modules:
        return
    blocked: Any = None
    sys.modules["pyarrow"] = blocked
    try:
        importlib.import_module("chdb.state")
    finally:
        del sys.modules["pyarrow"]


class FolderLock:
    """An exclusive lock on a data folder, with the owner's process id in it.

    The engine locks its folder too, but says so on stderr only; this lock is asked first. It
    goes with the process, whatever kills it.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it is missing and takes the lock.

        Raises:
            Unavailable: another process has it, or the folder cannot be written.
        """
        import fcntl  # not on every system that can talk to a server

        path = folder / "vario.lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("a+", encoding="ascii")
        except OSError as error:
            raise Unavailable(
                f"cannot use {folder} for data: {error.strerror}; pass --data another folder"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            owner = self._file.read().strip()
            self._file.close()
            who = f"another vario (pid {owner})" if owner else "another vario"
            raise Unavailable(
                f"{who} already uses {folder}; stop it or pass --data another folder"
            ) from None
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Gives the folder back."""
        self._file.close()


class FolderSync:
    """Writes what the operating system holds for a folder to the disk, once a second.

    The thread rests as long as `note` is not called.
    """

    def __init__(self, folder: Path) -> None:
        """Starts the thread."""
        self._folder = folder
        self._written = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vario-sync")
        self._thread.start()

    def note(self) -> None:
        """Says that something was written."""
        self._written.set()

    def close(self) -> None:
        """Returns once everything noted so far is on the disk."""
        self._stop.set()
        self._written.set()
        self._thread.join()
        self._sync()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._written.wait()
            self._written.clear()
            self._sync()
            self._stop.wait(SYNC_EVERY_S)

    def _sync(self) -> None:
        try:
            sync_folder(self._folder)
        except OSError as error:
            log.error("cannot write %s to the disk: %s", self._folder, error)  # noqa: TRY400


def sync_folder(folder: Path) -> None:
    """Returns once the file system of `folder` is on its disk.

    Raises:
        OSError: the disk has failed.
    """
    if not sys.platform.startswith("linux"):
        os.sync()
        return
    libc = ctypes.CDLL(None, use_errno=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        if libc.syncfs(opened):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(opened)
