"""The RunPod worker: a job's input in, records of MP3 out."""
