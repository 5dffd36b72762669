"""The options of earlier versions, of LightningCLI and of bundles are errors that write the command."""

import subprocess
from collections.abc import Callable

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = {
    "fit --config=a.yaml,b.yaml --vars#name=x": "fit a.yaml,b.yaml vars::name=x",
    "fit --config a.yaml --config b.yaml": "fit a.yaml b.yaml",
    "fit --config_file a.yaml": "fit a.yaml",
    "validate --config-file=a.yaml --ckpt-path last": "validate a.yaml --ckpt-path last",
    "fit a.yaml --trainer#callbacks=None": "fit a.yaml trainer::callbacks=null",
    "fit a.yaml --trainer::max_epochs 3 seed=1": "fit a.yaml trainer::max_epochs=3 seed=1",
    "check --config a.yaml --trainer.fast_dev_run": "check a.yaml trainer::fast_dev_run=true",
    "fit --config_file ['a.json','b.json'] --bundle_root /data": "fit a.json,b.json bundle_root=/data",
    "test --safe --config a.yaml --model#name='a b'": "test a.yaml 'model::name=a b' --safe",
}


@pytest.mark.parametrize("given", COMMANDS)
def test_an_earlier_option_is_an_error_with_the_new_command(given: str, in_process: Command) -> None:
    words = [word.strip("'").replace("='", "=") for word in given.replace("a b", "a\0b").split()]
    done = in_process(*[word.replace("\0", " ") for word in words])
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "is not an option: configs and overrides are arguments" in said
    assert f"files are arguments: lighter {COMMANDS[given]}\n" in said


def test_a_mistyped_option_is_still_only_that(in_process: Command) -> None:
    done = in_process("fit", "a.yaml", "--chkpt-path", "last")
    assert "write --ckpt-path" in done.stderr


@pytest.mark.parametrize(
    "words", [("--trainer::api_key=hush-hush",), ("--trainer::api_key", "hush-hush"), ("--api-key=hush-hush",)]
)
def test_an_option_hides_the_secret_that_it_gives(words: tuple[str, ...], in_process: Command) -> None:
    done = in_process("fit", "a.yaml", *words)
    assert done.returncode == 2
    assert "option" in done.stderr
    assert "hush" not in done.stdout + done.stderr
