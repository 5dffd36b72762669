"""What check, show, explain and diff do, which only look at a config; `words` reads what they are given."""
