"""Released weights made into a checkpoint: run when an image is built, never by a job."""
