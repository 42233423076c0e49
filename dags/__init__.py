"""The folder a scheduler reads: DAGs made from pipelines/catalog.py, and nothing else of ours."""
