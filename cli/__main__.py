"""The `segue` command: one verb a job; each verb loads only what it needs."""

import sys
from typing import Annotated

import typer

from cli import say
from foundation.errors import Problem

app = typer.Typer(
    name="segue",
    help="An open music-streaming platform whose heart is recommendation and analytics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130  # the status by which typer ends after Ctrl-C

Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="The port to serve on; 0: any that is free."),
]


@app.command()
def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything is ready.")] = False,
    port: Port = None,
    without_api: Annotated[
        bool, typer.Option("--without-api", help="Only the engines and the shipper.")
    ] = False,
    with_: Annotated[
        list[str] | None, typer.Option("--with", help="A part that is not always there: airflow.")
    ] = None,
) -> None:
    """Start everything, and stop it on Ctrl-C."""
    from cli import platform

    platform.up(detach=detach, port=port, with_api=not without_api, extra_parts=with_ or [])


@app.command()
def down() -> None:
    """Stop what `segue up --detach` started."""
    from cli import platform

    platform.down()


@app.command()
def status(*, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is running."""
    from cli import platform

    platform.status(as_json=json)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A part, as `segue status` names it.")],
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines from the end.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what comes.")] = False,
) -> None:
    """Print the end of a part's log."""
    from cli import platform

    platform.logs(name, lines=lines, follow=follow)


@app.command()
def demo(
    *,
    exit_: Annotated[bool, typer.Option("--exit", help="Stop everything after printing.")] = False,
    listeners: Annotated[int, typer.Option(min=2, help="How many listeners the world has.")] = 500,
    songs: Annotated[int, typer.Option(min=10, help="How many songs.")] = 2000,
    days: Annotated[int, typer.Option(min=2, help="How many days of listening.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 1,
    port: Port = None,
) -> None:
    """Make a small world, train on it and serve personal feeds."""
    from cli import demo as demonstration

    demonstration.run(listeners=listeners, songs=songs, days=days, seed=seed, port=port, stop_after=exit_)


@app.command("import")
def import_(
    path: Annotated[str, typer.Argument(help="A file, folder or zip of listening history.")],
    *,
    listener: Annotated[
        str | None, typer.Option(help="Whose history it is, where the file does not say.")
    ] = None,
    user_id: Annotated[
        int | None, typer.Option(help="The account whose history it is, whomever the file names.")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what would be taken and matched.")
    ] = False,
    match: Annotated[
        bool, typer.Option("--match", help="Join songs of the catalog that have the same or similar names.")
    ] = False,
    threshold: Annotated[
        float, typer.Option(min=0.4, max=1, help="How alike names are that mean one song: 1 is equal.")
    ] = 0.8,
    json: Annotated[str | None, typer.Option(help="A file for the preview as JSON.")] = None,
) -> None:
    """Take in listening history, from exports of the big services and from data sets; a catalog; or lyrics."""
    from cli import imports

    matching = imports.Matching(is_preview=preview, is_joining=match, threshold=threshold, json=json)
    imports.run(path, listener=listener, account=user_id, matching=matching)


@app.command()
def export(
    listener: Annotated[str, typer.Argument(help="A listener's id here, or SOURCE:EXTERNAL_ID.")],
    *,
    out: Annotated[str, typer.Option(help="The file to write.")],
) -> None:
    """Write a listener's history as ListenBrainz takes it: JSON with one listen a line, the oldest first."""
    from cli import exports

    exports.run(listener, out=out)


@app.command()
def job(
    name: Annotated[str | None, typer.Argument(help="A job; without it, the list of jobs.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every job, in order.")] = False,
    listener: Annotated[list[int] | None, typer.Option(help="Only for the listener of this id.")] = None,
) -> None:
    """Run a job, or all of them; one whose input is unchanged does nothing."""
    from cli import jobs

    jobs.run(name, everything=all_, listeners=listener or None)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="trending, retention, artists or recommendations.")],
    *,
    from_: Annotated[str, typer.Option("--from", help="The first day (UTC), as 2026-03-01.")],
    to: Annotated[str, typer.Option("--to", help="The last day, which is included.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help="With what was known at this moment, as 2026-03-09T04:30; default: now."
        ),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="A folder to write it to as well.")] = None,
) -> None:
    """Write a report as a page with plots, CSV and Parquet."""
    from cli import report as reporting

    reporting.run(name, from_, to, as_of=as_of, out=out)


@app.command()
def recommend(
    *,
    source: Annotated[str | None, typer.Option(help="The source a listener was imported from.")] = None,
    external_id: Annotated[str | None, typer.Option(help="The listener's id in that source.")] = None,
    user_id: Annotated[int | None, typer.Option(help="Or the listener's own id here.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="For every listener, into --out.")] = False,
    out: Annotated[str | None, typer.Option(help="A Parquet file for --all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many songs.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="As JSON, as the API answers.")] = False,
) -> None:
    """Recommend songs to one listener, or to everyone."""
    from cli import recommend as recommending

    if all_ and not (source is None and external_id is None and user_id is None and not json):
        raise recommending.WhichListener(
            "--all is for every listener, into --out: name no listener beside it"
        )
    if out is not None and not all_:
        raise recommending.WhichListener("--out goes with --all")
    if all_:
        recommending.everyone(out, limit=limit)
    else:
        recommending.one(source=source, external_id=external_id, user_id=user_id, limit=limit, as_json=json)


@app.command()
def evaluate(
    *,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="lastfm_lightgcn, gowalla, lastfm_hetrec, lastfm_sequences, listening_history, world, or events: the platform's own."
        ),
    ] = None,
    path: Annotated[str | None, typer.Option(help="Or a folder or file of your own, with --format.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="lightgcn, triples, sequences or events.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the data sets are; default: the setting `datasets`.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="segue, our best blend; two-stage, which serves; or a retriever, such as als.")
    ] = "segue",
    tune: Annotated[
        bool, typer.Option("--tune", help="Try more parameters, on listeners held back from training.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="What each part of both stages adds and costs, instead.")
    ] = False,
    log: Annotated[bool, typer.Option("--log/--no-log", help="Keep the run in MLflow.")] = True,
    seed: Annotated[int, typer.Option(help="Another seed, other random splits and models.")] = 1,
    json: Annotated[str | None, typer.Option(help="A file for the result as JSON.")] = None,
    page: Annotated[
        str | None,
        typer.Option(
            help="Instead, measure anew the tables of a page such as docs/evaluation.md; of --dataset alone where given."
        ),
    ] = None,
) -> None:
    """Train on the past of a data set, judge on what was held out, and print it beside published numbers."""
    from cli import evaluate as evaluating

    evaluating.run(
        evaluating.Asked(
            dataset=dataset,
            path=path,
            format=format_,
            data=data,
            model=model,
            is_tuned=tune,
            is_ablation=ablation,
            is_logged=log,
            seed=seed,
            json=json,
            page=page,
        )
    )


models = typer.Typer(help="Which models there are, and which one serves.", no_args_is_help=True)
app.add_typer(models, name="models")


@models.command("list")
def models_list(*, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Every registered model: when, from what, how good, what the gate said, and which one is live."""
    from cli import models as registered

    registered.list_(as_json=json)


@models.command()
def promote(
    model: Annotated[str, typer.Argument(help="A registered model, as `segue models list` names it: als/3.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Make a model live, whatever the gate said of it, and say what that changes: in feeds, for artists, in time."""
    from cli import models as registered

    registered.promote(model, is_tried=dry_run)


@models.command()
def rollback() -> None:
    """Make the model live again that served before this one."""
    from cli import models as registered

    registered.rollback()


warehouse = typer.Typer(help="The warehouse's tables and rollups.", no_args_is_help=True)
app.add_typer(warehouse, name="warehouse")


@warehouse.command("migrate")
def warehouse_migrate() -> None:
    """Bring its tables to the newest version."""
    from cli import warehouse as warehouses

    warehouses.migrate()


@warehouse.command("check")
def warehouse_check(
    *, repair: Annotated[bool, typer.Option("--repair", help="Correct what differs.")] = False
) -> None:
    """Compare every rollup with a recount of its listens; status 1 where one differs."""
    from cli import warehouse as warehouses

    warehouses.check(repair=repair)


account = typer.Typer(help="Accounts, for those who run the platform.", no_args_is_help=True)
app.add_typer(account, name="account")


@account.command("create")
def account_create(
    email: Annotated[str, typer.Argument(help="Where mail reaches them.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="What others see; default: what stands before the @.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="user, artist, analyst or admin; repeatable.")
    ] = None,
) -> None:
    """Make an account; its password is asked for, or read from standard input where that is no terminal."""
    from cli import account as accounts

    accounts.create(email, name or email.partition("@")[0], role or ["user"])


@account.command("roles")
def account_roles(
    email: Annotated[str, typer.Argument(help="Whose account.")],
    role: Annotated[list[str], typer.Argument(help="All its roles from now on.")],
) -> None:
    """Give an account exactly these roles; its tokens of before no longer hold."""
    from cli import account as accounts

    accounts.roles(email, role)


@app.command()
def follow(
    *,
    listener: Annotated[
        str | None,
        typer.Option(help="Who plays: an id here, or SOURCE:EXTERNAL_ID; default: someone typical."),
    ] = None,
    song: Annotated[
        int | None, typer.Option(help="What they play; default: the first song of their feed.")
    ] = None,
) -> None:
    """Play one song and watch it travel: the log, the stores, the changed feed."""
    from cli import follow as following

    following.run(listener=listener, song=song)


@app.command()
def token(
    listener: Annotated[str, typer.Argument(help="A listener's id here, or SOURCE:EXTERNAL_ID.")],
    *,
    role: Annotated[
        list[str] | None, typer.Option(help="user, artist, analyst or admin; repeatable.")
    ] = None,
) -> None:
    """Issue an access token for a listener."""
    from cli import tokens

    tokens.run(listener, roles=role or ["user"])


@app.command()
def install(
    *,
    extras: Annotated[bool, typer.Option("--extras", help="Also what tests and checks need.")] = False,
) -> None:
    """Only install; by the time this runs, the launcher has done so."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; further arguments go to pytest."""
    from cli import checks

    sys.exit(checks.test(context.args))


@app.command()
def check() -> None:
    """Run ruff, format, mypy, the import contracts and codespell."""
    from cli import checks

    sys.exit(checks.main())


def main() -> None:
    """Run the verb; a refusal is one line on stderr and status 1."""
    try:
        app(prog_name="./segue")
    except Problem as problem:
        say.refusal(problem.detail)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            say.refusal("stopped")
        raise


if __name__ == "__main__":
    main()
