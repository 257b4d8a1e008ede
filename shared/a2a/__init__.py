"""What both ends of an A2A connection share: the card, the wire form of inputs, outputs and errors, and kept tasks."""
