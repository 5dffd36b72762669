"""Load, merge, override, refer, prune, check and explain experiment configs."""
