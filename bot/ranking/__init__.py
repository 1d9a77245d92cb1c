"""Rankers: papers and topics to scores with reasons."""
