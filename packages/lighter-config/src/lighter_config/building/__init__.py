"""Build objects: `copying` expands ``%``, `resolving` follows ``@`` and ``$`` and calls targets of `imports`."""
