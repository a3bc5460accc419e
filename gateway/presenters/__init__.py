"""From the engine's integers to what clients see, and back."""
