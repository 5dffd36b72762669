"""The language server: what an editor asks, and when what is wrong is said."""

import asyncio
import logging
import time
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lighter_cli.checking.experiment import Experiment
from lighter_cli.editor.diagnostics import diagnostics_of, diagnostics_of_settings, files_with_findings
from lighter_cli.editor.protocol import Protocol
from lighter_cli.editor.workspace import Workspace

_IDLE_S = 1.0
"""How long nobody may have typed before project code is looked at for changes."""

_log = logging.getLogger(__name__)


class Server(LanguageServer):
    """Answers the requests of one editor, and checks experiments one after another while it waits for more.

    Attributes:
        files: What is open, and what is known of it.
        shows_defaults: Whether hints tell the defaults of arguments that are not given.
    """

    def __init__(self) -> None:
        super().__init__("lighter", version("lighter-cli"), protocol_cls=Protocol, max_workers=1)
        self.files = Workspace()
        self.shows_defaults = False
        self._changed: dict[Path, None] = {}
        self._to_check: dict[Experiment, None] = {}
        self._published: dict[Path, list[types.Diagnostic]] = {}
        self._settings_file: Path | None = None
        self._is_waiting = False
        self._last_edit = 0.0
        self._code_is_watched = False

    def changed(self, file: Path) -> None:
        """Check the experiments of a file, when the messages that are here have been read."""
        self._changed[file] = None
        self._last_edit = time.monotonic()
        self._go_on()

    def code_changed(self) -> None:
        """Read project code again, and check every experiment."""
        self.files.forget_code()
        for file in self.files.open_files:
            self.changed(file)

    def closed(self, file: Path) -> None:
        """Take back what was said of a file that no open experiment includes any more."""
        self.files.close(file)
        self._changed.pop(file, None)
        for published in list(self._published):
            self._publish(published)

    def _go_on(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            asyncio.get_running_loop().call_soon(self._check_one)

    def _check_one(self) -> None:
        """Check one experiment; requests that have come meanwhile are answered before the next."""
        self._is_waiting = False
        try:
            if self._changed:
                file = next(iter(self._changed))
                del self._changed[file]
                experiments = self.files.affected(file)
                self._to_check |= dict.fromkeys(experiments)
                if not experiments or self.files.texts.findings(file):
                    self._publish(file)
            if self._to_check:
                experiment = next(iter(self._to_check))
                del self._to_check[experiment]
                self._check(experiment)
        except Exception:
            _log.exception("checking failed")
        if self._changed or self._to_check:
            self._go_on()
        elif not self._code_is_watched:
            self._code_is_watched = True
            asyncio.get_running_loop().call_later(_IDLE_S, self._look_at_code)

    def _check(self, experiment: Experiment) -> None:
        before = self.files.known_of(experiment)
        had = files_with_findings(before) if before is not None else set()
        checked = self.files.check(experiment)
        for file in had | files_with_findings(checked) | (checked.files & self.files.open_files):
            self._publish(file)

    def _publish(self, file: Path) -> None:
        """Say what is wrong with a file; of a file that is not open only what is new."""
        diagnostics = diagnostics_of(self.files, file)
        is_open = file in self.files.open_files
        if not is_open and self._published.get(file, []) == diagnostics:
            return
        if diagnostics or is_open:
            self._published[file] = diagnostics
        else:
            self._published.pop(file, None)
        uri = self.files.uri_of(file)
        known = self.workspace.text_documents.get(uri)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, diagnostics, known.version if known is not None else None)
        )

    def _look_at_code(self) -> None:
        """Check again if project code, or a library, has changed since its signatures were read."""
        self._code_is_watched = False
        if time.monotonic() - self._last_edit < _IDLE_S:
            self._code_is_watched = True
            asyncio.get_running_loop().call_later(_IDLE_S, self._look_at_code)
        elif self.files.open_files and not self.files.code_is_current():
            self.code_changed()

    def publish_settings(self) -> None:
        """Say what is wrong with the table in pyproject.toml, and take back what was said of another file."""
        read = self.files.settings.file
        for file in dict.fromkeys(one for one in (self._settings_file, read) if one is not None):
            found = diagnostics_of_settings(self.files, file)
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(file.as_uri(), found))
        self._settings_file = read
