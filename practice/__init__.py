"""Skills in everyday life: what a member plans, notes and aims at, and with whom they share it."""
