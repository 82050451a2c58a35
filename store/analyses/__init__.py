"""Photos that visitors gave, and what was found on them: kept for a day, seen by who knows the address, then gone."""
