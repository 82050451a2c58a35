"""What concepts do to a prediction: contributions, edits with their controls, importance for classes, curves."""
