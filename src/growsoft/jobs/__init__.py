"""Jobs: the queue, the worker and the schedules of each customer database."""
