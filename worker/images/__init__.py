"""worker/images"""
