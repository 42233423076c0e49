"""One Airflow DAG for each job of the catalogue."""

from dags._build import dag_for
from pipelines.catalog import JOBS

for job in JOBS:
    dag_for(job)
