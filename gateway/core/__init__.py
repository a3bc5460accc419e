"""The way to the engine: sequencer, records, clock; and what all of the gateway needs: configuration, limits, tokens, metrics."""
