"""Model artifacts: archives, MXNet graphs, and what they lack."""
