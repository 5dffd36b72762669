"""Draw what steps return: `confusion_matrix`, `image_logger` and `figure` are the callbacks."""
