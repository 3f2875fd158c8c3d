"""A folder for the PYTHONPATH of programs that are run against the emulator."""
