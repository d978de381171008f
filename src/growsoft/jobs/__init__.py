"""Jobs: the queue of each database, the worker that empties it, and schedules."""

from growsoft.jobs.progress import JobCancelled, progress
from growsoft.jobs.worker import Book, Due, Limits, Place, Worker

__all__ = ["Book", "Due", "JobCancelled", "Limits", "Place", "Worker", "progress"]
