"""PyTorch Lightning modules whose logged numbers are right."""
