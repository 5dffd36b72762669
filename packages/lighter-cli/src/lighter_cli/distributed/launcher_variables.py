"""The environment variables by which SLURM, torchrun and MPI make a process one of several ranks."""

from collections.abc import Mapping

_OF_RANKS = (
    *("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "ROLE_RANK", "ROLE_NAME"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT", "STANDALONE_PORT"),
    *("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NPROCS", "SLURM_TASKS_PER_NODE"),
    *("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_GTIDS", "SLURM_TASK_PID", "SLURM_RESTART_COUNT"),
)
_PREFIXES_OF_RANKS = (
    *("TORCHELASTIC_", "SLURM_STEP", "SLURM_SRUN_", "SLURM_PMI"),
    *("OMPI_", "PMI_", "PMIX_", "PRTE_", "MPI_LOCAL", "MV2_COMM_WORLD_", "HYDI_", "JSM_"),
)


def without_ranks(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables without those by which a launcher makes a process one of several ranks.

    Where SLURM, torchrun or MPI started this process, Lightning would take a process that it starts for a rank of that
    launcher, and wait for the others. The job of SLURM stays, also its number in an array: a record names it.

    >>> without_ranks({"RANK": "1", "SLURM_PROCID": "1", "SLURM_JOB_ID": "17", "HOME": "/home/me"})
    {'SLURM_JOB_ID': '17', 'HOME': '/home/me'}
    """
    return {
        name: value
        for name, value in variables.items()
        if name not in _OF_RANKS and not name.startswith(_PREFIXES_OF_RANKS)
    }
