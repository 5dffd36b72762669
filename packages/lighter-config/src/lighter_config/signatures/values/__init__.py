"""What a name stands for, followed through imports, classes and star exports: `library` is the way in."""
