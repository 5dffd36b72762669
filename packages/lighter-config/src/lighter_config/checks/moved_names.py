"""Import paths of earlier generations, and where their things are now."""

MOVED_NAMES = {
    "lighter.LighterSystem": "lighter.System",
    "lighter.system.LighterSystem": "lighter.System",
    "lighter.model.LighterModule": "lighter.LighterModule",
    "lighter.data.LighterDataModule": "lighter.LighterDataModule",
    "lighter.callbacks.LighterFreezer": "lighter.callbacks.Freezer",
    "lighter.callbacks.freezer.LighterFreezer": "lighter.callbacks.Freezer",
    "lighter.callbacks.writer.LighterFileWriter": "lighter.callbacks.FileWriter",
    "lighter.callbacks.writer.file.FileWriter": "lighter.callbacks.FileWriter",
    "lighter.callbacks.writer.file.LighterFileWriter": "lighter.callbacks.FileWriter",
    "lighter.callbacks.LighterFileWriter": "lighter.callbacks.FileWriter",
    "lighter.callbacks.writer.FileWriter": "lighter.callbacks.FileWriter",
    "lighter.callbacks.LighterTableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.TableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.writer.LighterTableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.writer.TableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.writer.table.TableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.writer.table.LighterTableWriter": "lighter.callbacks.CsvWriter",
    "lighter.callbacks.CSVWriter": "lighter.callbacks.CsvWriter",
    "lighter.utils.data.collate_replace_corrupted": "lighter.collate.collate_replacing_corrupt",
    "lighter.utils.collate.collate_replace_corrupted": "lighter.collate.collate_replacing_corrupt",
    "lighter.utils.model.adjust_prefix_and_load_state_dict": "lighter.weights.load_weights",
    "lighter.utils.model.replace_layer_with_identity": "lighter.layers.replace_layer_with_identity",
    "lighter.utils.model.remove_n_last_layers_sequentially": "lighter.layers.remove_last_layers",
}
"""Old dotted path to the new one. An old path that still exists is no finding."""
