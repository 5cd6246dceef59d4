"""What has to be true of a commit before files are made from it."""

import os
import pathlib
import re
import subprocess
import tomllib


class Failure(Exception):
    """One line for the person who makes the release."""


def run(*command: str, cwd: pathlib.Path) -> str:
    """What a program prints. Its failure is one line: the last one that it wrote."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is missing") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise Failure(f"`{' '.join(command[:3])}` failed: {lines[-1] if lines else 'it does not say why'}")
    return done.stdout


def manifest(root: pathlib.Path) -> dict:
    return tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["package"]


def check_version(root: pathlib.Path, version: str) -> None:
    ours = manifest(root)["version"]
    if version != ours:
        raise Failure(f"Cargo.toml has version {ours}, not {version}")


def changelog_section(root: pathlib.Path, version: str) -> str:
    """What CHANGELOG.md says below `## VERSION`."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)}(?: .*)?$\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise Failure(f"CHANGELOG.md has no section `## {version}`")
    return found[1].strip()


def check_clean(root: pathlib.Path) -> None:
    changes = run("git", "status", "--porcelain", cwd=root).splitlines()
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise Failure(f"the tree has changes that are not committed: {changes[0][3:]}{more}")


def check_tag(root: pathlib.Path, tag: str) -> None:
    """Whether this commit may be released under this tag."""
    if not tag.startswith("v"):
        raise Failure(f"a release's tag is v and the version, not {tag}")
    version = tag[1:]
    check_version(root, version)
    changelog_section(root, version)
    check_clean(root)
    # GitHub sets these two. Where packages say to come from is where they are made.
    server, slug = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    address = manifest(root).get("repository")
    if server and slug and address != f"{server}/{slug}":
        raise Failure(f'Cargo.toml needs repository = "{server}/{slug}"; it has {address or "none"}')


class Source:
    """A commit that may be packaged."""

    def __init__(self, root: pathlib.Path, version: str) -> None:
        check_version(root, version)
        changelog_section(root, version)
        check_clean(root)
        package = manifest(root)
        self.root = root
        self.version = version
        self.name = package["name"]
        self.description = package["description"]
        self.license = package["license"]
        self.repository = package.get("repository")
        self.packaging = package["metadata"]["packaging"]
        self.epoch = int(run("git", "log", "-1", "--format=%ct", cwd=root))
