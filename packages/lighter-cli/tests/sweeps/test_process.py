"""``lighter`` starts in clean processes, forked from a warm server or cold, and both are the same to a user."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_cli.runs.record import read_records
from lighter_cli.sweeps.process import Starter

pytest.importorskip("optuna", minversion="5")
pytestmark = pytest.mark.slow

PROBE = """
    import json, os, signal, sys, tempfile, threading
    from pytorch_lightning import Callback
    from pytorch_lightning.utilities import rank_zero_only

    class Probe(Callback):
        def on_fit_start(self, trainer, module):
            main = sys.modules["__main__"]
            facts = {
                "argv": sys.argv[1:],
                "main": main.__spec__ and main.__spec__.name,
                "session": os.getsid(0) == os.getpid(),
                "threads": os.environ.get("OMP_NUM_THREADS"),
                "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
                "terminal": sys.stdout.isatty(),
                "temporary": tempfile.gettempdir(),
                "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
                "child": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
                "warm": "lighter_cli.sweeps.trial_callback" in sys.modules,
                "rank": rank_zero_only.rank,
                "world": trainer.world_size,
                "cluster": type(trainer._accelerator_connector.cluster_environment).__name__,
                "job": os.environ.get("SLURM_JOB_ID"),
            }
            print("FACTS", json.dumps(facts), flush=True)
"""

ALONE = {"rank": 0, "world": 1, "cluster": "LightningEnvironment"}
LAUNCHERS = {
    "SLURM": "SLURM_JOB_ID=17 SLURM_JOB_NAME=train SLURM_NTASKS=2 SLURM_NTASKS_PER_NODE=2 SLURM_PROCID=1 "
    "SLURM_LOCALID=1 SLURM_NODEID=0 SLURM_NNODES=1 SLURM_RESTART_COUNT=2 SLURM_STEP_ID=0",
    "torchrun": "RANK=1 LOCAL_RANK=1 WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 GROUP_RANK=0 ROLE_RANK=1 "
    "MASTER_ADDR=127.0.0.1 MASTER_PORT=1 TORCHELASTIC_RUN_ID=none TORCHELASTIC_USE_AGENT_STORE=True",
    "LSF": "LSB_JOBID=17 LSB_DJOB_RANKFILE=nothing JSM_NAMESPACE_LOCAL_RANK=1 JSM_NAMESPACE_RANK=1 "
    "JSM_NAMESPACE_SIZE=2",
}


@pytest.fixture(params=["warm", "cold"])
def starter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if request.param == "warm" and sys.platform != "linux":
        pytest.skip("only Linux forks a process that has imported torch")
    made = Starter(environment={"OMP_NUM_THREADS": "1"}, is_cold=request.param == "cold")
    yield made
    made.close()


@pytest.fixture
def probe(system_config: str, tmp_path: Path) -> list[str]:
    """The words of a fit that says what its process is like."""
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "parts.py").write_text(textwrap.dedent(PROBE))
    return ["fit", system_config, "project=probes", "trainer::callbacks+={_target_: project.parts.Probe}"]


def facts_of(output: Path) -> dict[str, object]:
    (line,) = [line for line in output.read_text().splitlines() if line.startswith("FACTS")]
    facts: dict[str, object] = json.loads(line.removeprefix("FACTS"))
    return facts


def test_a_process_is_as_if_started_from_a_shell(starter: Starter, probe: list[str], tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path)}
    processes = [
        starter.start(probe, output=tmp_path / f"{gpu}.log", environment={**environment, "CUDA_VISIBLE_DEVICES": gpu})
        for gpu in "01"
    ]
    for gpu, process in zip("01", processes, strict=True):
        assert process.wait() == 0, (tmp_path / f"{gpu}.log").read_text()
        facts = facts_of(tmp_path / f"{gpu}.log")
        assert facts.pop("warm") == (not starter.problem)
        assert facts.pop("main") in (None, "lighter_cli.__main__")
        assert facts.pop("gpus") == gpu
        del facts["job"]
        assert facts == {
            **ALONE,
            "argv": probe,
            "session": True,
            "threads": "1",
            "terminal": False,
            "temporary": str(tmp_path),
            "interrupt": True,
            "child": True,
        }
    assert {record.content["process"]["pid"] for record in read_records(tmp_path)} == {p.pid for p in processes}
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_process_is_no_rank_of_the_launcher_around(
    starter: Starter, name: str, probe: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dict(one.split("=") for one in LAUNCHERS[name].split())
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert starter.start(probe, output=tmp_path / "log").wait() == 0, (tmp_path / "log").read_text()
    facts = facts_of(tmp_path / "log")
    assert ALONE.items() <= facts.items()
    assert facts["job"] == variables.get("SLURM_JOB_ID")


def test_exit_codes_arrive(starter: Starter, system_config: str, tmp_path: Path) -> None:
    output = tmp_path / "log"
    assert starter.start(["fit", "nothing.yaml"], output=output).wait() == 1
    assert "nothing.yaml" in output.read_text()
    assert starter.start(["fits"], output=output).wait() == 2
    words = ["fit", system_config, "trainer::max_epochs=100000", "trainer::enable_progress_bar=false"]
    process = starter.start(words, output=output)
    wait_for_record(tmp_path)
    process.send(signal.SIGTERM)
    assert process.wait() in (143, -signal.SIGTERM)
    other = starter.start(words, output=output)
    other.kill()
    assert other.wait() == -signal.SIGKILL


def test_trials_live_on_when_the_worker_is_killed(system_config: str, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux forks a process that has imported torch")
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from lighter_cli.sweeps.process import Starter
        Starter().start(["fit", "{system_config}", "trainer::max_epochs=400"], output=Path("log"))
        time.sleep(600)
    """)
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    wait_for_record(tmp_path)
    worker.kill()
    worker.wait()
    (record,) = read_records(tmp_path)
    while record.status == "running":
        time.sleep(0.05)
        (record,) = read_records(tmp_path)
    assert record.status == "finished"
    assert record.content["progress"]["epoch"] == 400


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "_thread.start_new_thread(time.sleep, (60,))",
    ],
    ids=["Python", "native"],
)
def test_trials_start_cold_when_a_package_starts_threads(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "busy.py").write_text(f"import _thread, threading, time\n{start}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    starter = Starter(["busy"])
    assert starter.start(["--version"], output=tmp_path / "log").wait() == 0
    starter.close()
    if sys.platform == "linux":
        assert starter.problem == "importing busy starts threads"


MULTIPLY = """
    import numpy, torch
    from pytorch_lightning import Callback

    class Multiply(Callback):
        def on_fit_start(self, trainer, module):
            numbers = numpy.ones((500, 500))
            print("PRODUCTS", (numbers @ numbers).sum(), torch.ones(500, 500).mm(torch.ones(500, 500)).sum().item())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a process that has imported torch")
def test_pools_of_linear_algebra_do_not_make_trials_cold(
    system_config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "products").mkdir()
    (tmp_path / "products" / "parts.py").write_text(textwrap.dedent(MULTIPLY))
    names = [name for name in ("scipy.linalg", "pyarrow", "pandas") if find_spec(name.partition(".")[0])]
    starter = Starter(names, environment={"OMP_NUM_THREADS": "2"})
    words = ["fit", system_config, "project=products", "trainer::callbacks+={_target_: project.parts.Multiply}"]
    assert starter.start(words, output=tmp_path / "log").wait() == 0
    starter.close()
    assert starter.problem == ""
    assert "PRODUCTS 125000000.0 125000000.0" in (tmp_path / "log").read_text()
    assert "DeprecationWarning" not in capfd.readouterr().err


JEMALLOC = """
    import _thread, threading, time

    def wait():
        with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as name:
            name.write("jemalloc_bg_thd")
        named.release()
        time.sleep(60)

    named = _thread.allocate_lock()
    named.acquire()
    _thread.start_new_thread(wait, ())
    named.acquire()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a process that has imported torch")
def test_threads_of_jemalloc_do_not_make_trials_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "allocates.py").write_text(textwrap.dedent(JEMALLOC))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    starter = Starter(["allocates"])
    assert starter.start(["--version"], output=tmp_path / "log").wait() == 0
    starter.close()
    assert starter.problem == ""
    assert "DeprecationWarning" not in capfd.readouterr().err  # Python 3.12 and newer would warn of each fork


def test_a_killed_server_does_not_stop_the_sweep(system_config: str, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux forks a process that has imported torch")
    starter = Starter()
    first = starter.start(["fit", system_config, "trainer::max_epochs=200"], output=tmp_path / "log")
    server = starter._server
    assert server is not None
    server.kill()
    second = starter.start(["--version"], output=tmp_path / "log")
    assert second.wait() == 0
    assert first.wait() is not None
    assert "ended with exit code -9" in starter.problem
    assert [record.status for record in read_records(tmp_path)] == ["finished"]
    starter.close()


def wait_for_record(folder: Path) -> None:
    while not read_records(folder):
        time.sleep(0.02)
