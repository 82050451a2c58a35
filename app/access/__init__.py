"""Who asks, and what they may: every request is judged once, before anything else looks at it."""
