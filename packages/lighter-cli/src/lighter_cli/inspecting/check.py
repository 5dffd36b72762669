"""Report every mistake of an experiment at once: what ``lighter check`` prints."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lighter_cli.checking.checker import Checker
from lighter_cli.checking.output import annotation_lines, as_json, text_lines
from lighter_cli.checking.result import CheckResult
from lighter_cli.checking.settings import read_settings
from lighter_cli.inspecting.merged_inputs import look_up_run
from lighter_cli.terminal import output, standard_input
from lighter_config import Stage
from lighter_config.sources.file_names import shown


def check_inputs(
    inputs: Sequence[str],
    *,
    stage: Stage | None = None,
    all_stages: bool = False,
    each: bool = False,
    deep: bool = False,
    shapes: bool = False,
    safe: bool = False,
    allow: Sequence[str] = (),
    verbose: bool = False,
    strict: bool = False,
    format: Literal["text", "json", "github"] = "text",  # noqa: A002  # the option's name
) -> int:
    """Print every mistake, with its place, without importing torch; the options are those of ``lighter check``.

    Returns:
        The exit code: 1 when there is an error.
    """
    settings = read_settings(Path.cwd())
    stages = tuple(Stage) if all_stages else (stage,) if stage is not None else ()
    checker = Checker(
        stages,
        deep=deep,
        look_up_run=look_up_run,
        safe=safe,
        allow=allow,
        follow=_follow(is_safe=safe) if shapes else None,
        settings=settings,
    )
    given = standard_input.restore(inputs)
    results = list(checker.check_each(given)) if each else [checker.check(given)]
    if settings.file is not None and settings.findings:
        results.append(CheckResult(words=(shown(settings.file),), findings=settings.findings))
    if format == "json":
        output.write_json(as_json(results))
    elif format == "github":
        output.write_lines(annotation_lines(results))
    else:
        output.write_lines(text_lines(results, output.width(), deep=deep, verbose=verbose))
    return int(any(result.has_errors or (strict and result.has_warnings) for result in results))


def _follow(*, is_safe: bool) -> Callable[..., Any]:
    from lighter_cli.shapes.process import follow_batch  # few checks do that

    return partial(follow_batch, is_safe=is_safe)
