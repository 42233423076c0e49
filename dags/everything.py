"""One Airflow DAG that runs all jobs in order, by hand."""

from dags._build import dag_of_everything

dag = dag_of_everything()
