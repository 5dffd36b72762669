"""Write a trained network for other programs: `formats` has the ways, `export` checks what was written."""
