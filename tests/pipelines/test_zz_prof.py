from tests.pipelines.conftest import *
from pipelines.run import run_all
import time, resource
def test_prof(world, context, capsys):
    world.settle_checkerboard_town()
    for _ in range(3):
        with capsys.disabled():
            for r in run_all(context):
                print(r.name, r.changed, round(r.seconds,2), r.summary[:90], round(resource.getrusage(resource.RUSAGE_SELF).ru_utime,2))
        world.listen(1,102)
