"""The code that a run used: kept in its record, compared with the code now, and written again."""
