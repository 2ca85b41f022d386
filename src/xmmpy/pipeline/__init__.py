"""The recipe as a graph of tasks: run, resume, record what happened."""
