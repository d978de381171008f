"""The parts of the data floor that can be tried one by one."""
