"""Where announcements come from: one module per way of arXiv's, and what they share."""
