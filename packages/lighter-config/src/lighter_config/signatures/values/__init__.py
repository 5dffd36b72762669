"""Values: what a name stands for, followed through imports, classes and star exports."""
