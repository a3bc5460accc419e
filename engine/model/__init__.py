"""What things are: units and bounds, reasons, commands, events, tables, and the state that they make up."""
