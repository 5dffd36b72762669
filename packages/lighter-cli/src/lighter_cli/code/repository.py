"""Ask git for the changes in a working tree, and for files as a commit has them."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, Any

# the configuration of a repository may come from a stranger: no program that it names for a monitor or a hook runs
_GIT = (
    *("git", "--no-optional-locks", "-c", "core.quotePath=true"),
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
)
# nothing is fetched: a partial clone would run the transport that it names, and may itself allow `protocol.ext`
_ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
_DIFF = (
    *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--submodule=short", "--ignore-submodules=dirty", "--full-index", "--unified=3", "--inter-hunk-context=0"),
    *("HEAD", "--"),
)
_FILTERS = ("config", "-z", "--get-regexp", r"^filter\.")
_OUTSIDE = ("--git-dir", os.devnull)
_TIMEOUT_S = 20.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ALL = ":(top)"
_PYTHON = "*.py"


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The state of a working tree.

    Attributes:
        root: The top folder of the repository.
        commit: The commit; ``None`` if there is none yet.
        tracked: The paths of tracked files of the wanted kinds, relative to ``root``.
        untracked: Those that git neither tracks nor ignores.
        changes: What differs from the commit, as a patch; ``None`` if that is too large or not known.
    """

    root: Path
    commit: str | None
    tracked: frozenset[str]
    untracked: tuple[str, ...]
    changes: bytes | None

    @property
    def state(self) -> dict[str, Any] | None:
        """The commit and whether the code differs from it; ``None`` before the first commit."""
        if self.commit is None:
            return None
        has_new_code = any(path.endswith(".py") for path in self.untracked)
        return {"commit": self.commit, "dirty": self.changes != b"" or has_new_code}


def working_tree(folder: Path, patterns: Sequence[str], max_bytes: int) -> WorkingTree | None:
    """Read the state of the working tree that a folder is in; ``None`` outside a repository or without git.

    Args:
        folder: A folder in it.
        patterns: Which files to list, such as ``*.py``.
        max_bytes: How large the patch of the changes may be.
    """
    wanted = [f"{_ALL}{pattern}" for pattern in patterns]
    listing = ("ls-files", "-z", "-t", "--full-name", "--cached", "--others", "--exclude-standard", "--", *wanted)
    head = ("rev-parse", "--show-toplevel", "--revs-only", "HEAD")
    answer, listed, *filters = _outputs(folder, head, listing, _FILTERS, (*_OUTSIDE, *_FILTERS))
    options = _filter_options(*filters)
    if not answer or options is None:
        return None
    (changes,) = _outputs(folder, (*options, *_DIFF, _ALL), max_bytes=(max_bytes,))
    lines = os.fsdecode(answer).removesuffix("\n").split("\n")
    commit = lines.pop() if is_commit(lines[-1]) else None
    entries = [entry.partition(" ")[::2] for entry in os.fsdecode(listed or b"").split("\0") if entry]
    return WorkingTree(
        root=Path("\n".join(lines)),
        commit=commit,
        tracked=frozenset(path for tag, path in entries if tag != "?"),
        untracked=tuple(path for tag, path in entries if tag == "?"),
        changes=changes,
    )


def changes_of_kinds(root: Path, patterns: Sequence[str], max_bytes: int) -> bytes | None:
    """Return what differs from the commit in files of some kinds, as a patch; ``None`` if that is too large."""
    options = _filter_options(*_outputs(root, _FILTERS, (*_OUTSIDE, *_FILTERS)))
    if options is None:
        return None
    command = (*options, *_DIFF, *(f"{_ALL}{pattern}" for pattern in patterns))
    (changes,) = _outputs(root, command, max_bytes=(max_bytes,))
    return changes


def _filter_options(every: bytes | None, own: bytes | None) -> list[str] | None:
    """Return options for ``git diff`` by which it runs only the filters that the user has set for all repositories.

    Args:
        every: What is set for filters in a repository, also by itself.
        own: What the user and the system set.

    Returns:
        ``None`` if a filter has a name that no option can hold.
    """
    wanted, users = _settings(every), _settings(own)
    changed = {key: users.get(key, "") for key, value in wanted.items() if users.get(key) != value}
    if any("=" in key for key in changed):
        return None
    values = ((key, value or ("false" if key.endswith(".required") else "")) for key, value in changed.items())
    return [word for key, value in values for word in ("-c", f"{key}={value}")]


def _settings(listed: bytes | None) -> dict[str, str]:
    """Return keys and values that ``git config -z`` lists; of several values, the last one counts."""
    entries = os.fsdecode(listed or b"").split("\0")
    return {
        key: value if is_given else "true"
        for key, is_given, value in (entry.partition("\n") for entry in entries if entry)
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit and whether the code differs from it; ``None`` outside a repository or without git.

    The tree is dirty if tracked files have changed, or if there are Python files that git neither tracks nor ignores:
    then the commit alone does not give the code that ran. Other untracked files, which every run writes, do not count.
    """
    found = working_tree(folder, (_PYTHON,), max_bytes=0)
    return None if found is None else found.state


def is_commit(text: str) -> bool:
    """Return whether text is the whole name of a commit."""
    return _COMMIT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit.

    Attributes:
        mode: Its mode in git: ``100644``, ``100755``, ``120000`` for a link, ``160000`` for a submodule.
        name: The name of its content.
    """

    mode: str
    name: str


class Commit:
    """The files of a commit. Git only reads its objects here: no hook, filter or transport can run.

    Args:
        repository: A folder in the repository.
        name: The commit.
    """

    def __init__(self, repository: Path, name: str) -> None:
        self._repository = repository
        self._name = name

    @property
    def is_there(self) -> bool:
        """Whether the repository has the commit."""
        (found,) = _outputs(self._repository, ("rev-parse", "--verify", "--quiet", f"{self._name}^{{tree}}"))
        return found is not None

    def files(self) -> Mapping[str, Blob]:
        """Return its files by their paths, relative to the top folder of the repository."""
        (listed,) = _outputs(self._repository, ("ls-tree", "-r", "-z", "--full-tree", self._name))
        entries = [entry.partition("\t")[::2] for entry in os.fsdecode(listed or b"").split("\0") if entry]
        blobs = ((path, facts.split(" ")) for facts, path in entries)
        return {path: Blob(mode, name) for path, (mode, _, name) in blobs}

    def contents(self, blobs: Sequence[Blob]) -> Iterator[bytes]:
        """Yield the content of files, in their order.

        Raises:
            OSError: The repository does not have one of them.
        """
        names = "".join(f"{blob.name}\n" for blob in blobs)
        process = _started(self._repository, ("cat-file", "--batch"), subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        # as a thread, because git answers before it has read all names
        writer = Timer(0, _write, (process.stdin, names.encode()))
        writer.start()
        try:
            for blob in blobs:
                facts = process.stdout.readline().split()
                if len(facts) != 3 or facts[1] != b"blob":
                    raise OSError(f"the repository {str(self._repository)!r} lacks the object {blob.name}")
                yield process.stdout.read(int(facts[2]))
                process.stdout.read(1)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
            writer.join()


def _write(stream: IO[bytes], content: bytes) -> None:
    with suppress(OSError, ValueError), stream:
        stream.write(content)


def _outputs(
    folder: Path, *commands: Sequence[str], max_bytes: Sequence[int | None] | None = None
) -> list[bytes | None]:
    """Run git commands at the same time, for at most 20 s.

    Returns:
        What each writes; ``None`` if it fails, takes too long, or writes more than its number of bytes.
    """
    try:
        processes = [_started(folder, command, subprocess.DEVNULL) for command in commands]
    except OSError:  # there is no git, or no folder
        return [None] * len(commands)
    timer = Timer(_TIMEOUT_S, _kill, (processes,))
    timer.daemon = True
    timer.start()
    limits = max_bytes or [None] * len(processes)
    outputs = [_output(process, most) for process, most in zip(processes, limits, strict=True)]
    timer.cancel()
    return outputs


def _kill(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()


def _output(process: subprocess.Popen[bytes], max_bytes: int | None) -> bytes | None:
    assert process.stdout is not None
    with process.stdout as stream:
        output = stream.read() if max_bytes is None else stream.read(max_bytes + 1)
        is_too_much = max_bytes is not None and len(output) > max_bytes
        if is_too_much:
            process.kill()
    return None if process.wait() != 0 or is_too_much else output


def _started(folder: Path, command: Sequence[str], standard_input: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (*_GIT, *command),
        cwd=folder,
        stdin=standard_input,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ENVIRONMENT},
    )
