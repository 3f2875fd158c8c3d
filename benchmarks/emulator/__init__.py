"""Of the emulator."""
