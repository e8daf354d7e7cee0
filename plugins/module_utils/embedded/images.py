"""Images for a cluster without a registry: every Dockerfile below a folder, built by buildah.

A folder with a Dockerfile is an image; its path below the docker folder is its name. The base is Debian,
made by mmdebstrap from the machine's own package source, unless the Dockerfile's BASE_IMAGE is itself one of
the folders (`docker.io/library/postgres:...` -> `postgres/`). A folder with a go.mod gets a static binary of
its own name, built by the machine's Go, into its build context. The results are docker archives, cached by
content: unchanged folders cost nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.binaries import find_go
from ansible_collections.homelab.ai_workspace.plugins.module_utils.embedded.host import apt
from ansible_collections.homelab.ai_workspace.plugins.module_utils.errors import WorkspaceError

REGISTRY = "localhost/ai-workspace"
TAG = "sandbox"
SUITE = "trixie"
BASE = f"{REGISTRY}/debian:{SUITE}"
WORKERS = 2
KEEP_DAYS = 14
IGNORED = {"node_modules", "__pycache__"}
UNUSED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
RECIPE = (
    "--variant=apt",
    "--include=passwd",
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude={path}" for path in UNUSED),
    SUITE,
)
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_CERTIFICATES = "/run/ca-certificates.crt"
BASE_DOCKERFILE = 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n'
BASE_ARGUMENT = re.compile(r"^ARG BASE_IMAGE=docker\.io/library/([a-z0-9-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Image:
    """An image that a node can import: its full name and the docker archive that holds it."""

    ref: str
    archive: Path


@dataclass(frozen=True)
class Source:
    """A folder with a Dockerfile.

    Attributes:
        name: its path below the docker folder, `stand-ins/openai`.
        base: the name of the folder that it builds on; empty for Debian.
        digest: of everything that the image is made of, its base's digest included.
    """

    name: str
    folder: Path
    base: str
    digest: str

    @property
    def ref(self) -> str:
        """The name that pods use."""
        return f"{REGISTRY}/{self.name}:{TAG}"

    @property
    def archive_name(self) -> str:
        """The file name in the cache."""
        return f"{self.name.replace('/', '-')}-{self.digest[:16]}.tar"


def build_images(
    docker_dir: Path, cache_dir: Path, report: Callable[[str], None], only: Collection[str] = ()
) -> list[Image]:
    """Build what changed and return the images of a docker folder.

    Args:
        docker_dir: the folder of the image folders.
        cache_dir: archives go to its `images` folder; two runs at a time wait for each other.
        report: takes one line when a build starts and one when it ends.
        only: names of the images that are wanted, with those that they build on; all when it is empty.

    Returns:
        The images, those that others build on first.

    Raises:
        WorkspaceError: a tool is missing and cannot be had, or a build failed; with the end of its output.
    """
    cache = cache_dir / "images"
    cache.mkdir(parents=True, exist_ok=True)
    sources = find_sources(docker_dir, only)
    images = [Image(source.ref, cache / source.archive_name) for source in sources.values()]
    if _missing(images):
        with _locked(cache / "lock", report):
            if _missing(images):
                _Builder(cache, sources, report).run()
    for image in images:
        os.utime(image.archive)
    _forget_old(cache)
    return images


def _missing(images: list[Image]) -> bool:
    return any(not image.archive.exists() for image in images)


def find_sources(docker_dir: Path, only: Collection[str] = ()) -> dict[str, Source]:
    """Return the (wanted) image folders below `docker_dir` by name, each after the one that it builds on."""
    folders = {
        str(path.parent.relative_to(docker_dir)): path.parent
        for path in sorted(docker_dir.rglob("Dockerfile"))
        if not IGNORED.intersection(path.parts)
    }
    sources: dict[str, Source] = {}

    def add(name: str) -> Source:
        if name not in sources:
            folder = folders[name]
            found = BASE_ARGUMENT.search((folder / "Dockerfile").read_text(encoding="utf-8"))
            base = found[1] if found and found[1] in folders else ""
            under = add(base).digest if base else repr(RECIPE)
            sources[name] = Source(name, folder, base, _digest(folder, under))
        return sources[name]

    for name in only or folders:
        add(name)
    return sources


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that belong to the image, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not IGNORED.intersection(path.relative_to(folder).parts):
            yield path


def _digest(folder: Path, under: str) -> str:
    """Return a hash of names, modes and contents of a folder's files, and of what lies under the image."""
    total = hashlib.sha256(under.encode())
    for path in _files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"\n{path.relative_to(folder)} {os.access(path, os.X_OK)} {content}".encode())
    return total.hexdigest()


class _Builder:
    """One run of builds in a storage of its own, which goes when the run ends."""

    def __init__(self, cache: Path, sources: Mapping[str, Source], report: Callable[[str], None]) -> None:
        self._cache = cache
        self._sources = sources
        self._report = report
        self._storage = Path()
        self._done: dict[str, Future[None]] = {}

    def run(self) -> None:
        """Build every image whose archive is missing."""
        _need("mmdebstrap", "buildah")
        for killed in self._cache.glob("build-*"):
            shutil.rmtree(killed)
        with (
            tempfile.TemporaryDirectory(prefix="build-", dir=self._cache) as storage,
            ThreadPoolExecutor(WORKERS) as pool,
        ):
            self._storage = Path(storage)
            self._base()
            # A base stands before what builds on it, so the pool never holds only waiting builds.
            for name, source in self._sources.items():
                self._done[name] = pool.submit(self._provide, source)
            for future in self._done.values():
                future.result()

    def _provide(self, source: Source) -> None:
        """Build an image, or load its archive when it is there and another image needs it."""
        archive = self._cache / source.archive_name
        if source.base:
            self._done[source.base].result()
        if not archive.exists():
            self._timed(source.name, lambda: self._build(source, archive))
        elif any(other.base == source.name for other in self._sources.values()):
            self._buildah("pull", "--quiet", f"docker-archive:{archive}")

    def _build(self, source: Source, archive: Path) -> None:
        context = self._storage / "contexts" / source.name
        for path in _files(source.folder):
            copy = context / path.relative_to(source.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        if (context / "go.mod").exists():
            _go_build(context, self._cache.parent, self._report)
        self._bud(context, source.ref, self._sources[source.base].ref if source.base else BASE)
        partial = self._storage / archive.name
        self._buildah("push", "--quiet", source.ref, f"docker-archive:{partial}:{source.ref}")
        partial.rename(archive)

    def _base(self) -> None:
        """Make the Debian image: its files are cached, buildah's copy of them is not."""
        root = self._cache / f"debian-{SUITE}-{hashlib.sha256(repr(RECIPE).encode()).hexdigest()[:16]}.tar"
        if not root.exists():
            self._timed("debian", lambda: self._mmdebstrap(root))
        os.utime(root)
        context = self._storage / "debian"
        context.mkdir()
        (context / "root.tar").hardlink_to(root)
        (context / "Dockerfile").write_text(BASE_DOCKERFILE, encoding="utf-8")
        self._bud(context, BASE)

    def _mmdebstrap(self, root: Path) -> None:
        partial = self._storage / root.name
        _run(["mmdebstrap", "--quiet", *RECIPE, str(partial), *_mirror()])
        partial.rename(root)

    def _bud(self, context: Path, ref: str, base: str = "") -> None:
        """Run a Dockerfile; one that asks by ARG NODE_EXTRA_CA_CERTS gets the machine's certificates."""
        options = ["--isolation", "chroot", "--quiet", "--tag", ref]
        if base:
            options += ["--pull-never", "--build-arg", f"BASE_IMAGE={base}"]
        text = (context / "Dockerfile").read_text(encoding="utf-8")
        if HOST_CERTIFICATES.exists() and "ARG NODE_EXTRA_CA_CERTS" in text:
            options += ["--volume", f"{HOST_CERTIFICATES}:{BUILD_CERTIFICATES}:ro"]
            options += ["--build-arg", f"NODE_EXTRA_CA_CERTS={BUILD_CERTIFICATES}"]
        self._buildah("bud", *options, str(context))

    def _buildah(self, command: str, *arguments: str) -> None:
        storage = ["--root", str(self._storage / "root"), "--runroot", str(self._storage / "run")]
        _run(["buildah", *storage, "--storage-driver", "vfs", command, *arguments])

    def _timed(self, name: str, action: Callable[[], None]) -> None:
        self._report(f"building image {name}")
        start = time.monotonic()
        action()
        self._report(f"image {name} {time.monotonic() - start:.0f} s")


def _mirror() -> list[str]:
    """Return the machine's own Debian source; nothing where it has none, and mmdebstrap takes its default."""
    asked = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Label: Debian"]
    known = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return re.findall(r"^[a-z]+ (\S+)$", known, re.MULTILINE)[:1]


def _go_build(folder: Path, cache_dir: Path, report: Callable[[str], None]) -> None:
    """Build the static binary of a Go folder into that folder, under the folder's name."""
    wanted = re.search(r"^go (\d+\.\d+)", (folder / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    go = find_go(cache_dir, wanted[1] if wanted else "1.24", report)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    options = ["-tags=ferretdb_no_sqlite", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", folder.name]
    _run([str(go), "build", *options, "."], cwd=folder, env=environment)


def _need(*tools: str) -> None:
    """Install the Debian packages of the tools that are missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing and not shutil.which("apt-get"):
        names = " and ".join(missing)
        raise WorkspaceError(f"The images need {names}: install them, or set cluster_provider to kind.")
    if missing:
        apt("install", "--no-install-recommends", *missing)


def _run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a program; its output is kept for the error only."""
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            code = subprocess.run(command, cwd=cwd, env=env, stdout=output, stderr=output, check=False).returncode
            output.seek(0)
            tail = "".join(output.readlines()[-15:])
    except FileNotFoundError as error:
        raise WorkspaceError(f"The images need the program {command[0]}, which is not installed.") from error
    if code:
        raise WorkspaceError(f"{' '.join(command)}\nended with {code}:\n{tail}")


def _forget_old(cache: Path) -> None:
    """Remove archives that no run has used for some days."""
    for path in cache.glob("*.tar"):
        if time.time() - path.stat().st_mtime > KEEP_DAYS * 86400:
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that ends with the process."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another run that builds images")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
