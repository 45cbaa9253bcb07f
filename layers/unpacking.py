"""A zip archive → the one usable file in it, unpacked where nothing can lead outside."""

import lzma
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from geo.errors import FileError, FormatError
from layers.formats import MAX_UNPACKED, PIECE, SUFFIXES, fits
from layers.values import shown

MAX_ENTRIES = 200
MAX_RATIO = 100
_DAMAGED = (zipfile.BadZipFile, EOFError, ValueError, zlib.error, lzma.LZMAError, NotImplementedError)


def unpacked(path: Path, folder: Path) -> Path:
    """Unpack the one usable file of an archive, with its siblings, and return where it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(path, archive)
            mains = [name for name in entries if _suffix(name) in SUFFIXES and _suffix(name) != ".zip"]
            if len(mains) != 1:
                names = shown(", ".join(map(str, mains)) or "-")
                raise FormatError(
                    "%(file)s: it must hold exactly one file to read; it holds %(count)s (%(names)s).",
                    file=shown(path.name),
                    count=len(mains),
                    names=names,
                )
            main = mains[0]
            left = MAX_UNPACKED
            for name, info in entries.items():
                if name == main or (name.parent, name.stem) == (main.parent, main.stem):
                    left -= _unpack(path, archive, info, folder / name.name, left)
    except OSError as error:
        raise FileError(
            "%(file)s cannot be unpacked: %(reason)s.", file=shown(path.name), reason=error.strerror
        ) from error
    except _DAMAGED as error:
        raise FormatError("%(file)s: it is damaged or cut short.", file=shown(path.name)) from error
    return folder / main.name


def _suffix(name: PurePosixPath) -> str:
    lower = name.name.lower()
    return next((suffix for suffix in reversed(SUFFIXES) if lower.endswith(suffix)), "")


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the files of an archive by name; refuse one that is not what an honest packer makes."""
    infos = archive.infolist()
    size, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    if len(infos) > MAX_ENTRIES:
        raise FormatError(
            "%(file)s: it holds more than %(limit)s entries.", file=shown(path.name), limit=MAX_ENTRIES
        )
    if size > MAX_UNPACKED or size > max(MAX_RATIO * packed, PIECE):
        raise FormatError(
            "%(file)s: it unpacks to too much (%(size)s bytes).", file=shown(path.name), size=size
        )
    entries: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in infos:
        name = PurePosixPath(_entry_name(info))
        unsafe = name.is_absolute() or ".." in name.parts or "\\" in str(name) or ":" in str(name)
        linked = stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)
        if unsafe or linked or info.flag_bits & 1 or name in entries:
            raise FormatError(
                "%(file)s: the entry %(entry)s is encrypted, doubled, a link, or leads outside.",
                file=shown(path.name),
                entry=shown(name),
            )
        entries[name] = info
    return {
        name: info
        for name, info in entries.items()
        if not info.is_dir() and not name.name.startswith(".") and "__MACOSX" not in name.parts
    }


def _entry_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name: archives made on Chinese Windows hold it in GBK and do not say so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename  # the archive gave its name in Unicode besides
    return raw.decode("utf-8" if fits(raw, "utf-8") else "gb18030", "replace")


def _unpack(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one entry, counting the bytes that really come; return how many."""
    written = 0
    with archive.open(info) as source, target.open("xb") as file:
        while piece := source.read(PIECE):
            written += len(piece)
            if written > left:
                raise FormatError(
                    "%(file)s: it unpacks to too much (%(size)s bytes).", file=shown(path.name), size=written
                )
            file.write(piece)
    return written
