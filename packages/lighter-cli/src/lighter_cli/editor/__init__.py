"""The language server ``lighter lsp``, one file a request; its knowledge is in `lighter_config` and `describing`."""
