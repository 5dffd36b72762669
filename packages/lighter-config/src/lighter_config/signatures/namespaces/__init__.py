"""Namespaces: which names a module or a class binds, and to what, once its statements have run."""
