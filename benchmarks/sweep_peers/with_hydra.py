"""The same experiment as a program of Hydra, for ``--multirun``."""

from pathlib import Path

import hydra
from digits_by_hand import train
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path=".", config_name="with_hydra")
def main(config: DictConfig) -> float:
    """Train in the folder of the job."""
    return train(config.lr, config.epochs, Path(HydraConfig.get().runtime.output_dir))


main()
