"""The trainer's devices against what torchrun or SLURM starts, found before anything is built."""

import subprocess
from collections.abc import Callable

import pytest

from lighter_cli.checking.launcher_check import find_launcher

Command = Callable[..., subprocess.CompletedProcess[str]]

TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2", "WORLD_SIZE": "4"}
SLURM = {"SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "train"}


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TORCHRUN, *SLURM):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def check(in_process: Command, system_config: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Check the experiment with the variables of a launcher."""

    def run(variables: dict[str, str], *words: str, stage: str = "check") -> subprocess.CompletedProcess[str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return in_process(stage, system_config, *words)

    return run


@pytest.mark.parametrize("variables", [TORCHRUN, SLURM, {}])
def test_a_trainer_that_expects_what_is_started_is_right(check: Command, variables: dict[str, str]) -> None:
    devices = {"torchrun": 2, "SLURM": 4}.get(getattr(find_launcher(variables), "name", ""), 1)
    nodes = 2 if variables else 1
    done = check(variables, f"trainer::devices={devices}", f"trainer::num_nodes={nodes}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mismatch_names_the_line_and_torchruns_variable(check: Command) -> None:
    done = check(TORCHRUN, "trainer::devices=4")
    assert done.returncode == 1
    assert "trainer::devices is 4, but torchrun starts 2 processes on each machine\n" in done.stdout
    assert "command line, word 2 trainer::devices=4\n" in done.stdout
    assert "expected           LOCAL_WORLD_SIZE=2, from --nproc-per-node\n" in done.stdout
    assert "to fix             set trainer::devices=2, or start with --nproc-per-node=4\n" in done.stdout
    assert "trainer::num_nodes is 1 by default, but torchrun starts processes on 2 machines\n" in done.stdout
    assert "expected           GROUP_WORLD_SIZE=2, from --nnodes\n" in done.stdout


def test_a_mismatch_stops_a_stage_before_anything_is_built(check: Command) -> None:
    done = check(SLURM, "trainer::num_nodes=2", stage="fit")
    assert done.returncode == 1
    assert done.stderr.startswith("error: trainer::devices is 1, but SLURM starts 4 processes on each machine\n")
    assert "config.yaml:6" in done.stderr
    assert "SLURM_NTASKS_PER_NODE=4, from --ntasks-per-node" in done.stderr


def test_tasks_need_a_number_per_machine_as_for_lightning(check: Command) -> None:
    done = check({"SLURM_NTASKS": "4", "SLURM_NNODES": "1"})
    assert done.returncode == 1
    assert "SLURM_NTASKS=4 does not tell the number of processes on each machine\n" in done.stdout
    assert "write #SBATCH --ntasks-per-node=N instead of --ntasks\n" in done.stdout


def test_one_task_is_one_device(check: Command) -> None:
    assert check({"SLURM_NTASKS": "1"}).returncode == 0
    done = check({"SLURM_NTASKS": "1"}, "trainer::devices=2")
    assert "trainer::devices is 2, but SLURM starts 1 process on each machine\n" in done.stdout


@pytest.mark.parametrize(
    ("devices", "is_right"),
    [
        ("[0,1,2,3]", True),
        ("[0,1]", False),
        ("'0,1,2,3'", True),
        ("4", True),
        ("-1", True),
        ("@vars::num_samples", True),
    ],
)
def test_devices_are_counted_in_every_form_and_else_pass(check: Command, devices: str, is_right: bool) -> None:
    done = check(SLURM, f"trainer::devices={devices}", "trainer::num_nodes=2")
    assert done.returncode == int(not is_right), done.stdout


def test_default_devices_are_one_on_a_cpu_else_unknown(check: Command) -> None:
    done = check(SLURM, "~trainer::devices", "trainer::num_nodes=2")
    assert "trainer::devices is 1 by default, but SLURM starts 4 processes on each machine\n" in done.stdout
    done = check(SLURM, "~trainer::devices", "trainer::num_nodes=2", "trainer::accelerator=gpu")
    assert done.returncode == 0


def test_an_interactive_job_starts_no_processes(check: Command) -> None:
    assert check(SLURM | {"SLURM_JOB_NAME": "bash"}).returncode == 0


def test_torchrun_inside_slurm_is_torchrun() -> None:
    launcher = find_launcher(SLURM | TORCHRUN)
    assert launcher is not None
    assert launcher.name == "torchrun"


@pytest.mark.parametrize(("plugin", "is_compared"), [("LightningEnvironment", False), ("SLURMEnvironment", True)])
def test_a_plugin_may_say_who_starts_the_processes(check: Command, plugin: str, is_compared: bool) -> None:
    target = f"pytorch_lightning.plugins.environments.{plugin}"
    done = check(SLURM, f"trainer::plugins=[{{_target_: {target}}}]")
    assert done.returncode == int(is_compared)
