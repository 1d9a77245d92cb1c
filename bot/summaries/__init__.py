"""Summaries by a language model: what it is asked, how it is asked, and how its answer is checked."""
