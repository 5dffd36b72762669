"""Source text: `modules` finds it; the others say what one condition, function body or parameter list says alone."""
