"""The software bill of materials, in CycloneDX: the crates in the program and those that only built it."""

import json
import pathlib
import time
import uuid

import archive
from checks import Source


def write(path: pathlib.Path, source: Source, target: str, binary: pathlib.Path, metadata: dict) -> None:
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    linked = reachable(nodes, root, {None})
    used = reachable(nodes, root, {None, "build"})
    checksums = locked_checksums(source.root)

    def component(identity: str) -> dict:
        package = packages[identity]
        found = {
            "type": "library",
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            # What only runs while the program is built is not in it.
            "scope": "required" if identity in linked else "excluded",
            "purl": purl(package),
        }
        if package["license"]:
            found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if checksum := checksums.get((package["name"], package["version"])):
            found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return found

    program = component(root) | {
        "type": "application",
        "description": source.description,
        "hashes": [{"alg": "SHA-256", "content": archive.digest(binary)}],
        "properties": [{"name": "target", "value": target}],
    }
    del program["scope"]
    ordered = sorted(used, key=lambda identity: purl(packages[identity]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{purl(packages[root])}#{target}@{archive.digest(binary)}')}",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(source.epoch)),
            "component": program,
        },
        "components": [component(identity) for identity in ordered if identity != root],
        "dependencies": [
            {
                "ref": purl(packages[identity]),
                "dependsOn": sorted({purl(packages[below]) for below in dependencies(nodes[identity], {None, "build"})}),
            }
            for identity in ordered
        ],
    }
    path.write_bytes((json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def dependencies(node: dict, kinds: set) -> list[str]:
    return [below["pkg"] for below in node["deps"] if kinds & {kind["kind"] for kind in below["dep_kinds"]}]


def reachable(nodes: dict, root: str, kinds: set) -> set[str]:
    found, open_ends = {root}, [root]
    while open_ends:
        for below in dependencies(nodes[open_ends.pop()], kinds):
            if below not in found:
                found.add(below)
                open_ends.append(below)
    return found


def locked_checksums(root: pathlib.Path) -> dict:
    import tomllib

    lock = tomllib.loads((root / "Cargo.lock").read_text(encoding="utf-8"))
    return {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
