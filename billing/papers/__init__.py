"""What a person can put into a folder: receipt, superbill, good-faith estimate."""
