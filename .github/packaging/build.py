"""Builds the program and its manual pages, the same bytes wherever it is done."""

import json
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import time

from checks import Failure, Source, run

# Linux is linked by zig, which carries a musl of its own: the runner's libc does not matter.
ZIG = "python3 -m pip install cargo-zigbuild==0.24.1 ziglang==0.17.1"
AUDITABLE = "cargo install --locked cargo-auditable@0.7.7"

# Target | the system on which it is built | what links it
TARGETS = {
    "x86_64-unknown-linux-musl": ("Linux", "zig"),
    "aarch64-unknown-linux-musl": ("Linux", "zig"),
    "x86_64-apple-darwin": ("Darwin", "cc"),
    "aarch64-apple-darwin": ("Darwin", "cc"),
    "x86_64-pc-windows-msvc": ("Windows", None),
    # Not released: it can be built and, under wine, run without Windows.
    "x86_64-pc-windows-gnu": ("Linux", "x86_64-w64-mingw32-gcc"),
}


class Toolchain:
    """Everything that building for one target takes. What is missing is found before anything is built."""

    def __init__(self, source: Source, target: str) -> None:
        if target not in TARGETS:
            raise Failure(f"unknown target {target}; known: {', '.join(TARGETS)}")
        system, self.linker = TARGETS[target]
        if platform.system() != system:
            raise Failure(f"{target} is built on {system}, and this is {platform.system()}")
        self.source = source
        self.target = target
        self.target_dir = source.root / "target" / "package-build"
        self.build_std = self._needs_std()
        self._check_linker()
        if subprocess.run(["cargo", "auditable", "--help"], capture_output=True, check=False).returncode != 0:
            raise Failure(f"cargo-auditable is missing: `{AUDITABLE}`")

    def _needs_std(self) -> bool:
        """Whether the standard library is built too, from the source that comes with the compiler.

        For zig it is where it can be: with rustup's own library zig links no position-independent program.
        """
        libraries = run("rustc", "--print", "target-libdir", "--target", self.target, cwd=self.source.root).strip()
        built = any(pathlib.Path(libraries).glob("libstd-*"))
        source = (self._sysroot() / "lib/rustlib/src/rust/library/Cargo.lock").exists()
        if not built and not source:
            wanted = "component add rust-src" if self.linker == "zig" else f"target add {self.target}"
            raise Failure(f"Rust's standard library for {self.target} is missing: `rustup {wanted}`")
        return source and (self.linker == "zig" or not built)

    def _sysroot(self) -> pathlib.Path:
        return pathlib.Path(run("rustc", "--print", "sysroot", cwd=self.source.root).strip())

    def _check_linker(self) -> None:
        if self.linker == "zig":
            if not shutil.which("cargo-zigbuild"):
                raise Failure(f"cargo-zigbuild is missing: `{ZIG}`")
        elif self.linker and not shutil.which(self.linker):
            raise Failure(f"the linker {self.linker} is missing")

    def fetch(self) -> None:
        """The only step that uses the network."""
        run("cargo", "fetch", "--locked", cwd=self.source.root)

    def _cargo(self, *arguments: str, **variables: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS")}
        environment |= {
            "CARGO_INCREMENTAL": "0",
            "CARGO_TARGET_DIR": str(self.target_dir),
            "SOURCE_DATE_EPOCH": str(self.source.epoch),
            "TZ": "UTC",
            "ZERO_AR_DATE": "1",
        } | variables
        done = subprocess.run(["cargo", *arguments], cwd=self.source.root, env=environment, check=False)
        if done.returncode != 0:
            raise Failure(f"`cargo {' '.join(arguments[:3])}` failed; see above")

    def metadata(self) -> dict:
        arguments = ("metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", self.target)
        return json.loads(run("cargo", *arguments, cwd=self.source.root))

    def _paths(self) -> list[tuple[str, str]]:
        """Folders of this machine, and what the program is to call them. The later ones win."""
        home = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
        paths = [(self._sysroot() / "lib/rustlib/src/rust", "rust"), (self.source.root, ".")]
        paths += [(folder, "crates") for folder in sorted((home / "registry" / "src").glob("*"))]
        # Compilers follow links in some places and not in others.
        both = {str(path): name for path, name in paths} | {str(path.resolve()): name for path, name in paths}
        return list(both.items())

    def binary(self, staging: pathlib.Path) -> pathlib.Path:
        """The release build, in a folder of its own."""
        flags = [f"--remap-path-prefix={path}={name}" for path, name in self._paths()]
        c_flags = [f"-ffile-prefix-map={path}={name}" for path, name in self._paths()]
        variables = {"CC_SHELL_ESCAPED_FLAGS": "1"}
        if self.target.endswith("msvc"):
            flags.append("-Clink-arg=/Brepro")
        else:
            variables[f"CFLAGS_{self.target.replace('-', '_')}"] = shlex.join(c_flags)
        arguments = ["auditable", "zigbuild" if self.linker == "zig" else "build"]
        arguments += ["--release", "--locked", "--target", self.target]
        if self.build_std:
            arguments.append("-Zbuild-std=std,panic_unwind")
            variables["RUSTC_BOOTSTRAP"] = "1"
            if self.linker == "zig":
                # zig brings what starts a program, and makes it position-independent only when it is asked to.
                flags += ["-Clink-self-contained=no", "-Clink-arg=-pie"]
        else:
            arguments.append("--offline")
        self._cargo(*arguments, CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags), **variables)
        name = self.source.name + (".exe" if "windows" in self.target else "")
        staging.mkdir(parents=True, exist_ok=True)
        binary = staging / name
        shutil.copyfile(self.target_dir / self.target / "release" / name, binary)
        binary.chmod(0o755)
        self._check_paths(binary)
        return binary

    def _check_paths(self, binary: pathlib.Path) -> None:
        content = binary.read_bytes()
        for path, _ in [*self._paths(), (str(pathlib.Path.home()) + os.sep, "")]:
            if path.encode() in content:
                raise Failure(f"the program names a folder of this machine: {path}")

    def manual(self, folder: pathlib.Path) -> None:
        date = time.strftime("%Y-%m-%d", time.gmtime(self.source.epoch))
        self._cargo("run", "--quiet", "--locked", "--offline", "--example", "man", "--", str(folder), date)
