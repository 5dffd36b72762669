"""What to write instead of each handler and metric of an engine."""

HANDLERS = {
    "CheckpointSaver": "trainer::callbacks: {_target_: pytorch_lightning.callbacks.ModelCheckpoint}",
    "CheckpointLoader": "start with --ckpt-path FILE, or load weights with lighter.weights.load_weights",
    "EarlyStopHandler": "trainer::callbacks: {_target_: pytorch_lightning.callbacks.EarlyStopping}",
    "IgniteMetricHandler": "system::metrics with a torchmetrics metric",
    "MeanDice": "system::metrics: {_target_: monai.metrics.DiceMetric}",
    "MetricLogger": "a logger of Lightning: trainer::logger",
    "MetricsSaver": "lighter.callbacks.CsvWriter",
    "MLFlowHandler": "trainer::logger: {_target_: pytorch_lightning.loggers.MLFlowLogger}",
    "ParamSchedulerHandler": "a scheduler of torch: system::scheduler",
    "PostProcessing": "transforms of an adapter: system::adapters::val::metrics",
    "SegmentationSaver": "lighter.callbacks.FileWriter",
    "TensorBoardImageHandler": "log images in a callback",
    "TensorBoardStatsHandler": "trainer::logger: {_target_: pytorch_lightning.loggers.TensorBoardLogger}",
}
"""The short name of a handler, and its counterpart."""

NEEDLESS = {"StatsHandler": "values are logged by themselves", "GarbageCollector": "nothing is needed"}
"""The short name of a handler that needs no counterpart, and why."""

OTHER_HANDLER = "write a callback of Lightning"
METRIC = "a metric of MONAI or torchmetrics under system::metrics, such as monai.metrics.DiceMetric"
POSTPROCESSING = "`pred_transforms` of an adapter: system::adapters::val::metrics, or ::predict::logging for writers"
PREPARE_BATCH = "accessors of system::adapters::train::batch"
OTHER_ARGUMENT = "see the arguments of pytorch_lightning.Trainer: lighter describe Trainer"
