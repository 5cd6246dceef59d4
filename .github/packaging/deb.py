"""The Debian package, from the static program: it needs no library, so it installs on any release."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import textwrap
import time

import archive
from checks import Failure, Source

ARCHITECTURES = {"x86_64-unknown-linux-musl": "amd64", "aarch64-unknown-linux-musl": "arm64"}

COMPLETIONS = {
    "lokalise-auth.bash": "usr/share/bash-completion/completions/lokalise-auth",
    "_lokalise-auth": "usr/share/zsh/vendor-completions/_lokalise-auth",
    "lokalise-auth.fish": "usr/share/fish/vendor_completions.d/lokalise-auth.fish",
}

OVERRIDES = """\
# Linked statically with musl, so that one package runs on every release of Debian and Ubuntu.
# An update of a library means a new release, which CI's weekly check of advisories asks for.
lokalise-auth: statically-linked-binary [usr/bin/lokalise-auth]
# The same, as lintian sees it in a static program that is position-independent.
lokalise-auth: shared-library-lacks-prerequisites [usr/bin/lokalise-auth]
# It is not part of Debian, so there was no request to package it.
lokalise-auth: initial-upload-closes-no-bugs [usr/share/doc/lokalise-auth/changelog.Debian.gz:1]
"""


def check() -> None:
    if not shutil.which("dpkg-deb"):
        raise Failure("dpkg-deb is missing: `apt-get install dpkg`")


def write(folder: pathlib.Path, source: Source, target: str, staging: pathlib.Path, binary: pathlib.Path, work: pathlib.Path) -> None:
    architecture = ARCHITECTURES[target]
    tree = work / "deb"
    files = contents(source, staging, binary)
    for name, content in sorted(files.items()):
        put(tree / name, content, 0o755 if name == "usr/bin/lokalise-auth" else 0o644)
    installed = sum((len(content) + 1023) // 1024 for content in files.values())
    put(tree / "DEBIAN/control", control(source, architecture, installed).encode(), 0o644)
    sums = "".join(f"{hashlib.md5(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    put(tree / "DEBIAN/md5sums", sums.encode(), 0o644)
    for path in tree.rglob("*"):
        os.utime(path, (source.epoch, source.epoch))
    package = folder / f"{source.name}_{source.version}-1_{architecture}.deb"
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(source.epoch)}
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(package)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"dpkg-deb failed: {done.stderr.strip().splitlines()[-1]}")
    shutil.rmtree(tree)


def put(path: pathlib.Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    path.write_bytes(content)
    path.chmod(mode)
    # The result must not depend on the umask of the builder.
    for parent in path.parents:
        if parent.name == "deb":
            break
        parent.chmod(0o755)


def contents(source: Source, staging: pathlib.Path, binary: pathlib.Path) -> dict[str, bytes]:
    documents = f"usr/share/doc/{source.name}"
    files = {"usr/bin/lokalise-auth": binary.read_bytes()}
    for name, path in COMPLETIONS.items():
        files[path] = (source.root / "completions" / name).read_bytes()
    for page in (staging / "man").iterdir():
        section = page.suffix[1:]
        files[f"usr/share/man/man{section}/{page.name}.gz"] = archive.compressed(page.read_bytes())
    files[f"{documents}/copyright"] = copyright_file(source).encode()
    files[f"{documents}/changelog.gz"] = archive.compressed((source.root / "CHANGELOG.md").read_bytes())
    files[f"{documents}/changelog.Debian.gz"] = archive.compressed(debian_changelog(source).encode())
    files[f"{documents}/README.md.gz"] = archive.compressed((source.root / "README.md").read_bytes())
    files[f"usr/share/lintian/overrides/{source.name}"] = OVERRIDES.encode()
    return files


def control(source: Source, architecture: str, installed: int) -> str:
    homepage = f"Homepage: {source.repository}\n" if source.repository else ""
    description = textwrap.indent(textwrap.fill(source.packaging["description"], 76), " ")
    # No Depends: the program is static, and brings its own certificates for a system that has none.
    return (
        f"Package: {source.name}\nVersion: {source.version}-1\nArchitecture: {architecture}\n"
        f"Maintainer: {source.packaging['maintainer']}\nInstalled-Size: {installed}\n"
        "Recommends: ca-certificates\nSuggests: gnome-keyring | kwalletmanager | keepassxc\n"
        f"Section: utils\nPriority: optional\n{homepage}"
        f"Description: {source.packaging['summary']}\n{description}\n"
    )


def copyright_file(source: Source) -> str:
    text = (source.root / "LICENSE").read_text(encoding="utf-8")
    holder = next(line for line in text.splitlines() if line.startswith("Copyright"))
    rest = text.split(holder, 1)[1].strip().splitlines()
    license_text = "\n".join(f" {line}" if line.strip() else " ." for line in rest)
    where = f"Source: {source.repository}\n" if source.repository else ""
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {source.name}\n{where}\nFiles: *\n"
        f"Copyright: {holder.removeprefix('Copyright').replace('(c)', '').strip()}\n"
        f"License: Expat\n{license_text}\n"
    )


def debian_changelog(source: Source) -> str:
    when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(source.epoch))
    return (
        f"{source.name} ({source.version}-1) stable; urgency=medium\n\n"
        f"  * Release {source.version}. changelog.gz says what is new.\n\n"
        f" -- {source.packaging['maintainer']}  {when}\n"
    )
