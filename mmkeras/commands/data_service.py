"""`mmkeras data-service`."""

import signal
import subprocess
import sys
import threading
from typing import Annotated

import typer

from mmkeras.commands.app import app, failing_plainly
from mmkeras.commands.console import tell, told


@app.command("data-service")
def data_service(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the dispatcher; 0: any free one")] = 5050,
    workers: Annotated[int, typer.Option(min=1, help="worker processes to start on this machine")] = 2,
    join: Annotated[str | None, typer.Option(help="host:port of a dispatcher elsewhere: start workers only")] = None,
    host: Annotated[str, typer.Option(help="name under which other machines reach this one")] = "localhost",
):
    """Starts a tf.data service: training reads it by `pipe.batches(…, service="grpc://host:port")`.

    All machines must see the media under the same paths. Anybody who reaches the port can run graphs on it: keep it
    inside your own network.
    """
    with failing_plainly():
        import tensorflow as tf

        service, dispatcher = tf.data.experimental.service, None
        if join is None:
            dispatcher = service.DispatchServer(service.DispatcherConfig(port=port))
            join = f"{host}:{dispatcher.target.rsplit(':', 1)[1]}"
    command = [sys.executable, "-c", _WORKER, join, host]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(workers)]
    tell(f"{workers} workers of grpc://{join}; Ctrl-C ends them")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        while not stopped.wait(1.0):
            dead = [process.returncode for process in processes if process.poll() is not None]
            if dead:
                told.print(f"[bold red]mmkeras:[/] a worker ended with code {dead[0]}")
                raise typer.Exit(1)
    except KeyboardInterrupt:
        pass
    finally:
        for process in processes:
            process.kill()
            process.wait()


# A worker lives as long as its standard input is open, so that none outlives the command, however that ends.
_WORKER = """
import sys
import tensorflow as tf

dispatcher, host = sys.argv[1:]
service = tf.data.experimental.service
server = service.WorkerServer(service.WorkerConfig(dispatcher_address=dispatcher, worker_address=host + ":%port%"))
sys.stdin.read()
"""
