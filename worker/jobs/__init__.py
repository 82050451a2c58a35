"""worker/jobs"""
