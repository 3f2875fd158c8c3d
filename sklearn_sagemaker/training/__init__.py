"""Training runs: candidates, scaling, schedules, validation, selection."""
