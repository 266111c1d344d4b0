"""Trials: real servers under load, disturbances drawn from a seed, and the proof that nothing was lost.

A Trial is a load of QoS 1 publishers that keep their own log, the blows of a Disturbance, settling with a deadline,
and a verdict: published == stored + quarantined, alert transitions exactly once.
"""
