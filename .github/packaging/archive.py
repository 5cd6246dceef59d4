"""Archives and sums whose bytes depend on nothing but what is in them."""

import gzip
import hashlib
import io
import pathlib
import tarfile
import time
import zipfile

SUMS = "SHA256SUMS"


def contents(root: pathlib.Path, staging: pathlib.Path, binary: pathlib.Path) -> dict[str, pathlib.Path]:
    """The files of an archive by their names in it."""
    files = {binary.name: binary}
    files |= {name: root / name for name in ("README.md", "LICENSE", "CHANGELOG.md")}
    files |= {f"completions/{file.name}": file for file in (root / "completions").iterdir()}
    files |= {f"man/{file.name}": file for file in (staging / "man").iterdir()}
    return files


def write(folder: pathlib.Path, name: str, files: dict[str, pathlib.Path], epoch: int) -> None:
    entries = [(f"{name}/{path}", files[path]) for path in sorted(files)]
    if "windows" in name:
        write_zip(folder / f"{name}.zip", entries, epoch)
    else:
        (folder / f"{name}.tar.gz").write_bytes(compressed(tar(entries, epoch)))


def mode(file: pathlib.Path) -> int:
    return 0o755 if file.stem == "lokalise-auth" and file.suffix in ("", ".exe") else 0o644


def tar(entries: list[tuple[str, pathlib.Path]], epoch: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, file in entries:
            content = file.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), epoch, mode(file)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def compressed(content: bytes) -> bytes:
    """As `gzip -9n` does it: without a name and a time."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def write_zip(path: pathlib.Path, entries: list[tuple[str, pathlib.Path]], epoch: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in entries:
            entry = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            entry.create_system = 3  # Unix, so that the mode counts
            entry.external_attr = (0o100000 | mode(file)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def digest(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_sums(folder: pathlib.Path) -> None:
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != SUMS)
    lines = [f"{digest(file)}  {file.name}\n" for file in files]
    (folder / SUMS).write_bytes("".join(lines).encode())
