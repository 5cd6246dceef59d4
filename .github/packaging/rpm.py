"""The RPM, from the same static program as the deb."""

import json
import pathlib
import subprocess

import archive
from checks import Failure, Source

ARCHITECTURES = {"x86_64-unknown-linux-musl": "x86_64", "aarch64-unknown-linux-musl": "aarch64"}

TOOL = "cargo install --locked cargo-generate-rpm@0.21.1"

COMPLETIONS = {
    "lokalise-auth.bash": "/usr/share/bash-completion/completions/lokalise-auth",
    "_lokalise-auth": "/usr/share/zsh/site-functions/_lokalise-auth",
    "lokalise-auth.fish": "/usr/share/fish/vendor_completions.d/lokalise-auth.fish",
}


def check() -> None:
    if subprocess.run(["cargo", "generate-rpm", "--version"], capture_output=True, check=False).returncode != 0:
        raise Failure(f"cargo-generate-rpm is missing: `{TOOL}`")


def write(folder: pathlib.Path, source: Source, target: str, staging: pathlib.Path, binary: pathlib.Path, work: pathlib.Path) -> None:
    architecture = ARCHITECTURES[target]
    pages = work / "rpm-man"
    pages.mkdir()
    files = {"/usr/bin/lokalise-auth": binary}
    files |= {path: source.root / "completions" / name for name, path in COMPLETIONS.items()}
    for page in (staging / "man").iterdir():
        compressed = pages / f"{page.name}.gz"
        compressed.write_bytes(archive.compressed(page.read_bytes()))
        files[f"/usr/share/man/man{page.suffix[1:]}/{compressed.name}"] = compressed
    for name in ("README.md", "CHANGELOG.md"):
        files[f"/usr/share/doc/{source.name}/{name}"] = source.root / name
    files[f"/usr/share/licenses/{source.name}/LICENSE"] = source.root / "LICENSE"
    package = folder / f"{source.name}-{source.version}-1.{architecture}.rpm"
    command = ["cargo", "generate-rpm", "--arch", architecture, "--auto-req", "disabled", "--payload-compress", "xz"]
    command += ["--source-date", str(source.epoch), "--output", str(package), "--set-metadata", metadata(source, files)]
    done = subprocess.run(command, cwd=source.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"cargo generate-rpm failed: {done.stderr.strip().splitlines()[-1]}")


def metadata(source: Source, files: dict[str, pathlib.Path]) -> str:
    """What cargo-generate-rpm reads, as TOML. Strings of JSON are strings of TOML."""
    lines = [
        f"summary = {json.dumps(source.packaging['summary'])}",
        f"vendor = {json.dumps(source.packaging['maintainer'])}",
        'recommends = { ca-certificates = "*" }',
        "assets = [",
    ]
    for path in sorted(files):
        mode = "755" if path.startswith("/usr/bin/") else "644"
        kind = ", doc = true" if path.startswith("/usr/share/doc/") else ""
        lines.append(f'  {{ source = {json.dumps(str(files[path]))}, dest = {json.dumps(path)}, mode = "{mode}"{kind} }},')
    return "\n".join([*lines, "]"])
