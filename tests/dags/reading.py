"""Reads the DAGs as a scheduler does, in an interpreter of its own, and prints what it found as JSON.

What Airflow itself loads comes first, so that what is left is the price of our files.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "dags"
OF_AIRFLOW = {
    "airflow",
    "croniter",
    "pathspec",
}  # loaded when it is first asked for a schedule or for a folder


def main() -> None:
    from airflow.dag_processing.dagbag import (
        DagBag,
    )  # here, since whoever looks for doctests imports this file
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, Asset

    assert all((BashOperator, DAG, Asset))
    before = set(sys.modules)
    began = time.process_time()
    bag = DagBag(dag_folder=FOLDER)
    seconds = time.process_time() - began
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    found = {
        "seconds": seconds,
        "loaded": sorted(name for name in new - OF_AIRFLOW if not name.startswith("unusual_prefix")),
        "all": sorted({name.partition(".")[0] for name in sys.modules}),
        "errors": dict(bag.import_errors),
        "dags": {name: facts(dag) for name, dag in bag.dags.items()},
    }
    sys.stdout.write("\n" + json.dumps(found))


def facts(dag: Any) -> dict[str, Any]:
    when = dag.schedule
    return {
        "cron": when if isinstance(when, str) else None,
        "after": [asset.name for asset in when] if isinstance(when, list) else [],
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "about": dag.doc_md,
        "tags": sorted(dag.tags),
        "tasks": {
            name: {
                "command": task.bash_command,
                "limit": task.execution_timeout.total_seconds(),
                "retries": task.retries,
                "pause": task.retry_delay.total_seconds(),
                "after": sorted(task.upstream_task_ids),
                "writes": [asset.name for asset in task.outlets],
            }
            for name, task in dag.task_dict.items()
        },
    }


if __name__ == "__main__":
    main()
