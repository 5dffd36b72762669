"""Show a run, several runs or a sweep on one page that needs no network, and draw figures for papers.

``subjects`` finds what is asked for; ``run_page``, ``runs_page`` and ``sweep_page`` decide what the page says; ``html``
writes the page, ``drawing`` draws figures with matplotlib.
"""
