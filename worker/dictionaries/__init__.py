"""worker/dictionaries"""
