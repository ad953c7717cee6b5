"""Assessment (考核) and inspections (检查)."""
