"""The way to the engine: sequencer, records, clock; and what all the gateway needs: configuration, limits, tokens."""
