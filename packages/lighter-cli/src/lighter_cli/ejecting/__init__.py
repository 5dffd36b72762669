"""Write an experiment as a script of PyTorch Lightning."""
