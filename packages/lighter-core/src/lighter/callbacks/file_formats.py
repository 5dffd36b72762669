"""The former place of `lighter.callbacks.writers.file_formats`, for one release."""

import warnings

from lighter.callbacks.writers.file_formats import (
    FileFormat,
    Save,
    find_file_format,
    register_file_format,
    save_image_2d,
    save_image_3d,
    save_tensor,
    save_text,
)

__all__ = [
    "FileFormat",
    "Save",
    "find_file_format",
    "register_file_format",
    "save_image_2d",
    "save_image_3d",
    "save_tensor",
    "save_text",
]

warnings.warn(
    "`lighter.callbacks.file_formats` has moved to `lighter.callbacks.writers.file_formats`"
    " and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
