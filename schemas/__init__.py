"""The platform's words: units, quantities, device types, readings, reasons, rules. Imports nothing of ours."""
