"""The map of a dictionary: places, channels of data, pictures, sheets of crops, names of clusters."""
