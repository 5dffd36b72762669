from lighter import System


class Doubled(System):
    """A system that changes one step."""

    def training_step(self, batch, batch_idx):
        output = super().training_step(batch, batch_idx)
        output["loss"] = 2 * output["loss"]
        return output
